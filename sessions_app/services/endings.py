"""How jobs end, and what follows for their sessions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from quantumsvc.backends.chipdata.readings import Measured
from quantumsvc.doorbell import backend_channel, ring
from quantumsvc.errors import Conflict
from quantumsvc.scheduling.states import Cause, JobState, SessionMode, SessionState
from quantumsvc.statements import Statement, run
from sessions_app.models import ChargeKind, Job, JobLog, JobPayload, Session
from sessions_app.services.calibrations.concluding import conclude, note_failure
from sessions_app.services.leases import look_at
from sessions_app.services.ledger import Charge, charge, learn
from sessions_app.services.lives import close_now, note_job_ended, settle
from sessions_app.services.transitions import JobMove, change_session, lock_session, move_job

MAX_ATTEMPTS = 3
WORKER_LOST_CODE = 5205


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended, as its worker saw it. ``quantum_seconds`` is the time charged.

    ``job`` is the row as it was claimed, if the worker has it. ``measured`` is what a calibration found.
    """

    job_id: str
    session_id: str | None
    attempt: int
    state: JobState
    cause: Cause
    private: bool = False
    result: bytes | None = None
    reason: str = ""
    reason_code: int | None = None
    quantum_seconds: float = 0.0
    log: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    job: Job | None = None
    measured: Measured | None = None


def record(ending: Ending, now: datetime, session: Session | None, *, queued: bool | None = None) -> None:
    """End a job as its attempt says. Call inside a transaction, with its session locked and settled.

    ``queued`` says whether the session has another job waiting, if that is known. Raises
    :class:`StaleTransition`, having changed nothing, when the attempt does not hold the job (J2).
    """
    move = _move_of(ending, now)
    job = move.outcome(run(move.statement())[0])
    run(*charges(job, ending.state, session, ending.quantum_seconds, now))
    _keep(ending, now)
    if session is not None:
        note_job_ended(session, at=now, ran=True, queued=queued)


def record_later(
    ending: Ending, job: Job, now: datetime, session: Session | None, *, queued: bool
) -> list[Statement]:
    """The same for a caller who knows that the attempt holds the job, as statements to be run soon.

    They must be run in the present transaction, before anything else is started on the backend.
    """
    books = charges(job, ending.state, session, ending.quantum_seconds, now)
    _keep(ending, now)
    if session is not None:
        note_job_ended(session, at=now, ran=True, queued=queued)
    return [_move_of(ending, now, brief=True).statement(), *books]


def _move_of(ending: Ending, now: datetime, *, brief: bool = False) -> JobMove:
    return JobMove(
        ident=ending.job_id,
        target=ending.state,
        at=now,
        cause=ending.cause,
        attempt=ending.attempt,
        result=ending.result,
        brief=brief,
        fields={
            "finished_at": now,
            "phase": "",
            "reason": ending.reason,
            "reason_code": ending.reason_code,
            "quantum_seconds": ending.quantum_seconds,
            "metrics": ending.metrics,
        },
    )


def charges(
    job: Job, state: JobState, session: Session | None, seconds: float, now: datetime
) -> list[Statement]:
    """L17: a job outside any dedicated session pays for the time it ran; the system's pay nothing (S2).

    A completed one teaches how long the program takes.
    """
    books = [] if job.is_system else charge(_run_of(job, session, seconds, now))
    if state is JobState.COMPLETED:
        books.append(learn(backend=job.backend_id, program=job.program, user=job.user_id, seconds=seconds))
    return books


def _run_of(job: Job, session: Session | None, seconds: float, now: datetime) -> Charge:
    since, own = _own_time(job, session, seconds, now)
    return Charge(
        kind=ChargeKind.JOB,
        subject=job.pk,
        session=job.session_id,
        backend=job.backend_id,
        instance=job.instance_id,
        user=job.user_id,
        since=since,
        at=now,
        seconds=own,
    )


def _own_time(job: Job, session: Session | None, seconds: float, now: datetime) -> tuple[datetime, float]:
    """What a job pays itself, and from when: in a dedicated session what it ran beyond its activation."""
    began = min(job.started_at or now, now)
    if session is None or session.mode == SessionMode.BATCH:
        return began, seconds
    if session.state == SessionState.ACTIVE or not seconds:
        return began, 0.0
    left = session.events.filter(source=SessionState.ACTIVE).aggregate(last=Max("at"))["last"]
    since = min(max(left or began, began), now)
    return since, min(seconds, (now - since).total_seconds())


