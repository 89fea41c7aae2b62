"""The audit in the administration pages: read only, as in the database."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from quantumsvc.accounts.admin.base import OperatorAdmin, preformatted
from quantumsvc.accounts.models import AuditEntry

# The app of each kind of object that has a page.
_APPS = {
    **dict.fromkeys(("user", "instance", "membership", "apikey"), "accounts"),
    **dict.fromkeys(("backend", "calibrationset"), "backends"),
    **dict.fromkeys(("job", "session", "calibrationrun", "calibrationschedule"), "sessions_app"),
    **dict.fromkeys(("calibrationpolicy", "backendalert"), "sessions_app"),
    **dict.fromkeys(("window", "series", "reservationpolicy", "calendarfeed"), "reservations_app"),
    "subscription": "notices",
}


class AuditAdmin(OperatorAdmin):
    list_display = ("at", "who", "action", "about", "why", "whence")
    list_display_links = ("at",)
    list_filter = ("at", "via", "action", "object_kind")
    search_fields = ("actor_name", "action", "object_name", "object_id", "reason", "instance__name")
    search_help_text = "Who, what, an object's name or id, or a word of the reason."
    fields = (
        "at", "who", "whence", "action", "about", "object_kind", "object_id", "instance",
        "before_values", "after_values", "reason",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description="who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "the service"

    @admin.display(description="object", ordering="object_name")
    def about(self, entry: AuditEntry) -> str | SafeString:
        return object_link(entry)

    @admin.display(description="why", ordering="reason")
    def why(self, entry: AuditEntry) -> str:
        return entry.reason if len(entry.reason) <= 80 else f"{entry.reason[:79]}…"

    @admin.display(description="from", ordering="via")
    def whence(self, entry: AuditEntry) -> str:
        return f"{entry.via} {entry.address}".strip()

    @admin.display(description="before")
    def before_values(self, entry: AuditEntry) -> str | SafeString:
        return _values(entry.before)

    @admin.display(description="after")
    def after_values(self, entry: AuditEntry) -> str | SafeString:
        return _values(entry.after)


def object_link(entry: AuditEntry) -> str | SafeString:
    """The object's name, leading to its page if it has one."""
    app = _APPS.get(entry.object_kind)
    try:
        url = reverse(f"admin:{app}_{entry.object_kind}_change", args=[entry.object_id])
    except NoReverseMatch:
        return entry.object_name
    return format_html('<a href="{}">{}</a>', url, entry.object_name or entry.object_id)


def _values(values: dict[str, Any] | None) -> str | SafeString:
    if not values:
        return "-"
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return preformatted("\n".join(lines))
