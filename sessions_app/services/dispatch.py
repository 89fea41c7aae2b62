"""One look at a backend: end what has ended, decide, start what was chosen; one short transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from quantumsvc.backends.models import Backend
from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.policy import Hold, Idle, Start, Stop
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.scheduling.states import Cause, JobState, SessionState
from quantumsvc.scheduling.timers import due_changes
from quantumsvc.scheduling.windows import Window
from quantumsvc.statements import Statement, finish, run
from sessions_app.models import Job, Session
from sessions_app.services.decisions import decision_note
from sessions_app.services.edges import clear, gives_way_at
from sessions_app.services.endings import Ending, give_back, record, record_later
from sessions_app.services.leases import Lease, leave, leaving_of, renew, request_drain
from sessions_app.services.limits import must_give_way
from sessions_app.services.lives import activate, foresee, settle
from sessions_app.services.queue import (
    Candidate,
    Front,
    active_of,
    find_candidate,
    front_of,
    params_of,
    read_backend,
)
from sessions_app.services.snapshots import Surroundings, decision_on
from sessions_app.services.transitions import (
    JobMove,
    lock_session,
    move_session,
    unwritten_facts,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is now running, in an attempt that this drain holds.

    ``gives_way_at`` is when the backend will belong to somebody else (W2), as far as is known now.
    """

    job: Job
    backend: Backend
    params: bytes
    gives_way_at: datetime | None = None

    @property
    def calibration_id(self) -> str:
        """The calibration set under which the attempt runs."""
        return self.job.calibration_run_id or ""


# Sets a claimed job going, before its claim is committed.
Begin = Callable[[Claim], None]


def turn(
    lease: Lease,
    *,
    now: datetime,
    ended: Ending | None = None,
    leaving: bool = False,
    begin: Begin | None = None,
) -> Claim | Hold | Idle:
    """Complete, decide and claim in one transaction (S1-S10, J2).

    An ending that comes too late, because the job was cancelled or taken over, is dropped. With
    ``leaving``, the lease is given back in the same transaction when nothing can start: a submission
    that comes later sees no lease and asks for a new drain. Raises :class:`LeaseLost` when the backend
    is not ours any more.

    ``begin`` is called with the claim as soon as it is certain, so that the child works while the database
    writes. Whoever passes it must end the child when this raises: the job then still waits, in its place.
    """
    with transaction.atomic():
        look = _look(lease, now, ended)
        decision, snapshot = decision_on(lease.backend_id, look.surroundings(), now, look.later)
        if isinstance(decision, Stop):
            # What runs here is nobody's that this drain knows; whoever runs it hears the bell.
            clear(look.backend, now)
            return Idle(decision.rule)
        if isinstance(decision, Start):
            return _claim(decision, look, snapshot, begin)
        finish(*rest_of(look), *([leaving_of(lease)] if leaving else []))
        return decision


def hand_over(lease: Lease, *, now: datetime, ended: Ending | None) -> None:
    """End a job, give the lease back and ask for another drain, so that other backends get this worker."""
    with transaction.atomic():
        write_rest(_look(lease, now, ended))
        leave(lease)
        request_drain(lease.backend_id, now)


@dataclass(frozen=True, slots=True)
class Look:
    """A backend with everything settled and the ended job ended; the sessions are locked."""

    backend: Backend
    sessions: list[Session]
    front: Front
    candidate: Candidate | None
    windows: tuple[Window, ...]
    later: list[Statement]

    def surroundings(self) -> Surroundings:
        """As the decision sees it."""
        return Surroundings(self.backend, active_of(self.sessions), self.front, self.windows)


def _look(lease: Lease, now: datetime, ended: Ending | None) -> Look:
    reading = read_backend(lease, now, _session_of(ended))
    sessions, front = reading.sessions, reading.front
    for session in sessions:
        session.written_later = True
    if _settle(sessions, reading.windows, now):
        front = front_of(lease.backend_id, now)
    later: list[Statement] = []
    if ended is not None and _record_if_held(ended, now, sessions, front, later):
        front = replace(front, running=None)
    _make_room(sessions, front, now)
    return Look(
        backend=reading.backend,
        sessions=sessions,
        front=front,
        candidate=reading.candidate,
        windows=reading.windows,
        later=later,
    )


def _session_of(ended: Ending | None) -> str | None:
    """The session that the end of a job may change; a job that outlived its own stands alone (W2)."""
    if ended is None or (ended.job is not None and ended.job.outlived_session):
        return None
    return ended.session_id


