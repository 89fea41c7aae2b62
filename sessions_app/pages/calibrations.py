"""The Calibrations page, the page of one calibration, and how two sets compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.chipdata.comparing import LIFETIMES, Change, Thresholds, changes, drifted
from quantumsvc.backends.chipdata.properties import values_of
from quantumsvc.backends.models import Backend, BackendKind, CalibrationSet
from quantumsvc.errors import ServiceError
from quantumsvc.scheduling.calibrations import Outcome, outcome_of
from quantumsvc.scheduling.states import JobState
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun, CalibrationSchedule
from sessions_app.pages.clocks import rule_words
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import named, one_of, settled_now
from sessions_app.pages.words import duration
from sessions_app.services.calibrations.alerts import note_seen
from sessions_app.services.calibrations.debt import Debt, debt_of
from sessions_app.services.calibrations.planning import next_due
from sessions_app.services.calibrations.requesting import Wish, cancel_calibration, request_calibration

SHOWN_RUNS = 50
SHOWN_SETS = 50
MAX_NOTE = 300
PARTS = {"calibrations-now": "pages/calibrations/_now.html"}
RUN_PARTS = {"calibration-now": "pages/calibrations/_run.html"}
# What of a device's holders has a page of its name.
PLACES = ("job", "session")
READINGS = {
    "readout_error": "Readout error",
    "prob_meas0_prep1": "Readout error: 1 read as 0",
    "prob_meas1_prep0": "Readout error: 0 read as 1",
    "gate_error": "Gate error",
}
LOOKS = {Outcome.WAITING: "queued", Outcome.SUCCESS: "completed", Outcome.PARTIAL: "cancelled"}
_methods = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True)
class RunRow:
    """One calibration: how it stands, and how overdue it is or was when it began, in words."""

    run: CalibrationRun
    outcome: Outcome
    overdue: str
    ran: str

    @property
    def look(self) -> str:
        """The style of its badge."""
        return LOOKS.get(self.outcome, self.outcome.value)


@require_safe
@login_required
def calibrations_page(request: HttpRequest) -> HttpResponse:
    """What is calibrated when, what is overdue, what is planned; operators ask for more here."""
    user, now = reader_of(request), settled_now()
    backends = list(Backend.objects.visible_to(user).filter(kind=BackendKind.DEVICE).defer("configuration"))
    runs = list(_runs(user)[:SHOWN_RUNS])
    schedules = CalibrationSchedule.objects.visible_to(user).select_related("backend")
    context = {
        "devices": _devices(backends, user, now),
        "runs": [run_row(run, now) for run in runs],
        "schedules": [schedule_row(each, now) for each in schedules.defer("backend__configuration")],
        "alerts": list(BackendAlert.objects.filter(seen_at=None).select_related("backend")[:10])
        if user.is_operator
        else [],
    }
    return live_page(request, "pages/calibrations/list.html", context, PARTS)


@dataclass(frozen=True)
class ScheduleRow:
    """What recurs, with its rule in words and its next time."""

    schedule: CalibrationSchedule
    rule: str
    next: datetime | None


def schedule_row(schedule: CalibrationSchedule, now: datetime) -> ScheduleRow:
    """A schedule as it is at ``now``."""
    return ScheduleRow(schedule, rule_words(schedule.rrule), next_due(schedule, now))


def _runs(user: User) -> Any:
    rows = CalibrationRun.objects.visible_to(user).order_by("-due_at", "-id")
    return rows.select_related("backend", "job", "requested_by").defer("backend__configuration")


def _devices(backends: Sequence[Backend], user: User, now: datetime) -> list[dict[str, Any]]:
    """Each device with its newest set and the calibration that waits longest."""
    idents = [each.pk for each in backends]
    newest = CalibrationSet.objects.filter(backend__in=idents).order_by("backend_id", "-taken_at", "-id")
    sets = {each.backend_id: each for each in newest.distinct("backend_id").defer("properties")}
    waiting = _runs(user).filter(job__state=JobState.QUEUED, backend__in=idents).order_by("-due_at")
    oldest = {run.backend_id: run_row(run, now) for run in waiting}
    return [{"backend": each, "set": sets.get(each.pk), "waiting": oldest.get(each.pk)} for each in backends]


def run_row(run: CalibrationRun, now: datetime) -> RunRow:
    """A calibration as it is at ``now``."""
    job = run.job
    late = (min(job.started_at or job.finished_at or now, now) - run.due_at).total_seconds()
    ran = (job.finished_at or now) - job.started_at if job.started_at else None
    return RunRow(
        run=run,
        outcome=outcome_of(JobState(job.state), run.is_partial),
        overdue=duration(late) if late > 0 else "",
        ran=duration(ran.total_seconds()) if ran else "",
    )


@require_safe
@login_required
def calibration_page(request: HttpRequest, ident: str) -> HttpResponse:
    """One calibration: what it owes, what had the device meanwhile, and what it found."""
    user, now = reader_of(request), settled_now()
    run = one_of(_runs(user), ident)
    mine = set(Instance.objects.visible_to(user).values_list("pk", flat=True))
    theirs = user.is_operator or run.requested_by_id == user.pk
    context = {
        "row": run_row(run, now),
        "holds": holds_of(debt_of(run, now), mine),
        "is_theirs": theirs,
        "may_cancel": user.is_operator and not run.job.is_terminal,
        "failures": run.report.get("failures", [])[:50] if isinstance(run.report, dict) else [],
    }
    return live_page(request, "pages/calibrations/run.html", context, RUN_PARTS)


def holds_of(debt: Debt, mine: set[int]) -> list[dict[str, Any]]:
    """What had the device while the calibration was due; names only of what the reader may see."""
    return [
        {
            "what": hold.what,
            "ident": hold.ident if hold.instance is None or hold.instance in mine else "of another instance",
            "place": hold.what if hold.what in PLACES and hold.instance in mine else "",
            "since": hold.since,
            "until": hold.until,
            "lasted": duration(hold.seconds),
        }
        for hold in debt.holds
    ]


@_methods
@login_required
def request_calibration_page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a calibration at the next free moment (S2); operators only."""
    user = reader_of(request)
    backend = named(Backend.objects.visible_to(user).defer("configuration"), name)
    if not user.is_operator:
        return refused(request)
    error = ""
    if request.method == "POST":
        now, note = clock.now(), request.POST.get("note", "").replace("\0", "")[:MAX_NOTE]
        try:
            wish = Wish(due_at=now, note=note)
            run = request_calibration(backend=backend, wish=wish, now=now, by=user, reason=note)
            messages.success(request, "The calibration takes the next free moment.")
            return redirect("calibration", ident=run.pk)
        except ServiceError as refusal:
            error = refusal.message
    context = {"backend": backend, "error": error}
    return render(request, "pages/calibrations/request.html", context, status=400 if error else 200)


