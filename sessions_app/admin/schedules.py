"""Schedules of calibrations in the administration pages."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc import clock
from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, ReasonGiven, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.accounts.admin.fields import NumbersField, WallTimeField, ZoneField
from quantumsvc.backends.chipdata.readings import EXPERIMENTS
from quantumsvc.backends.models import Backend, BackendKind
from quantumsvc.recurrence import instant_of
from sessions_app.models import CalibrationRun, CalibrationSchedule
from sessions_app.services.calibrations.planning import (
    FIELDS,
    change_schedule,
    create_schedule,
    delete_schedule,
    next_due,
)


class ScheduleForm(ActForm):
    name = forms.CharField(max_length=100)
    rrule = forms.CharField(
        label="Rule", max_length=500, widget=forms.TextInput(attrs={"size": 60}),
        help_text="An RRULE of iCalendar, such as FREQ=DAILY or FREQ=WEEKLY;BYDAY=MO,TH.",
    )  # fmt: skip
    starts_at = WallTimeField(label="First time", help_text="On the clock of the zone below.")
    time_zone = ZoneField(help_text="The rule goes by its clock: daylight saving does not move the hour.")
    deferral_seconds = forms.IntegerField(
        min_value=0, max_value=7 * 86_400, initial=0, label="May wait (seconds)",
        help_text="So long may a run let other work go first.",
    )  # fmt: skip
    window_minutes = forms.IntegerField(
        min_value=0, max_value=24 * 60, initial=0, label="Reserve (minutes)",
        help_text="So much time is reserved for each run; 0: none, it takes the next free moment.",
    )  # fmt: skip
    qubits = NumbersField(help_text="Numbers with commas between them; empty: all.")
    experiments = forms.MultipleChoiceField(
        required=False, choices=[(name, name) for name in EXPERIMENTS],
        widget=forms.CheckboxSelectMultiple, help_text="None chosen: all.",
    )  # fmt: skip
    is_active = forms.BooleanField(required=False, initial=True, label="Active")
    reason = reason_field(required=False)


class NewSchedule(ScheduleForm):
    field_order = ("backend",)
    backend = forms.ModelChoiceField(Backend.objects.filter(kind=BackendKind.DEVICE).defer("configuration"))


def _fields(deed: Deed) -> dict[str, Any]:
    """The schedule's fields; its first time becomes an instant by the clock of its own zone."""
    fields = {name: deed.data[name] for name in FIELDS}
    fields["starts_at"] = instant_of(fields["starts_at"], ZoneInfo(fields["time_zone"]))
    return fields


def _make(deed: Deed) -> None:
    create_schedule(
        backend=deed.data["backend"], fields=_fields(deed), by=deed.actor, now=deed.now,
        reason=deed.reason,
    )  # fmt: skip


def _change(deed: Deed) -> None:
    change_schedule(schedule=deed.row, fields=_fields(deed), by=deed.actor, now=deed.now, reason=deed.reason)


def _delete(deed: Deed) -> None:
    delete_schedule(schedule=deed.row, by=deed.actor, now=deed.now, reason=deed.reason)


def _as_it_is(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in FIELDS}
    return {**values, "starts_at": row.starts_at.astimezone(ZoneInfo(row.time_zone)).replace(tzinfo=None)}


class RunsInline(ReadOnlyInline):
    model = CalibrationRun
    fields = readonly_fields = ("due_at", "state", "trigger", "is_partial")
    verbose_name_plural = "runs"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("job")

    @admin.display(description="state")
    def state(self, run: CalibrationRun) -> str:
        return badge(run.job.state, run.job.state)


class ScheduleAdmin(OperatorAdmin):
    list_display = ("name", "backend", "rrule", "time_zone", "active", "next_time")
    list_filter = ("is_active", "backend")
    list_select_related = ("backend",)
    search_fields = ("name", "backend__name", "rrule")
    search_help_text = "A schedule's or backend's name, or a part of the rule."
    fields = (
        "name", "backend", "active", "rrule", "time_zone", "starts_at", "next_time", "deferral_seconds",
        "window_minutes", "qubits", "experiments", "created_by", "created_at", "updated_at",
    )  # fmt: skip
    inlines = (RunsInline,)
    acts = (
        Act(
            name="make", label="Add a schedule", makes=True, form=NewSchedule, do=_make,
            effects=("Its next calibration is asked for at once; one at a time waits.",),
        ),
        Act(
            name="change", label="Change", many=False, form=ScheduleForm, do=_change, initial=_as_it_is,
            effects=("The calibration that waits is given up and asked for anew.",),
        ),
        Act(
            name="delete", label="Delete", danger=True, form=ReasonGiven, do=_delete,
            effects=("What was measured stays. A run that waits is cancelled, one that runs goes on.",),
        ),
    )  # fmt: skip

    @admin.display(description="active", boolean=True, ordering="is_active")
    def active(self, schedule: CalibrationSchedule) -> bool:
        return schedule.is_active

    @admin.display(description="next time")
    def next_time(self, schedule: CalibrationSchedule) -> Any:
        return next_due(schedule, clock.now()) if schedule.is_active else None
