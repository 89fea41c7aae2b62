"""Accepting a job: everything is checked first, then stored in one transaction (J5)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.services import backend_as_of
from quantumsvc.errors import BadRequest, NotAllowed, NotFound, SessionClosed, UnknownBackend
from quantumsvc.scheduling.states import SessionMode, SessionState
from quantumsvc.statements import Statement, finish, run
from quantumsvc.wire.envelope import JobEnvelope, outline, seconds_from
from quantumsvc.wire.ids import new_id
from reservations_app.services.reserved import refuse_reserved
from sessions_app.models import Job, Session, Submission
from sessions_app.services.calibrations.wishes import CALIBRATION, checked_wish, note_client_run
from sessions_app.services.leases import locking, wake
from sessions_app.services.limits import check_job, check_session
from sessions_app.services.lives import note_job_queued, settle
from sessions_app.services.opening import checked_max_ttl, new_session
from sessions_app.services.transitions import locking_session, sessions_from, storing, unwritten_facts

PROGRAMS = ("sampler", "estimator", "executor", CALIBRATION)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# A client repeats a POST within this time when no proper answer came.
REPEATED_WITHIN = timedelta(seconds=30)

_USABLE = """
SELECT b.id, b.xmin::text || b.ctid::text FROM backends_backend b
WHERE b.name = %s AND (b.open_to_all OR EXISTS (
    SELECT 1 FROM backends_backendaccess a WHERE a.backend_id = b.id AND a.instance_id = %s))
"""
_UNANSWERED = """
SELECT job_id FROM sessions_app_submission WHERE digest = %s AND created_at > %s
ORDER BY created_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who submits, for which instance, with what client; an ``old_client`` may send params of version 1."""

    user: User
    instance: Instance
    client_application: str = ""
    old_client: bool = False


def submission_digest(author: Author, body: bytes) -> bytes:
    """What two requests must share to be the same submission: sender, instance and every byte."""
    head = f"{author.user.pk}:{author.instance.pk}:".encode()
    return hashlib.sha256(head + body).digest()


def submit_job(*, author: Author, envelope: JobEnvelope, digest: bytes, now: datetime) -> Job:
    """Store a job and make somebody look at its backend; when this returns and commits, it is safe.

    Raises an error of :mod:`quantumsvc.errors` and stores nothing when anything about it is wrong.
    """
    backend = usable_backend(author.instance, envelope.backend)
    refuse_reserved(backend, author.instance, author.user, now)
    max_seconds = _checked_params(author, envelope, backend)
    calibration = _calibration(envelope, backend, now)
    job = _new_job(author, envelope, backend, now)
    job.max_seconds = max_seconds
    job.calibration_submitted = calibration
    job.calibration_pinned = bool(envelope.calibration_id)
    with transaction.atomic():
        # The backend's lease row is locked first, so of two equal submissions one sees the other.
        named = [locking_session(envelope.session_id, author.instance.pk)] if envelope.session_id else []
        lease, earlier, *sessions = run(
            locking(backend.pk), Statement(_UNANSWERED, [digest, now - REPEATED_WITHIN]), *named
        )
        if earlier:
            return Job.objects.select_related("backend").get(pk=earlier[0][0])
        check_job(author.instance, now)
        bells = wake(backend.pk, lease, now)
        job.session = _session_for(
            job, author, envelope, backend, sessions_from(sessions[0]) if named else []
        )
        statements = _stored(job, bytes(envelope.params), digest)
        if job.program == CALIBRATION:
            run(*statements)
            note_client_run(job, bytes(envelope.params))
            statements = []
        finish(*statements, *bells)
    return job


def _stored(job: Job, params: bytes, digest: bytes) -> list[Statement]:
    first = storing(job, params, digest)
    if job.session is None:
        return [first]
    job.session.written_later = True
    note_job_queued(job.session, job.pk)
    return [first, *unwritten_facts(job.session)]


def usable_backend(instance: Instance, name: str) -> Backend:
    """The backend of that name if the instance may use it. Raises :class:`UnknownBackend`."""
    if not instance.is_active:
        raise NotAllowed("The instance is archived: its results can be read, but it accepts no new work.")
    found = run(Statement(_USABLE, [name, instance.pk]))[0] if "\0" not in name else []
    if not found:
        raise UnknownBackend("There is no backend of that name that this instance may use.")
    return backend_as_of(*found[0])


def _checked_params(author: Author, envelope: JobEnvelope, backend: Backend) -> int:
    if envelope.program_id not in PROGRAMS:
        offered = ", ".join(PROGRAMS)
        raise BadRequest(
            f"The program {envelope.program_id!r} is not run here; these are: {offered}.", code=8010
        )
    level = (envelope.log_level or "WARNING").upper()
    if level not in LOG_LEVELS:
        raise BadRequest(f"log_level must be one of {', '.join(LOG_LEVELS)}.")
    if envelope.program_id == CALIBRATION:
        checked_wish(author.instance, backend, bytes(envelope.params))
    else:
        _checked_outline(author, envelope, backend)
    return _max_seconds(envelope.cost, backend)


def _checked_outline(author: Author, envelope: JobEnvelope, backend: Backend) -> None:
    seen = outline(envelope.program_id, bytes(envelope.params), old_client=author.old_client)
    if not 1 <= seen.pubs <= backend.max_pubs:
        raise BadRequest(f"A job on this backend has between 1 and {backend.max_pubs} pubs.", code=8020)
    for shots in seen.shots:
        if shots < 1:
            raise BadRequest("The number of shots must be at least 1.", code=6000)
        if shots > backend.max_shots:
            raise BadRequest(f"This backend runs at most {backend.max_shots} shots.", code=6001)


def _max_seconds(cost: int | None, backend: Backend) -> int:
    """J3: the time limit in force; zero and nothing ask for the backend's default."""
    if not cost:
        return backend.default_execution_seconds
    if not 0 < cost <= backend.max_execution_seconds:
        most = backend.max_execution_seconds
        raise BadRequest(f"max_execution_time must be between 1 and {most} seconds on this backend.")
    return cost