@_methods
@login_required
def cancel_calibration_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Give a calibration up; operators only."""
    settled_now()
    user = reader_of(request)
    run = one_of(_runs(user), ident)
    if not user.is_operator:
        return refused(request)
    if request.method != "POST":
        return render(request, "pages/calibrations/cancel.html", {"run": run})
    try:
        cancel_calibration(run=run, now=clock.now(), by=user)
        messages.success(request, "The calibration was given up.")
    except ServiceError as error:
        messages.error(request, error.message)
    return redirect("calibration", ident=run.pk)


@require_POST
@login_required
def alert_seen_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Take an alert off the page; operators only."""
    user = reader_of(request)
    alert = one_of(BackendAlert.objects.visible_to(user), ident)
    if not user.is_operator:
        return refused(request)
    try:
        note_seen(alert=alert, by=user, now=clock.now())
    except ServiceError as error:
        messages.error(request, error.message)
    return redirect("calibrations")


def refused(request: HttpRequest) -> HttpResponse:
    """What others than operators are told."""
    refusal = "Only operators of this service calibrate its devices."
    return render(request, "403.html", {"exception": refusal}, status=403)


@dataclass(frozen=True)
class ChangeRow:
    """One value in two sets, in the unit of people; ``is_drift`` is over the operator's thresholds."""

    change: Change
    name: str
    qubits: str
    before: str
    after: str
    percent: float | None
    is_drift: bool


@require_safe
@login_required
def compare_page(request: HttpRequest, name: str) -> HttpResponse:
    """How each value differs between two sets of a backend, the largest change first."""
    user = reader_of(request)
    backend = named(Backend.objects.visible_to(user).defer("configuration"), name)
    sets = list(CalibrationSet.objects.filter(backend=backend).defer("properties")[:SHOWN_SETS])
    idents = [each.pk for each in sets]
    after = _chosen(request.GET.get("after", ""), idents, 0)
    before = _chosen(request.GET.get("before", ""), idents, 1)
    rows = _compared(backend, before, after) if before and after else []
    context = {
        "backend": backend,
        "sets": sets,
        "before": before,
        "after": after,
        "rows": rows,
        "drifts": sum(row.is_drift for row in rows),
    }
    return render(request, "pages/calibrations/compare.html", context)


def _chosen(ident: str, idents: Sequence[str], default: int) -> str:
    return ident if ident in idents else idents[default] if len(idents) > default else ""


def _compared(backend: Backend, before: str, after: str) -> list[ChangeRow]:
    documents = dict(CalibrationSet.objects.filter(pk__in=(before, after)).values_list("pk", "properties"))
    old, new = (values_of(msgspec.json.decode(documents[each])) for each in (before, after))
    found = changes(old, new)
    policy = CalibrationPolicy.objects.filter(backend=backend).first() or CalibrationPolicy(backend=backend)
    over = drifted(found, Thresholds(policy.lifetime_drop, policy.error_rise))
    rows = [_change_row(each, each in over) for each in found]
    return sorted(rows, key=lambda row: -abs(row.percent or 0.0))


def _change_row(change: Change, is_drift: bool) -> ChangeRow:
    factor, unit = (1e6, " µs") if change.parameter in LIFETIMES else (100.0, " %")
    before, after = (
        "not known" if value is None else f"{value * factor:.4g}{unit}"
        for value in (change.before, change.after)
    )
    fraction = change.fraction
    return ChangeRow(
        change=change,
        name=READINGS.get(change.parameter, change.parameter),
        qubits=" ".join(str(each) for each in change.qubits),
        before=before,
        after=after,
        percent=None if fraction is None else fraction * 100,
        is_drift=is_drift,
    )
