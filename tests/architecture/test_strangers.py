"""A walk over every address and socket as somebody to whom nothing there belongs.

The addresses come from the URL configuration. A new one is walked without being listed; one that names a
kind of thing that ``owned`` does not have yet fails until there is one.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client, override_settings
from django.urls import get_resolver

from quantumsvc import asgi
from quantumsvc.accounts.models import ApiKey, Instance, Membership
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.notices.models import Delivery, Notice, Subscription
from reservations_app.models import CalendarFeed, Series, Window
from sessions_app.models import BackendAlert, CalibrationRun, CalibrationSchedule, Job, LedgerLine, Session
from tests.api.callers import Caller, make_caller
from tests.api.conftest import alice as alice
from tests.api.conftest import lab as lab
from tests.api.conftest import time as time
from tests.architecture.test_tenancy import addresses, closed, owned
from tests.factories import START, make_instance
from tests.legacy import test_stream
from tests.live import test_hearing
from tests.reservations.making import make_series, make_window

__all__ = ["closed", "owned"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What addresses that are patterns stand for; the rest of each kind answers the same.
PATTERNS = {
    "^(?:api/v1/)?(?P<plan_id>plan-[^/]*)$": "plan-open",
    "^(?:experimental|api)(?:/.*)?$": "api/nothing",
    "^(?:auth|legacy)(?:/.*)?$": "legacy/nothing",
    "admin/(?P<url>.*)$": "admin/nothing",
    "admin/^(?P<app_label>accounts|reservations_app|backends|sessions_app)/$": "admin/accounts/",
}
# Addresses that name something which is not anybody's.
OF_ALL = ("catalog/", "plan-", "api/nothing", "legacy/nothing")
# Kinds whose names tell nothing, as they are in many answers.
PLAIN = ("keys", "members", "accounts", "catalog", "Network", "Groups", "Projects")
# The same views again.
SECOND_MOUNTS = ("experimental/", "legacy/experimental/")
KEPT: tuple[type[Model], ...] = (
    Job, Session, Window, Series, Subscription, Membership, ApiKey, Instance, Backend, CalibrationRun,
    CalibrationSchedule, BackendAlert, CalendarFeed, LedgerLine, Delivery, Notice,
)  # fmt: skip
# Of Alice's calendar feed; nothing else looks like it.
FEED = "5e" * 32
# Who proves of each socket that a stranger hears nothing there.
SOCKETS: dict[str, Any] = {
    r"/ws/live": test_hearing.test_two_sockets_of_two_tenants_one_hears,
    r"/legacy/stream/jobs/([^/]+)": test_stream.test_it_refuses_strangers_as_if_there_were_no_job,
}


def test_it_knows_every_socket() -> None:
    assert set(asgi.SOCKETS) == set(SOCKETS)
    assert all("stranger" in inspect.signature(test).parameters for test in SOCKETS.values())


@pytest.fixture
def bare() -> None:
    """Here, middleware is served: pages need theirs."""


@pytest.fixture
def things(alice: Caller, closed: Backend, owned: dict[str, str]) -> dict[str, str]:
    """What is Alice's, by what stands before its place in an address."""
    Instance.objects.filter(pk=alice.instance.pk).update(name="quokka lab")
    window = make_window(backend=closed, instance=alice.instance, created_by=alice.user, note="quokka note")
    series = make_series(
        backend=closed, kind="reservation", instance=alice.instance, created_by=alice.user, note="quokka row"
    )
    CalendarFeed.objects.create(user=alice.user, instance=alice.instance, digest=FEED, created_at=START)
    return owned | {
        "reservations": window.pk,
        "reservation-series": series.pk,
        "schedules": owned["calibration-schedules"],
        "keys": str(alice.issued.key.pk),
        "members": str(Membership.objects.get(user=alice.user).pk),
        "resource_instances": alice.instance.crn,
        "accounts": "acct",
        "catalog": "plan-open",
        "calendars": FEED,
        "Network": "acct",
        "Groups": "main",
        "Projects": "quokka lab",
    }


