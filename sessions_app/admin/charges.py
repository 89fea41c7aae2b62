"""The ledger in the administration pages (L17): read only, as in the database."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from quantumsvc.accounts.admin.base import OperatorAdmin
from sessions_app.models import ChargeKind, LedgerLine

_PAGES = {
    ChargeKind.JOB.value: "admin:sessions_app_job_change",
    ChargeKind.SESSION.value: "admin:sessions_app_session_change",
    ChargeKind.RESERVATION.value: "admin:reservations_app_window_change",
}


class LedgerAdmin(OperatorAdmin):
    list_display = ("at", "kind", "about", "backend", "instance", "user", "used")
    list_display_links = ("at",)
    list_filter = ("kind", "backend", "at")
    list_select_related = ("backend", "instance", "user")
    search_fields = ("=subject", "=session_id", "instance__name", "user__username")
    search_help_text = "A job's, session's or window's whole id, or an instance's or user's name."
    fields = ("at", "since", "kind", "about", "session_id", "backend", "instance", "user", "used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("backend__configuration")
        return rows.select_related("backend", "instance", "user")

    @admin.display(description="for", ordering="subject")
    def about(self, line: LedgerLine) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse(_PAGES[line.kind], args=[line.subject]), line.subject
        )

    @admin.display(description="charged", ordering="microseconds")
    def used(self, line: LedgerLine) -> str:
        return f"{line.seconds:.3f} s"