def _keep(ending: Ending, now: datetime) -> None:
    if ending.measured is not None:
        conclude(ending.job_id, ending.measured, now)
    elif ending.state is JobState.FAILED:
        note_failure(ending.job_id, ending.reason, now)
    if ending.log:
        JobLog.objects.create(job_id=ending.job_id, attempt=ending.attempt, text=ending.log)
    if ending.private:
        JobPayload.objects.filter(job_id=ending.job_id).delete()


@transaction.atomic
def cancel_job(*, job: Job, now: datetime) -> None:
    """J4: cancel a job, whether it waits or runs. Raises :class:`Conflict` when it has ended.

    The state changes here; whoever runs the job hears the bell and kills its child.
    """
    look_at(job.backend_id, now)
    ring(backend_channel(job.backend_id), f"stop {job.pk}")
    session = lock_session(job.session_id) if job.session_id else None
    if session is not None:
        settle(session, now)
    current = Job.objects.select_for_update(of=("self",)).get(pk=job.pk)
    if current.is_terminal:
        raise Conflict(f"The job has ended already: it is {current.state}.")
    if current.outlived_session:
        session = None
    was_running = current.state == JobState.RUNNING
    ran = (now - current.started_at).total_seconds() if was_running and current.started_at else 0.0
    cancelled = move_job(
        job.pk,
        JobState.CANCELLED,
        at=now,
        cause=Cause.USER_CANCELLED,
        finished_at=now,
        phase="",
        reason="The job was cancelled.",
        reason_code=5202,
        quantum_seconds=ran,
    )
    run(*charges(cancelled, JobState.CANCELLED, session, ran, now))
    if current.private:
        JobPayload.objects.filter(job_id=job.pk).delete()
    if session is not None:
        _after_cancel(session, job.pk, now, ran=was_running)


def _after_cancel(session: Session, job_id: str, now: datetime, *, ran: bool) -> None:
    """L11: a session lives on the data of its first job."""
    if session.first_job_id == job_id and session.state != SessionState.CLOSED:
        if ran:
            change_session(session, last_job_completed=now)
        close_now(session, at=now, cause=Cause.FIRST_JOB_CANCELLED)
    else:
        note_job_ended(session, at=now, ran=ran)


def make_way(job: Job, now: datetime) -> None:
    """W2: a running job goes back to its place; it is not lost, and pays nothing for what is thrown away.

    If its session has closed meanwhile, it waits by itself. Call inside a transaction, with the lease locked.
    """
    session = lock_session(job.session_id) if job.session_id else None
    if session is not None:
        settle(session, now)
    closed = session is not None and session.state == SessionState.CLOSED
    ran = (now - job.started_at).total_seconds() if job.started_at else 0.0
    move_job(
        job.pk, JobState.QUEUED, at=now, cause=Cause.DISPLACED, attempt=job.attempt, phase="",
        started_at=None, progress_done=0, ran_at_least=max(job.ran_at_least, ran),
        outlived_session=job.outlived_session or closed,
    )  # fmt: skip


def give_back(job: Job, *, now: datetime, cause: Cause, reason: str, lost: bool = True) -> JobState:
    """J2: back to its place in the queue; ``failed`` when an attempt was ``lost`` for the third time.

    A job whose session has closed meanwhile has no place to go back to, and fails with the others (L8),
    unless it stands alone since then (W2). Call inside a transaction, with the lease locked. Returns the
    job's new state.
    """
    session = lock_session(job.session_id) if job.session_id and not job.outlived_session else None
    if session is not None:
        settle(session, now)
    count = job.lost_attempts + lost
    closed = session is not None and session.state == SessionState.CLOSED
    if count < MAX_ATTEMPTS and not closed:
        move_job(
            job.pk, JobState.QUEUED, at=now, cause=cause, attempt=job.attempt,
            phase="", started_at=None, lost_attempts=count, progress_done=0,
        )  # fmt: skip
        return JobState.QUEUED
    why = "Its session has closed." if closed else f"It was tried {MAX_ATTEMPTS} times."
    ending = Ending(
        job_id=job.pk,
        session_id=job.session_id,
        attempt=job.attempt,
        state=JobState.FAILED,
        cause=cause,
        private=job.private,
        reason=f"{reason} {why}",
        reason_code=WORKER_LOST_CODE,
    )
    record(ending, now, session)
    return JobState.FAILED
