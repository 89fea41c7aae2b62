"""Asking for calibrations: each is a system job with a time at which it is due (S2, W9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.accounts.system import system_instance, system_user
from quantumsvc.backends.chipdata.asking import write_params
from quantumsvc.backends.chipdata.readings import Asked, Experiment
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.errors import Conflict
from quantumsvc.scheduling.calibrations import Trigger
from quantumsvc.scheduling.states import PENDING_JOB_STATES
from quantumsvc.statements import run
from quantumsvc.wire.ids import new_id
from reservations_app.models import Window
from reservations_app.services.rules import Span
from sessions_app.models import CalibrationRun, CalibrationSchedule, Job
from sessions_app.services.calibrations.windows import give_back, reserve, reserve_if_free
from sessions_app.services.calibrations.wishes import CALIBRATION, refuse_impossible
from sessions_app.services.endings import cancel_job
from sessions_app.services.leases import look_at
from sessions_app.services.submission import answered
from sessions_app.services.transitions import storing

# Longer than any calibration on a busy machine takes; the backend's own limit may be shorter.
LONGEST_SECONDS = 1_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be measured, and when. Empty ``qubits`` and ``experiments`` mean all.

    ``window_minutes`` is how much time to reserve for it from ``due_at`` on; 0 reserves none.
    """

    due_at: datetime
    qubits: Sequence[int] = ()
    experiments: Sequence[Experiment] = ()
    deferral_seconds: int = 0
    window_minutes: int = 0
    note: str = ""


@transaction.atomic
def request_calibration(
    *,
    backend: Backend,
    wish: Wish,
    now: datetime,
    by: User | None,
    schedule: CalibrationSchedule | None = None,
    reason: str = "",
) -> CalibrationRun:
    """Store a calibration that takes the first free moment from ``wish.due_at`` on (S2).

    Raises :class:`BadRequest` for a backend or qubits that can't be calibrated, and what booking raises if
    time is to be reserved for it and can't be. A schedule's is asked for without a window then.
    """
    asked = Asked(tuple(sorted(set(wish.qubits))), tuple(wish.experiments))
    refuse_impossible(backend, asked)
    look_at(backend.pk, now)
    job = _job(backend, wish, now)
    run(storing(job, write_params(asked), job.pk.encode()))
    answered(job.pk)
    asked_run = CalibrationRun.objects.create(
        backend=backend,
        job=job,
        trigger=(Trigger.SCHEDULE if schedule else Trigger.REQUEST).value,
        schedule=schedule,
        window=_window(backend, wish, now, by, schedule),
        requested_by=by,
        note=wish.note,
        qubits=list(asked.qubits),
        experiments=list(asked.experiments),
        created_at=now,
        due_at=wish.due_at,
    )
    if schedule is None:
        asked_for = {"backend": backend.name, "due_at": wish.due_at, "qubits": list(asked.qubits)}
        audit.note("calibration.requested", asked_run, actor=by, now=now, after=asked_for, reason=reason)
    return asked_run


def _window(
    backend: Backend, wish: Wish, now: datetime, by: User | None, schedule: CalibrationSchedule | None
) -> Window | None:
    if not wish.window_minutes:
        return None
    span = Span(wish.due_at, wish.due_at + timedelta(minutes=wish.window_minutes))
    if schedule is None and by is not None:
        return reserve(backend, span, by=by, now=now, note=wish.note)
    return reserve_if_free(
        backend, span, by=schedule.created_by if schedule else None, now=now, note=wish.note
    )


def _job(backend: Backend, wish: Wish, now: datetime) -> Job:
    sets = CalibrationSet.objects.filter(backend=backend).defer("properties")
    return Job(
        id=new_id(),
        instance=system_instance(now),
        user=system_user(),
        backend=backend,
        program=CALIBRATION,
        created_at=now,
        max_seconds=min(LONGEST_SECONDS, backend.max_execution_seconds),
        log_level="INFO",
        calibration_submitted=sets.in_force(backend, now),
        is_system=True,
        due_at=wish.due_at,
        deferral_seconds=wish.deferral_seconds,
    )


@transaction.atomic
def cancel_calibration(*, run: CalibrationRun, now: datetime, by: User | None, reason: str = "") -> None:
    """Give a calibration up, whether it waits or runs; the current set stays. Raises :class:`Conflict`."""
    if run.job.state not in PENDING_JOB_STATES:
        raise Conflict(f"The calibration has ended already: it is {run.job.state}.")
    cancel_job(job=run.job, now=now)
    give_back(run.window_id, now=now, by=by)
    audit.note("calibration.cancelled", run, actor=by, now=now, reason=reason)