def _settle(sessions: list[Session], windows: tuple[Window, ...], now: datetime) -> bool:
    """Carry out what time has made due (L2, L6, L8, W3, W4); whether that was anything."""
    due = [session for session in sessions if due_changes(session.facts(), now)]
    for session in due:
        settle(session, now)
    active = active_of(sessions)
    if active is not None and (windows or active.pause_at):
        foresee(active, windows)
        if due_changes(active.facts(), now):
            settle(active, now)
            due.append(active)
    return bool(due)


def _make_room(sessions: list[Session], front: Front, now: datetime) -> None:
    """S10: a session whose next job may not start because the time is used up gives its backend back."""
    active = active_of(sessions)
    stuck = front.running is None and front.session is None and front.session_has_queued
    if active is not None and stuck and must_give_way(active, now):
        move_session(
            active, SessionState.INACTIVE, at=now, cause=Cause.INSTANCE_LIMIT, interactive_deadline=None
        )


def rest_of(look: Look) -> list[Statement]:
    """What is still to be written of what the look has changed; each statement is given once."""
    rest = [*look.later, *(each for session in look.sessions for each in unwritten_facts(session))]
    look.later.clear()
    return rest


def write_rest(look: Look) -> None:
    """Write it."""
    run(*rest_of(look))


def _record_if_held(
    ended: Ending, now: datetime, sessions: list[Session], front: Front, later: list[Statement]
) -> bool:
    session = next((each for each in sessions if each.pk == ended.session_id), None)
    active = session is not None and session is active_of(sessions)
    held = front.running is not None and front.running.id == ended.job_id
    # The lease's row is locked, and nobody ends or takes a job without it: what runs under our fence is ours.
    if held and ended.job is not None and (session is None or active):
        later += record_later(ended, ended.job, now, session, queued=front.session_has_queued)
        return True
    try:
        record(ended, now, session, queued=front.session_has_queued if active else None)
    except StaleTransition:
        return False
    return True


def _claim(decision: Start, look: Look, snapshot: Snapshot, begin: Begin | None) -> Claim:
    """L3, J2, E1: the job runs from now on, in its next attempt; its session is active; it is written why."""
    chosen, now = decision.job, snapshot.now
    if chosen.session is not None:
        _activate(look, chosen.session, now)
    claim = _claim_of(chosen.id, look, now)
    # The lease's row is locked, and nobody starts, cancels or moves a waiting job without it.
    if begin is not None:
        begin(claim)
    move = start_of(chosen.id, now, claim.job.calibration_run_id)
    note = decision_note(look.backend.pk, decision, snapshot)
    *_, moved, _ = finish(*rest_of(look), move.statement(), note)
    move.check(moved)
    return claim


def _claim_of(ident: str, look: Look, now: datetime) -> Claim:
    known = look.candidate
    found = known if known and known.job.pk == ident else find_candidate(ident, now, rest_of(look))
    assert found is not None, "a waiting job has its payload"
    job = found.job
    job.state, job.phase, job.started_at = JobState.RUNNING.value, "preparing", now
    job.attempt, job.version = job.attempt + 1, job.version + 1
    job.calibration_run_id = found.calibration_id
    params = params_of(ident) if found.params is None else found.params
    return Claim(job, look.backend, params, gives_way_at(job, look.backend, look.windows, now))


def start_of(ident: str, now: datetime, calibration_id: str | None) -> JobMove:
    """The move that begins a job's next attempt, under this calibration set."""
    return JobMove(
        ident=ident,
        target=JobState.RUNNING,
        at=now,
        cause=Cause.CHOSEN,
        begins_attempt=True,
        brief=True,
        fields={"started_at": now, "phase": "preparing", "calibration_run": calibration_id},
    )


def _activate(look: Look, ident: str, now: datetime) -> None:
    """S8: a batch that keeps its priority without a job gives way to the session that becomes active."""
    active = active_of(look.sessions)
    if active is not None and active.pk != ident:
        move_session(active, SessionState.INACTIVE, at=now, cause=Cause.DISPLACED, interactive_deadline=None)
    known = next((each for each in look.sessions if each.pk == ident), None)
    activate(known or lock_session(ident), now, look.windows)


def recover(lease: Lease, *, now: datetime) -> None:
    """J2: a new holder gives back the job that the lost one was running."""
    with transaction.atomic():
        renew(lease, now)
        for job in Job.objects.filter(backend_id=lease.backend_id, state=JobState.RUNNING):
            give_back(job, now=now, cause=Cause.WORKER_LOST, reason="The worker that ran this job was lost.")
