"""System checks: a misconfiguration is told at the start, with what to do, and not by the first request."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

Messages = list[CheckMessage]


@register()
def check_task_queue(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """A doorbell must never be delivered again while its drain still runs."""
    queue = settings.Q_CLUSTER
    found: Messages = []
    if queue["retry"] <= queue["timeout"]:
        hint = "Make retry larger than timeout."
        found.append(Error("Q_CLUSTER would deliver a running task twice.", hint=hint, id="quantumsvc.E001"))
    if not queue["ack_failures"] or queue["max_attempts"] != 1:
        hint = "Set ack_failures to True and max_attempts to 1: the job table decides on retries."
        found.append(Error("Q_CLUSTER would repeat failed tasks.", hint=hint, id="quantumsvc.E002"))
    return found


@register()
def check_database(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """The guarantees rest on PostgreSQL, and a pool must not be shared by processes that fork."""
    database = settings.DATABASES["default"]
    found: Messages = []
    if database["ENGINE"] != "django.db.backends.postgresql":
        found.append(Error("The service needs PostgreSQL.", hint="Set DATABASE_URL.", id="quantumsvc.E003"))
    if database["OPTIONS"].get("pool") and database.get("CONN_MAX_AGE"):
        hint = "Leave CONN_MAX_AGE at 0 where the pool is used."
        found.append(Error("Connections would be kept out of the pool.", hint=hint, id="quantumsvc.E004"))
    return found


@register()
def check_times(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """All times inside are UTC; a person's zone is a matter of pages."""
    if settings.USE_TZ and settings.TIME_ZONE == "UTC":
        return []
    return [Error("Times would not be UTC.", hint="Set USE_TZ and TIME_ZONE='UTC'.", id="quantumsvc.E005")]


@register(deploy=True)
def check_public_address(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """API keys travel in headers: beyond one machine they need TLS."""
    local = ("http://127.0.0.1", "http://localhost", "http://[::1]", "https://")
    if settings.PUBLIC_URL.startswith(local):
        return []
    hint = "Put the service behind a proxy that ends TLS, and set QUANTUMSVC_PUBLIC_URL to https://..."
    return [Warning("API keys would travel in the clear.", hint=hint, id="quantumsvc.W001")]
