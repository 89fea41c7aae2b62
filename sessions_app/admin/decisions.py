"""The decision log in the administration pages (E1)."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from quantumsvc.accounts.admin.base import OperatorAdmin
from sessions_app.models import Decision


class DecisionAdmin(OperatorAdmin):
    list_display = ("at", "backend", "rule", "job", "session_id", "passed_over_count")
    list_filter = ("rule", "backend", "at")
    list_select_related = ("backend",)
    search_fields = ("=job_id", "=session_id")
    search_help_text = "A job's or session's whole id."
    fields = ("at", "backend", "rule", "job", "session_id", "others")

    @admin.display(description="started", ordering="job_id")
    def job(self, decision: Decision) -> str:
        return _job_link(decision.job_id)

    @admin.display(description="passed over")
    def passed_over_count(self, decision: Decision) -> int:
        return len(decision.passed_over)

    @admin.display(description="passed over")
    def others(self, decision: Decision) -> Any:
        rows = ((_job_link(each["job"]), each["since"]) for each in decision.passed_over)
        return format_html_join("\n", "<div>{} waiting since {}</div>", rows) or "-"


def _job_link(ident: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:sessions_app_job_change", args=[ident]), ident)
