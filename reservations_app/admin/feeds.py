"""Secret addresses of calendars in the administration pages: whose they are, never what they are."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import Act, Deed, ReasonGiven
from quantumsvc.accounts.admin.base import OperatorAdmin
from reservations_app.services.feeds import withdraw


def _withdraw(deed: Deed) -> None:
    withdraw(deed.row, now=deed.now, by=deed.actor, reason=deed.reason)


class FeedAdmin(OperatorAdmin):
    list_display = ("id", "user", "instance", "backend", "created_at")
    list_filter = ("backend", "created_at")
    list_select_related = ("user", "instance", "backend")
    search_fields = ("user__username", "instance__name", "backend__name")
    search_help_text = "A user's, instance's or backend's name."
    fields = ("user", "instance", "backend", "created_at")
    acts = (
        Act(
            name="withdraw", label="Withdraw", danger=True, form=ReasonGiven, do=_withdraw,
            effects=("The address is useless at once. Its owner can ask for a new one.",),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("digest", "backend__configuration")
        return rows.select_related("user", "instance", "backend")
