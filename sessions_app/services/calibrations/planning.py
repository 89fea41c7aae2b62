"""Calibrations that recur, and those that are overdue: what the timekeeper sees to."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.backends.chipdata.readings import Asked, Experiment
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from quantumsvc.recurrence import BadRule, checked_rule, occurrences
from quantumsvc.scheduling.calibrations import AlertKind
from quantumsvc.scheduling.states import PENDING_JOB_STATES, JobState
from sessions_app.models import BackendAlert, CalibrationRun, CalibrationSchedule
from sessions_app.services.calibrations.concluding import policy_of, raise_alert
from sessions_app.services.calibrations.requesting import Wish, cancel_calibration, request_calibration
from sessions_app.services.calibrations.wishes import refuse_impossible

AHEAD = timedelta(days=5 * 366)
"""How far a next occurrence is looked for; a rule with none so soon waits for good."""
FIELDS = (
    "name",
    "rrule",
    "time_zone",
    "starts_at",
    "deferral_seconds",
    "window_minutes",
    "qubits",
    "experiments",
    "is_active",
)


def next_due(schedule: CalibrationSchedule, since: datetime) -> datetime | None:
    """The first occurrence at ``since`` or later, on the clock of the schedule's zone (W8)."""
    zone = ZoneInfo(schedule.time_zone)
    first = schedule.starts_at.astimezone(zone).replace(tzinfo=None)
    found = occurrences(schedule.rrule, first, zone, since=since, before=since + AHEAD, most=1)
    return found[0].at if found else None


@transaction.atomic
def create_schedule(
    *, backend: Backend, fields: dict[str, Any], by: User | None, now: datetime, reason: str = ""
) -> CalibrationSchedule:
    """Keep a schedule and plan its first run. Raises ``ValidationError`` with everything that is wrong."""
    schedule = CalibrationSchedule(backend=backend, created_by=by, created_at=now, updated_at=now, **fields)
    _check(schedule)
    schedule.save(force_insert=True)
    after = _values(schedule)
    audit.note("calibration_schedule.created", schedule, actor=by, now=now, after=after, reason=reason)
    plan_next(schedule.pk, now)
    return schedule


@transaction.atomic
def change_schedule(
    *, schedule: CalibrationSchedule, fields: dict[str, Any], by: User | None, now: datetime, reason: str = ""
) -> CalibrationSchedule:
    """Change a schedule; the run that waits is given up and planned anew. Raises ``ValidationError``."""
    locked = CalibrationSchedule.objects.select_for_update().get(pk=schedule.pk)
    before = _values(locked)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.updated_at = now
    _check(locked)
    locked.save()
    changed = {name: value for name, value in _values(locked).items() if before[name] != value}
    former = {name: before[name] for name in changed}
    audit.note(
        "calibration_schedule.changed", locked, actor=by, now=now, before=former, after=changed, reason=reason
    )
    _give_up_waiting(locked, by, now)
    plan_next(locked.pk, now)
    return locked


@transaction.atomic
def delete_schedule(
    *, schedule: CalibrationSchedule, by: User | None, now: datetime, reason: str = ""
) -> None:
    """Plan no more of it. What has run stays; what waits is cancelled; what runs goes on."""
    before = _values(schedule)
    audit.note("calibration_schedule.deleted", schedule, actor=by, now=now, before=before, reason=reason)
    _give_up_waiting(schedule, by, now)
    schedule.delete()


def _values(schedule: CalibrationSchedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in FIELDS}


def _give_up_waiting(schedule: CalibrationSchedule, by: User | None, now: datetime) -> None:
    waiting = schedule.runs.filter(job__state=JobState.QUEUED).select_related("job")
    for run in waiting:
        cancel_calibration(run=run, now=now, by=by, reason="Its schedule was changed or deleted.")


def _check(schedule: CalibrationSchedule) -> None:
    problems: dict[str, list[str]] = {}
    try:
        schedule.clean_fields(exclude=["created_by"])
    except ValidationError as found:
        problems |= {name: list(texts) for name, texts in found.message_dict.items()}
    for field, check in (("qubits", _check_qubits), ("experiments", _experiments)):
        try:
            check(schedule)
        except (BadRequest, msgspec.ValidationError) as found:
            problems.setdefault(field, []).append(str(found))
    if "rrule" not in problems and "time_zone" not in problems:
        try:
            schedule.rrule = checked_rule(schedule.rrule)
        except BadRule as found:
            problems["rrule"] = [str(found)]
    if problems:
        raise ValidationError(problems)


def _check_qubits(schedule: CalibrationSchedule) -> None:
    refuse_impossible(schedule.backend, Asked(tuple(schedule.qubits)))


def _experiments(schedule: CalibrationSchedule) -> tuple[Experiment, ...]:
    return msgspec.convert(schedule.experiments, tuple[Experiment, ...])


@transaction.atomic
def plan_next(schedule_id: str, now: datetime) -> CalibrationRun | None:
    """Ask for the next run, unless one waits or runs. Occurrences that were missed are not made up."""
    schedule = (
        CalibrationSchedule.objects.select_for_update(of=("self",))
        .select_related("backend", "created_by")
        .filter(pk=schedule_id, is_active=True)
        .first()
    )
    if schedule is None or schedule.runs.filter(job__state__in=PENDING_JOB_STATES).exists():
        return None
    done = schedule.runs.exclude(job__state=JobState.CANCELLED).order_by("-due_at").first()
    since = max(now, done.due_at + timedelta(microseconds=1)) if done else now
    due = next_due(schedule, since)
    if due is None:
        return None
    wish = Wish(
        due_at=due,
        qubits=schedule.qubits,
        experiments=_experiments(schedule),
        deferral_seconds=schedule.deferral_seconds,
        window_minutes=schedule.window_minutes,
        note=schedule.name,
    )
    return request_calibration(backend=schedule.backend, wish=wish, now=now, by=None, schedule=schedule)


def plan_all(now: datetime) -> None:
    """Plan what is to be planned: every active schedule without a run that waits or runs."""
    busy = CalibrationRun.objects.filter(schedule__isnull=False, job__state__in=PENDING_JOB_STATES)
    idle = CalibrationSchedule.objects.filter(is_active=True).exclude(pk__in=busy.values("schedule_id"))
    for ident in idle.values_list("pk", flat=True):
        plan_next(ident, now)


def watch_overdue(now: datetime) -> None:
    """Raise an alert, once, for each calibration that has waited longer than the operator allows."""
    waiting = CalibrationRun.objects.filter(job__is_system=True, job__state=JobState.QUEUED, due_at__lt=now)
    told = BackendAlert.objects.filter(kind=AlertKind.OVERDUE.value, run__isnull=False)
    for run in waiting.exclude(pk__in=told.values("run_id")).select_related("backend"):
        limit = policy_of(run.backend).overdue_seconds
        overdue = (now - run.due_at).total_seconds()
        if limit and overdue > limit:
            text = f"A calibration has been due for {overdue / 60:.0f} minutes and has not begun."
            with transaction.atomic():
                raise_alert(run.backend, AlertKind.OVERDUE, text, now, run)