def _calibration(envelope: JobEnvelope, backend: Backend, now: datetime) -> CalibrationSet | None:
    sets = CalibrationSet.objects.filter(backend=backend).defer("properties")
    if not envelope.calibration_id:
        return sets.in_force(backend, now)
    pinned = sets.filter(pk=envelope.calibration_id).first()
    if pinned is None:
        raise BadRequest("The backend has no calibration set of that id.")
    return pinned


def _new_job(author: Author, envelope: JobEnvelope, backend: Backend, now: datetime) -> Job:
    return Job(
        id=new_id(),
        instance=author.instance,
        user=author.user,
        backend=backend,
        program=envelope.program_id,
        created_at=now,
        cost=envelope.cost,
        tags=envelope.tags or [],
        private=bool(envelope.private),
        log_level=(envelope.log_level or "WARNING").upper(),
        runtime=envelope.runtime or "",
        client_application=author.client_application[:500],
    )


def _session_for(
    job: Job, author: Author, envelope: JobEnvelope, backend: Backend, locked: list[Session]
) -> Session | None:
    if envelope.start_session:
        return _started_with(job, author, envelope, backend, job.created_at)
    if not envelope.session_id:
        return None
    session = _joinable(locked, job.created_at)
    if session.backend_id != backend.pk:
        raise BadRequest("The session belongs to another backend; a session never changes its backend (L1).")
    _checked_against_session(envelope.cost, session.max_ttl)
    return session


def _checked_against_session(cost: int | None, max_ttl: int) -> None:
    if cost and cost >= max_ttl:
        raise BadRequest(f"max_execution_time must be less than the session's maximum time of {max_ttl} s.")


def _joinable(locked: list[Session], now: datetime) -> Session:
    """The locked session, settled, if it still accepts jobs."""
    if not locked:
        raise NotFound("There is no session of that id in this instance.")
    session = locked[0]
    settle(session, now)
    if session.state == SessionState.CLOSED or not session.accepting_jobs:
        raise SessionClosed("The session accepts no more jobs.", solution="Open a new session.")
    return session


def _started_with(
    job: Job, author: Author, envelope: JobEnvelope, backend: Backend, now: datetime
) -> Session:
    """L2: a session that a job brings with it has the id of that job."""
    check_session(author.instance, now)
    asked = seconds_from(envelope.session_time)
    length = checked_max_ttl(asked, backend) if asked else min(backend.session_max_ttl, job.max_seconds)
    if asked:
        _checked_against_session(envelope.cost, length)
    return new_session(
        ident=job.pk,
        instance=author.instance,
        user=author.user,
        backend=backend,
        mode=SessionMode.DEDICATED,
        max_ttl=length,
        now=now,
    )


def answered(job_id: str) -> None:
    """The submission's answer was sent: the same bytes sent again from now on are a new job."""
    Submission.objects.filter(job_id=job_id).delete()
