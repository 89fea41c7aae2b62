"""Making, changing and removing what calibrates a device again and again; operators only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.chipdata.readings import EXPERIMENTS
from quantumsvc.backends.models import Backend, BackendKind
from quantumsvc.errors import ServiceError
from quantumsvc.recurrence import instant_of
from sessions_app.models import CalibrationSchedule
from sessions_app.pages.calibrations import refused
from sessions_app.pages.clocks import OWN, REPEATS, WallTime, Zone
from sessions_app.pages.reading import one_of
from sessions_app.services.calibrations.planning import change_schedule, create_schedule, delete_schedule

NAMES = {
    "readout": "Readout errors",
    "T1": "T1",
    "T2": "T2",
    "single_qubit": "Errors of one-qubit gates",
    "two_qubit": "Errors of two-qubit gates",
}
# Where the form asks for a field of the schedule by another name.
ASKED_AS = {"rrule": "rule", "starts_at": "start", "time_zone": "zone", "deferral_seconds": "deferral"}
_methods = require_http_methods(["GET", "HEAD", "POST"])


class ScheduleForm(forms.Form):
    """What a schedule is; what is wrong with it as a whole, the service says."""

    name = forms.CharField(max_length=100, label="Name")
    start = WallTime(label="First time")
    zone = Zone(label="Clock", help_text="All times go by it; a change of daylight saving moves no hour.")
    repeat = forms.ChoiceField(choices=REPEATS, label="Repeats")
    rule = forms.CharField(
        required=False,
        max_length=500,
        label="Own rule",
        help_text="An RRULE of iCalendar, such as FREQ=WEEKLY;BYDAY=MO,TH.",
    )
    window_minutes = forms.IntegerField(
        min_value=0,
        max_value=24 * 60,
        initial=0,
        label="Reserve, in minutes",
        help_text="So much time is booked for each run. 0: it takes the next free moment.",
    )
    deferral = forms.IntegerField(
        min_value=0,
        max_value=7 * 24 * 60,
        initial=0,
        label="May give way, in minutes",
        help_text="So long after it is due may it let waiting jobs go first.",
    )
    qubits = forms.CharField(
        required=False, max_length=2_000, label="Qubits", help_text="Numbers with commas. Empty: all."
    )
    experiments = forms.MultipleChoiceField(
        required=False,
        choices=[(each, NAMES[each]) for each in EXPERIMENTS],
        widget=forms.CheckboxSelectMultiple,
        label="Measures",
        help_text="None ticked: everything.",
    )
    is_active = forms.BooleanField(required=False, initial=True, label="Switched on")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.fields["zone"]
        assert isinstance(zone, Zone)
        zone.offer(user)

    def clean_qubits(self) -> list[int]:
        parts = [each.strip() for each in self.cleaned_data["qubits"].split(",")]
        if not all(each.isascii() and each.isdecimal() and len(each) < 6 for each in parts if each):
            raise forms.ValidationError("Enter numbers with commas between them, like 0, 1, 4.")
        return sorted({int(each) for each in parts if each})

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("repeat") == OWN and not data.get("rule"):
            self.add_error("rule", "Give the rule, or choose another repetition.")
        return data

    @property
    def values(self) -> dict[str, Any]:
        """The schedule's fields, once the form is valid."""
        data = self.cleaned_data
        kept = ("name", "window_minutes", "qubits", "experiments", "is_active")
        return {
            **{name: data[name] for name in kept},
            "rrule": data["rule"] if data["repeat"] == OWN else data["repeat"],
            "time_zone": data["zone"],
            "starts_at": instant_of(data["start"], ZoneInfo(data["zone"])),
            "deferral_seconds": data["deferral"] * 60,
        }


class NewScheduleForm(ScheduleForm):
    """The same, and of which device."""

    backend = forms.ModelChoiceField(
        Backend.objects.none(), to_field_name="name", label="Backend", empty_label=None
    )
    field_order = ("backend",)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        backend = self.fields["backend"]
        assert isinstance(backend, forms.ModelChoiceField)
        devices = Backend.objects.visible_to(user).filter(kind=BackendKind.DEVICE)
        backend.queryset = devices.defer("configuration").order_by("name")


