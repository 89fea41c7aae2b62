"""Windows in the administration pages."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc import clock
from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.errors import ServiceError
from quantumsvc.scheduling.states import WindowState
from reservations_app.admin.booking import (
    Booking,
    Moving,
    override_field,
    particulars,
    span_of,
    wish_of,
)
from reservations_app.admin.foretold import foretold
from reservations_app.models import Window, WindowEvent
from reservations_app.models.windows import STANDING
from reservations_app.services import booking, changing
from reservations_app.services.changing import Change

TONES = {
    WindowState.SCHEDULED: "queued",
    WindowState.ACTIVE: "running",
    WindowState.COMPLETED: "completed",
    WindowState.CANCELLED: "cancelled",
    WindowState.MISSED: "failed",
}


class Cancelling(ActForm):
    reason = reason_field(required=True, told="Its owner reads it; the audit keeps it.")
    override_reason = override_field()


class Releasing(ActForm):
    reason = reason_field(required=True, told="Its owner reads it in the audit.")


def _book(deed: Deed) -> str:
    window = booking.book(wish_of(deed, span_of(deed)), by=deed.actor, now=deed.now)
    return f"The window {window.pk} is booked."


def _check(deed: Deed) -> list[str]:
    wish = wish_of(deed, span_of(deed))
    try:
        booking.require_sound(wish, deed.actor)
    except ServiceError as refused:
        return [refused.message]
    return foretold(booking.check(wish, by=deed.actor, now=deed.now), [wish], now=deed.now)


def _change_of(deed: Deed) -> Change:
    """The form tells whole seconds: a time that it does not change stays as exact as it was."""
    start, end = (
        _kept(deed.data["starts_at"], deed.row.starts_at),
        _kept(deed.data["ends_at"], deed.row.ends_at),
    )
    return Change(starts_at=start, ends_at=end, **particulars(deed))


def _kept(told: datetime, known: datetime) -> datetime:
    return known if told == known.replace(microsecond=0) else told


def _move(deed: Deed) -> str:
    window = changing.move(deed.row.pk, _change_of(deed), by=deed.actor, now=deed.now)
    return f"It is cancelled, and the window {window.pk} takes its place."


def _check_move(deed: Deed) -> list[str]:
    change, here = _change_of(deed), [deed.row.pk]
    broken = changing.check_move(deed.row, change, by=deed.actor, now=deed.now)
    return foretold(broken, [changing.changed(deed.row, change)], now=deed.now, without=here)


def _cancel(deed: Deed) -> None:
    override = deed.data["override_reason"].strip()
    changing.cancel(deed.row.pk, by=deed.actor, now=deed.now, reason=deed.reason, override_reason=override)


def _release(deed: Deed) -> None:
    changing.release(deed.row.pk, by=deed.actor, now=deed.now, reason=deed.reason)


def _as_it_is(row: Any) -> dict[str, Any]:
    names = ("starts_at", "ends_at", "mode", "end_policy", "note")
    return {name: getattr(row, name) for name in names} | {"users": list(row.users.all())}


def _ended(row: Any) -> str:
    return "" if row.state in STANDING else f"It is {row.state}."


def _unbegun(row: Any) -> str:
    return _ended(row) or ("" if row.starts_at <= clock.now() else "It has not begun: cancel it instead.")


class WindowEventsInline(ReadOnlyInline):
    model = WindowEvent
    fields = readonly_fields = ("at", "source", "target", "cause", "by")
    verbose_name_plural = "history"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("by")


class WindowAdmin(OperatorAdmin):
    list_display = ("starts_at", "ends_at", "backend", "kind", "whose", "mode", "status", "note")
    list_display_links = ("starts_at",)
    list_filter = ("state", "kind", "mode", "backend", "starts_at")
    list_select_related = ("backend", "instance")
    search_fields = ("=id", "=series__id", "backend__name", "instance__name", "note")
    search_help_text = (
        "A window's or series' whole id, a backend's or instance's name, or a word of the note."
    )
    date_hierarchy = "starts_at"
    fields = (
        "id", "status", "backend", "kind", "instance", "mode", "starts_at", "ends_at", "released_at",
        "end_policy", "allowed", "note", "counts_as_used", "first_job_at", "created_by", "created_at",
        "override_reason", "series", "occurrence", "successor",
        "cancelled_at", "cancelled_by", "cancel_reason",
    )  # fmt: skip
    inlines = (WindowEventsInline,)
    acts = (
        Act(
            name="book", label="Book a window", makes=True, form=Booking, do=_book, check=_check,
            effects=(
                "The time is held for the instance, or for yourself. It starts on time (W2).",
                "Every rule that stands against it is told at once.",
            ),
        ),
        Act(
            name="move", label="Move or change", many=False, form=Moving, do=_move, check=_check_move,
            initial=_as_it_is, refusal=_ended,
            effects=("This window is cancelled and a new one takes its place; both tell of each other.",),
        ),
        Act(
            name="cancel", label="Cancel the window", danger=True, form=Cancelling, do=_cancel,
            refusal=_ended,
            effects=("Its time is free for others at once. It stays in the list, with who and why.",),
        ),
        Act(
            name="release", label="Release the rest", form=Releasing, do=_release, refusal=_unbegun,
            effects=("It ends now, and what is left of its time is free for others.",),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("backend__configuration")
        return rows.select_related("backend", "instance", "created_by", "cancelled_by", "series")

    @admin.display(description="state", ordering="state")
    def status(self, window: Window) -> str:
        state = window.state_at(clock.now())
        return badge(state, TONES[state])

    @admin.display(description="instance", ordering="instance__name")
    def whose(self, window: Window) -> str:
        return window.instance.name if window.instance else "the operator"

    @admin.display(description="for")
    def allowed(self, window: Window) -> str:
        return ", ".join(window.users.values_list("username", flat=True)) or "all members"
