"""One look at a backend: end what has ended, decide, start what was chosen; one short transaction."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.policy import Hold, Idle, Start, decide
from quantumsvc.scheduling.snapshot import ActiveSession, QueuedJob, Snapshot
from quantumsvc.scheduling.states import Cause, JobState, SessionMode, SessionState
from quantumsvc.scheduling.timers import max_ttl_deadline
from sessions_app.models import Job, JobPayload, Session
from sessions_app.services.endings import Ending, give_back, record
from sessions_app.services.leases import Lease, leave, lock_own, request_drain
from sessions_app.services.lives import activate, settle_overdue
from sessions_app.services.transitions import lock_session, move_job, move_session


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is now running, in an attempt that this drain holds."""

    job: Job
    backend: Backend
    calibration_id: str
    params: bytes


def turn(
    lease: Lease, *, now: datetime, ended: Ending | None = None, leaving: bool = False
) -> Claim | Hold | Idle:
    """Complete, decide and claim in one transaction (S1-S10, J2).

    An ending that comes too late, because the job was cancelled or taken over, is dropped. With
    ``leaving``, the lease is given back in the same transaction when nothing can start: a submission
    that comes later sees no lease and asks for a new drain. Raises :class:`LeaseLost` when the backend
    is not ours any more.
    """
    with transaction.atomic():
        lock_own(lease)
        if ended is not None:
            _record_if_held(ended, now)
        settle_overdue(now, backend_id=lease.backend_id)
        backend = Backend.objects.defer("configuration").get(pk=lease.backend_id)
        decision = decide(snapshot_of(backend, now))
        if isinstance(decision, Start):
            return _claim(decision, backend, now)
        if leaving:
            leave(lease)
        return decision


def hand_over(lease: Lease, *, now: datetime, ended: Ending | None) -> None:
    """End a job, give the lease back and ask for another drain, so that other backends get this worker."""
    with transaction.atomic():
        lock_own(lease)
        if ended is not None:
            _record_if_held(ended, now)
        leave(lease)
        request_drain(lease.backend_id, now)


def _record_if_held(ended: Ending, now: datetime) -> None:
    try:
        with transaction.atomic():
            record(ended, now)
    except StaleTransition:
        return


def snapshot_of(backend: Backend, now: datetime) -> Snapshot:
    """All that the kernel needs to know of a backend; overdue sessions must have been settled before."""
    running = Job.objects.filter(backend=backend, state=JobState.RUNNING).values_list("pk", flat=True)
    active = Session.objects.filter(backend=backend, state=SessionState.ACTIVE).first()
    return Snapshot(
        now=now,
        online=backend.accepts_starts,
        running=running.first(),
        active=_active_session(active) if active else None,
        heads=_heads(backend),
    )


def _active_session(session: Session) -> ActiveSession | None:
    ends_at = max_ttl_deadline(session.facts())
    if ends_at is None:
        return None
    return ActiveSession(
        id=session.pk,
        mode=SessionMode(session.mode),
        accepting_jobs=session.accepting_jobs,
        ends_at=ends_at,
        interactive_deadline=session.interactive_deadline,
        head=_oldest(session_id=session.pk),
    )


def _heads(backend: Backend) -> tuple[QueuedJob, ...]:
    head = _oldest(backend_id=backend.pk)
    return (head,) if head else ()


def _oldest(**where: object) -> QueuedJob | None:
    """The oldest waiting job that S10 lets start: its instance and its user are active."""
    waiting = Job.objects.filter(
        **where, state=JobState.QUEUED, instance__is_active=True, user__is_active=True
    )
    row = waiting.order_by("created_at", "id").values_list("pk", "created_at", "session_id").first()
    return QueuedJob(id=row[0], submitted_at=row[1], session=row[2]) if row else None


def _claim(decision: Start, backend: Backend, now: datetime) -> Claim:
    """L3, J2: the job runs from now on, in its next attempt; its session is active."""
    chosen = decision.job
    if chosen.session is not None:
        _displace(backend, chosen.session, now)
        activate(lock_session(chosen.session), now)
    job = Job.objects.get(pk=chosen.id)
    calibration_id = job.calibration_submitted_id if job.calibration_pinned else _current_set(backend, now)
    job.attempt += 1
    move_job(
        job.pk,
        JobState.RUNNING,
        at=now,
        cause=Cause.CHOSEN,
        next_attempt=job.attempt,
        started_at=now,
        phase="preparing",
        calibration_run=calibration_id,
    )
    params = JobPayload.objects.filter(pk=job.pk).values_list("params", flat=True).get()
    return Claim(job, backend, calibration_id or "", bytes(params))


def _displace(backend: Backend, session_id: str, now: datetime) -> None:
    """S8: a batch that keeps its priority without a job gives way to the session that becomes active."""
    others = Session.objects.filter(backend=backend, state=SessionState.ACTIVE).exclude(pk=session_id)
    for ident in list(others.values_list("pk", flat=True)):
        move_session(
            lock_session(ident),
            SessionState.INACTIVE,
            at=now,
            cause=Cause.DISPLACED,
            interactive_deadline=None,
        )


def _current_set(backend: Backend, now: datetime) -> str | None:
    current = CalibrationSet.objects.defer("properties").in_force(backend, now)
    return current.pk if current else None


def recover(lease: Lease, *, now: datetime) -> None:
    """J2: a new holder gives back the job that the lost one was running."""
    with transaction.atomic():
        lock_own(lease)
        for job in Job.objects.filter(backend_id=lease.backend_id, state=JobState.RUNNING):
            give_back(job, now=now, cause=Cause.WORKER_LOST, reason="The worker that ran this job was lost.")