@pytest.fixture
def stranger(time: Any) -> Caller:
    """A manager of an instance in another account, signed in to the pages, too."""
    with override_settings(MIDDLEWARE=[]):
        caller = make_caller(make_instance(account="elsewhere"), Role.MANAGER)
        caller.get("/backends")
    return caller


def filled(route: str, things: dict[str, str]) -> str:
    """The address with Alice's things in the places; KeyError for a place of which there is nothing."""
    if route in PATTERNS:
        return f"/{PATTERNS[route]}"
    parts: list[str] = []
    for part in route.split("/"):
        place = re.fullmatch(r"(.*)<\w+:(\w+)>(.*)", part)
        if place is None:
            parts.append(part)
        elif route.startswith("admin/"):
            parts.append({"object_id": things["jobs"], "act": "cancel", "content_type_id": "1"}[place[2]])
        elif place[2] == "ident" and parts[-1] == "calibrations" and "backends" in parts:
            parts.append("current")
        else:
            parts.append(place[1] + things[parts[-1]] + place[3])
    return "/" + "/".join(parts)


def routes() -> list[str]:
    """All of them; those that end what they are called with come last."""
    found = set(addresses(get_resolver().url_patterns))
    return sorted(found, key=lambda route: ("logout" in route or "password" in route, route))


def calls() -> Iterator[tuple[str, str]]:
    for route in routes():
        again = route.startswith(SECOND_MOUNTS)
        for method in ("GET",) if again else ("GET", "POST") if route.startswith("admin/") else METHODS:
            yield route, method


def kept() -> dict[str, dict[Any, Any]]:
    return {model.__name__: {row["pk"]: row for row in rows_of(model)} for model in KEPT}


def rows_of(model: type[Model]) -> list[dict[str, Any]]:
    return [{**row, "pk": row["id"]} for row in model._default_manager.values()]


def test_it_gives_a_stranger_nothing_at_any_address(
    alice: Caller, stranger: Caller, things: dict[str, str]
) -> None:
    pages = Client(raise_request_exception=False)
    pages.force_login(stranger.user)
    tells = {
        "quokka", alice.user.username, alice.instance.crn, alice.instance.name, alice.issued.key.prefix,
        *(each for name, each in things.items() if name not in PLAIN),
    }  # fmt: skip
    before = kept()
    token = {"X-Access-Token": stranger.headers["Authorization"].removeprefix("Bearer ")}
    found: dict[str, set[int]] = {}
    for route, method in calls():
        address = filled(route, things)
        if address.startswith((*asgi.API_PREFIXES, "/auth/", "/legacy/", "/api/")):
            answer = stranger.based("").having(**token).call(method, address)
        else:
            answer = pages.generic(method, address)
        assert answer.status_code < 500, (method, address)
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()
        told = {each for each in tells if each not in address and each in text}
        assert not told, (method, address)
        found.setdefault(route, set()).add(answer.status_code)
    for route, statuses in found.items():
        theirs = "<" in route and not filled(route, things).startswith(tuple(f"/{one}" for one in OF_ALL))
        if theirs and not route.startswith("admin/"):
            # Where only GET was tried, it may not be allowed.
            assert 404 in statuses or route.startswith(SECOND_MOUNTS), route
            assert statuses <= {404, 405}, (route, statuses)
    after = kept()
    for name, rows in before.items():
        assert rows.items() <= after[name].items(), name


def test_it_gives_those_who_are_nobody_even_less(alice: Caller, things: dict[str, str]) -> None:
    nobody = Client(raise_request_exception=False)
    named = {each for name, each in things.items() if name not in PLAIN}
    tells = {"quokka", alice.user.username, alice.instance.crn, *named}
    for route in routes():
        address = filled(route, things)
        answer = nobody.get(address)
        assert answer.status_code < 500, address
        text = answer.content.decode()
        assert not {each for each in tells if len(each) > 4 and each not in address and each in text}, address
        if "<" in route and not address.startswith(tuple(f"/{one}" for one in OF_ALL)):
            assert answer.status_code in (302, 401, 404, 405), address
