"""Series of windows in the administration pages (W8)."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc import clock
from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, ReasonGiven, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.accounts.admin.fields import LocalTimeField, WallTimeField, ZoneField
from quantumsvc.errors import ServiceError
from reservations_app.admin.booking import (
    Particulars,
    Placed,
    length_of,
    minutes_field,
    particulars,
    wish_of,
)
from reservations_app.admin.foretold import foretold
from reservations_app.admin.windows import TONES
from reservations_app.models import Series, Window
from reservations_app.services import series
from reservations_app.services.booking import require_sound
from reservations_app.services.patterns import Pattern, fit, pattern_of, reach
from reservations_app.services.rules import Span
from reservations_app.services.series import SeriesChange

RULE = "An RRULE of iCalendar, such as FREQ=WEEKLY;BYDAY=MO or FREQ=MONTHLY;BYDAY=1SA."


def _rule_field(**kwargs: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"size": 60})
    return forms.CharField(max_length=500, widget=widget, help_text=RULE, **kwargs)


class NewSeries(Placed):
    field_order = (
        "backend", "kind", "instance", "rule", "first", "time_zone", "minutes", "skip_taken", "mode",
    )  # fmt: skip
    rule = _rule_field()
    first = WallTimeField(label="First start", help_text="On the clock of the zone below.")
    time_zone = ZoneField(help_text="The rule goes by its clock: daylight saving does not move the hour.")
    minutes = minutes_field()
    skip_taken = forms.BooleanField(
        required=False, help_text="Leave out what is taken, instead of booking nothing."
    )


class ChangedSeries(Particulars):
    field_order = ("since", "rule", "first", "minutes", "skip_taken")
    since = LocalTimeField(
        required=False,
        label="From",
        help_text="The start of the first window that changes; empty: all to come.",
    )
    rule = _rule_field()
    first = WallTimeField(
        required=False, label="New first start", help_text="On the clock of the series; empty: as it is."
    )
    minutes = minutes_field()
    skip_taken = forms.BooleanField(
        required=False, help_text="Leave out what is taken, instead of changing nothing."
    )


class Skipping(ActForm):
    local = WallTimeField(label="Start that is left out", help_text="On the clock of the series.")
    reason = reason_field(required=True)


def _pattern(deed: Deed) -> Pattern:
    length = length_of(deed.data["minutes"])
    return pattern_of(
        wish_of(deed, Span(deed.now, deed.now + length)),
        rule=deed.data["rule"],
        first=deed.data["first"],
        zone=deed.data["time_zone"],
        length=length,
        skip_taken=deed.data["skip_taken"],
    )


def _book(deed: Deed) -> str:
    made = series.book_series(_pattern(deed), by=deed.actor, now=deed.now)
    return f"The series {made.pk} is booked, with {made.windows.count()} windows for now."


def _check(deed: Deed) -> list[str]:
    try:
        pattern = _pattern(deed)
        require_sound(pattern.wish, deed.actor)
    except ServiceError as refused:
        return [refused.message]
    before = reach(pattern.wish.backend, pattern.wish.instance, deed.now)
    found = fit(pattern, by=deed.actor, now=deed.now, since=deed.now, before=before)
    counted = (
        f"{len(found.free)} windows could be booked up to {before:%Y-%m-%d}, {len(found.taken)} are left out."
    )
    wishes = [replace(pattern.wish, span=Span(each.at, each.at + pattern.length)) for each in found.free]
    return [counted, *foretold(found.broken[: series.TOLD], wishes, now=deed.now)]


def _change(deed: Deed) -> str:
    change = SeriesChange(
        rule=deed.data["rule"],
        first=deed.data["first"],
        length=length_of(deed.data["minutes"]),
        skip_taken=deed.data["skip_taken"],
        **particulars(deed),
    )
    new = series.edit(deed.row.pk, change, since=deed.data["since"], by=deed.actor, now=deed.now)
    return f"The series ends there, and the series {new.pk} takes its place."


def _skip(deed: Deed) -> None:
    series.skip(deed.row.pk, deed.data["local"], by=deed.actor, now=deed.now, reason=deed.reason)


def _end(deed: Deed) -> None:
    series.end(deed.row.pk, by=deed.actor, now=deed.now, reason=deed.reason)


def _as_it_is(row: Any) -> dict[str, Any]:
    names = ("rule", "mode", "end_policy", "note", "override_reason")
    kept = {name: getattr(row, name) for name in names}
    return kept | {"minutes": row.length_seconds // 60, "users": list(row.users.all())}


def _ended(row: Any) -> str:
    return "" if row.ends_before is None else "It has ended."


class WindowsInline(ReadOnlyInline):
    model = Window
    fk_name = "series"
    fields = readonly_fields = ("starts_at", "ends_at", "status", "note")
    verbose_name_plural = "windows to come"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(ends_at__gt=clock.now()).order_by("starts_at")

    @admin.display(description="state")
    def status(self, window: Window) -> str:
        state = window.state_at(clock.now())
        return badge(state, TONES[state])


class SeriesAdmin(OperatorAdmin):
    list_display = ("id", "backend", "kind", "whose", "rule", "starts_local", "time_zone", "status")
    list_filter = (("ends_before", admin.EmptyFieldListFilter), "kind", "mode", "backend")
    list_select_related = ("backend", "instance")
    search_fields = ("=id", "backend__name", "instance__name", "note", "rule")
    search_help_text = "A series' whole id, a backend's or instance's name, or a word of the note or rule."
    fields = (
        "id", "status", "backend", "kind", "instance", "mode", "rule", "starts_local", "time_zone", "length",
        "end_policy", "note", "skipped", "created_by", "created_at", "override_reason",
        "made_until", "ends_before", "ended_by", "successor",
    )  # fmt: skip
    inlines = (WindowsInline,)
    acts = (
        Act(
            name="book", label="Book a series", makes=True, form=NewSeries, do=_book, check=_check,
            effects=("Each occurrence is a window of its own, which can be moved or cancelled by itself.",),
        ),
        Act(
            name="change", label="Change from a time on", many=False, form=ChangedSeries, do=_change,
            initial=_as_it_is, refusal=_ended,
            effects=("The series ends there and a new one takes its place. What was cancelled stays out.",),
        ),
        Act(
            name="skip", label="Leave out a date", many=False, form=Skipping, do=_skip, refusal=_ended,
            effects=("The window of that date is cancelled, or never made.",),
        ),
        Act(
            name="end", label="End the series", danger=True, form=ReasonGiven, do=_end, refusal=_ended,
            effects=("Every window that has not begun is cancelled, and no more are made.",),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("backend__configuration")
        return rows.select_related("backend", "instance", "created_by", "ended_by")

    @admin.display(description="state", ordering="ends_before")
    def status(self, row: Series) -> str:
        return badge("goes on", "completed") if row.ends_before is None else badge("ended", "cancelled")

    @admin.display(description="instance", ordering="instance__name")
    def whose(self, row: Series) -> str:
        return row.instance.name if row.instance else "the operator"

    @admin.display(description="length (minutes)")
    def length(self, row: Series) -> str:
        return f"{row.length_seconds / 60:g}"