class DeletionForm(forms.Form):
    """Why a schedule is deleted, for the record."""

    reason = forms.CharField(required=False, max_length=500, label="Why, if there is something to say")


@_methods
@login_required
def new_schedule_page(request: HttpRequest) -> HttpResponse:
    """The form, and making the schedule."""
    user, now = reader_of(request), clock.now()
    if not user.is_operator:
        return refused(request)
    hour = timezone.localtime(now).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    usual = {"start": hour + timedelta(hours=1), "zone": timezone.get_current_timezone_name()}
    usual["backend"] = request.GET.get("backend", "")
    form = NewScheduleForm(request.POST or None, user=user, initial=usual)
    if not form.is_valid():
        return _form(request, form)

    def make() -> CalibrationSchedule:
        backend = form.cleaned_data["backend"]
        return create_schedule(backend=backend, fields=form.values, by=user, now=now)

    return _done(request, form, make, "The schedule was made, and its first calibration planned.")


@_methods
@login_required
def schedule_page(request: HttpRequest, ident: str) -> HttpResponse:
    """The form with what the schedule is, and changing it."""
    user, now = reader_of(request), clock.now()
    schedule = _schedule(user, ident)
    if not user.is_operator:
        return refused(request)
    form = ScheduleForm(request.POST or None, user=user, initial=_as_it_is(schedule))
    if not form.is_valid():
        return _form(request, form, schedule)

    def change() -> CalibrationSchedule:
        return change_schedule(schedule=schedule, fields=form.values, by=user, now=now)

    told = "The schedule was changed; a calibration that waited was planned anew."
    return _done(request, form, change, told, schedule)


@_methods
@login_required
def delete_schedule_page(request: HttpRequest, ident: str) -> HttpResponse:
    """What deleting would do, and doing it."""
    user = reader_of(request)
    schedule = _schedule(user, ident)
    if not user.is_operator:
        return refused(request)
    form = DeletionForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"schedule": schedule, "form": form}
        status = 400 if form.is_bound else 200
        return render(request, "pages/calibrations/delete_schedule.html", context, status=status)
    delete_schedule(schedule=schedule, by=user, now=clock.now(), reason=form.cleaned_data["reason"])
    messages.success(request, f"The schedule {schedule.name} was deleted.")
    return redirect("calibrations")


def _schedule(user: User, ident: str) -> CalibrationSchedule:
    rows = CalibrationSchedule.objects.visible_to(user).select_related("backend")
    return one_of(rows.defer("backend__configuration"), ident)


def _as_it_is(schedule: CalibrationSchedule) -> dict[str, Any]:
    is_named = schedule.rrule in dict(REPEATS)
    start: datetime = schedule.starts_at.astimezone(ZoneInfo(schedule.time_zone))
    return {
        "name": schedule.name,
        "start": start.replace(tzinfo=None),
        "zone": schedule.time_zone,
        "repeat": schedule.rrule if is_named else OWN,
        "rule": "" if is_named else schedule.rrule,
        "window_minutes": schedule.window_minutes,
        "deferral": schedule.deferral_seconds // 60,
        "qubits": ", ".join(map(str, schedule.qubits)),
        "experiments": schedule.experiments,
        "is_active": schedule.is_active,
    }


def _done(
    request: HttpRequest,
    form: ScheduleForm,
    act: Callable[[], CalibrationSchedule],
    told: str,
    schedule: CalibrationSchedule | None = None,
) -> HttpResponse:
    """Carry it out; what the service finds wrong stands at the form's fields."""
    try:
        act()
    except ValidationError as found:
        for name, texts in found.message_dict.items():
            field = ASKED_AS.get(name, name)
            form.add_error(field if field in form.fields else NON_FIELD_ERRORS, texts)
        return _form(request, form, schedule)
    except ServiceError as error:
        form.add_error(None, error.message)
        return _form(request, form, schedule)
    messages.success(request, told)
    return redirect("calibrations")


def _form(
    request: HttpRequest, form: ScheduleForm, schedule: CalibrationSchedule | None = None
) -> HttpResponse:
    context = {"form": form, "schedule": schedule}
    status = 400 if form.is_bound else 200
    return render(request, "pages/calibrations/schedule.html", context, status=status)
