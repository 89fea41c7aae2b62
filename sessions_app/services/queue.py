"""What the dispatcher reads of a backend: few journeys, each statement served by an index.

Nothing here costs more with a longer queue: of each user's waiting jobs only the oldest is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.backends.services import backend_as_of
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob
from quantumsvc.scheduling.states import SessionState
from quantumsvc.scheduling.windows import Window
from quantumsvc.statements import Rows, Statement, run
from sessions_app.models import Job, Session
from sessions_app.services import fitting, held
from sessions_app.services.columns import (
    ACTIVE,
    HEADS,
    IS_ACTIVE,
    JOB_COLUMNS,
    PAID_UNTIL,
    PLACE_COLUMNS,
    RUN_TIME,
)
from sessions_app.services.leases import Lease, LeaseLost, renewal
from sessions_app.services.limits import IS_OVER
from sessions_app.services.transitions import job_columns, job_from, session_columns, sessions_from

_MINE = "(SELECT id FROM sessions_app_session WHERE backend_id = %s AND state = 'active')"
_BACKEND = "SELECT xmin::text || ctid::text FROM backends_backend WHERE id = %s"
_SESSIONS = """
SELECT {columns} FROM sessions_app_session
WHERE backend_id = %s AND (state = 'active' OR next_deadline <= %s OR id = %s) ORDER BY id FOR UPDATE
"""
# What a job runs beyond the last activation of its dedicated session, no session pays for (L17).
_FRONT = f"""
(SELECT 'running', {JOB_COLUMNS}, j.started_at, CASE
    WHEN ended.state <> 'active' THEN greatest({PAID_UNTIL.format(session="ended")}, j.started_at)
    ELSE j.started_at END, j.is_system
 FROM sessions_app_job j {RUN_TIME}
 LEFT JOIN sessions_app_session ended ON ended.id = j.session_id AND ended.mode = 'dedicated'
 WHERE j.backend_id = %s AND j.state = 'running' LIMIT 1)
UNION ALL
(SELECT 'queued', j.id, j.created_at, j.session_id, j.instance_id, j.user_id, 0, NULL, NULL, NULL
 FROM sessions_app_job j
 WHERE j.session_id = {_MINE} AND j.state = 'queued' LIMIT 1)
UNION ALL
(SELECT 'session', {JOB_COLUMNS}, NULL, NULL, NULL
 FROM sessions_app_job j {ACTIVE} AND NOT {IS_OVER} {RUN_TIME}
 WHERE j.session_id = {_MINE} AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
UNION ALL
(SELECT 'system', {JOB_COLUMNS}, j.due_at, j.due_at + make_interval(secs => j.deferral_seconds), TRUE
 FROM sessions_app_job j {RUN_TIME}
 WHERE j.backend_id = %s AND j.state = 'queued' AND j.is_system ORDER BY j.due_at, j.id LIMIT 20)
"""
# The whole job, the calibration set under which it would start now, and its params unless they are large.
_CANDIDATE = """
SELECT {columns}, CASE WHEN j.calibration_pinned THEN j.calibration_submitted_id ELSE (
    SELECT c.id FROM backends_calibrationset c WHERE c.backend_id = j.backend_id AND c.taken_at <= %s
    ORDER BY c.taken_at DESC, c.id DESC LIMIT 1) END,
    CASE WHEN octet_length(p.params) <= 1000000 THEN p.params END
FROM sessions_app_job j JOIN sessions_app_jobpayload p ON p.job_id = j.id {which}
"""
_NEXT_OF_SESSION = f"""
WHERE j.id = (SELECT q.id FROM sessions_app_job q
    WHERE q.session_id = {_MINE} AND q.state = 'queued' AND {IS_ACTIVE} ORDER BY q.created_at, q.id LIMIT 1)
"""
# How long these are expected to run matters only while there are windows, and then others are read.
_HEADS = f"""{HEADS}
SELECT {PLACE_COLUMNS}, j.max_seconds::float, coalesce(used.microseconds, 0) FROM j
LEFT JOIN sessions_app_userusage used
    ON used.backend_id = %s AND used.instance_id = j.instance_id AND used.user_id = j.user_id
WHERE NOT EXISTS (SELECT 1 FROM accounts_user u WHERE u.id = j.user_id AND NOT u.is_active)
"""
# Shares and sums, and which instances may start nothing (S10): those that are not active, and those over
# their limit by what they use of all backends.
_SHARES = f"""
SELECT i.id::text, i.parent_id::text, i.shares, coalesce(here.microseconds, 0), NOT i.is_active OR {IS_OVER}
FROM accounts_instance i
LEFT JOIN sessions_app_instanceusage here ON here.instance_id = i.id AND here.backend_id = %s
"""


@dataclass(frozen=True, slots=True)
class Front:
    """What runs, and the active session's oldest job that S10 lets start.

    ``session_has_queued`` ignores S10: it is about whether the session has work at all (L5).
    ``unpaid_since`` is from when what runs pays for itself, if no active session pays for it (L17).
    ``system`` are the operator's jobs, due or not (S2).
    """

    running: RunningJob | None
    session: QueuedJob | None
    session_has_queued: bool
    unpaid_since: datetime | None = None
    system: tuple[QueuedJob, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting job with all that starting it takes; ``params`` is ``None`` when they are large."""

    job: Job
    calibration_id: str | None
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A backend as its rows tell: the sessions that a turn may change are locked.

    ``candidate`` is the job that the active session would start, ``windows`` those that have not ended.
    """

    backend: Backend
    sessions: list[Session]
    front: Front
    candidate: Candidate | None
    windows: tuple[Window, ...]


def read_backend(lease: Lease, now: datetime, ended: str | None) -> Reading:
    """Renew the lease and read what every turn needs.

    Locked are the active session, those whose deadline has passed, and the one of the job that ended.
    Raises :class:`LeaseLost`.
    """
    ident = lease.backend_id
    sessions = Statement(_SESSIONS.format(columns=session_columns()), [ident, now, ended or ""])
    candidate = Statement(_candidate_sql(_NEXT_OF_SESSION), [now, ident])
    renewed, row, locked, front, first, windows = run(
        renewal(lease, now),
        Statement(_BACKEND, [ident]),
        sessions,
        _front_statement(ident, now),
        candidate,
        held.reading(ident, now),
    )
    if not renewed:
        raise LeaseLost
    backend = backend_as_of(ident, row[0][0])
    return Reading(
        backend=backend,
        sessions=sessions_from(locked),
        front=_front(front),
        candidate=_candidate(first),
        windows=held.windows_from(windows, backend),
    )


def find_candidate(ident: str, now: datetime, after: Sequence[Statement] = ()) -> Candidate | None:
    """The job of that id, read after the statements of ``after`` on the same journey."""
    *_, rows = run(*after, Statement(_candidate_sql("WHERE j.id = %s"), [now, ident]))
    return _candidate(rows)


def params_of(ident: str) -> bytes:
    """What was submitted, however large."""
    return bytes(
        run(Statement("SELECT params FROM sessions_app_jobpayload WHERE job_id = %s", [ident]))[0][0][0]
    )


@lru_cache(maxsize=2)
def _candidate_sql(which: str) -> str:
    return _CANDIDATE.format(columns=job_columns(), which=which)


def _candidate(rows: Rows) -> Candidate | None:
    if not rows:
        return None
    *row, calibration_id, params = rows[0]
    return Candidate(job_from(tuple(row)), calibration_id, None if params is None else bytes(params))


def front_of(backend_id: int, now: datetime) -> Front:
    """What runs on the backend and what its active session has waiting."""
    return _front(run(_front_statement(backend_id, now))[0])


def _front_statement(ident: int, now: datetime) -> Statement:
    return Statement(_FRONT, [ident, ident, now, ident, ident])


def _front(found: Rows) -> Front:
    rows = {kind: row for kind, *row in found}
    running = rows.get("running")
    session = rows.get("session")
    return Front(
        running=_running(running) if running else None,
        session=_queued(session) if session else None,
        session_has_queued="queued" in rows,
        unpaid_since=running[-2] if running else None,
        system=tuple(_system(row) for kind, *row in found if kind == "system"),
    )


def _running(row: Sequence[Any]) -> RunningJob:
    ident, created_at, session, instance, user, expected, started_at, _, is_system = row
    return RunningJob(
        id=ident,
        started_at=started_at,
        instance=None if is_system else str(instance),
        user=str(user),
        session=session,
        expected=timedelta(seconds=expected),
        submitted_at=created_at,
    )


def _system(row: Sequence[Any]) -> QueuedJob:
    due_at, latest = row[6], row[7]
    return replace(_queued(row), submitted_at=due_at, deferral=latest - due_at)


def _queued(row: Sequence[Any]) -> QueuedJob:
    return _job(*row[:6])


@lru_cache(maxsize=10_000)
def _job(
    ident: str, created_at: datetime, session: str | None, instance: int, user: int, expected: float
) -> QueuedJob:
    """Kept in memory: from one turn to the next, nearly all heads are the same, down to the last column."""
    return QueuedJob(
        id=ident,
        submitted_at=created_at,
        session=session,
        instance=str(instance),
        user=str(user),
        expected=timedelta(seconds=expected),
    )


def read_turns(
    backend_id: int, now: datetime, windows: Sequence[Window] = (), after: Sequence[Statement] = ()
) -> tuple[tuple[QueuedJob, ...], Books]:
    """The oldest job of each user that may start (S3, S10, W2), and the books that say whose turn it is.

    During a priority window also the oldest that were sent inside (S9). Read after the statements of
    ``after``, on the same journey.
    """
    ranks = Statement(_SHARES, [now, backend_id], binary=True)
    if windows:
        asked = [fitting.heads(backend_id, now, windows), *fitting.sent_inside(backend_id, now, windows)]
    else:
        asked = [Statement(_HEADS, [backend_id] * 3, binary=True)]
    shares, *found = run(*after, ranks, *asked)[len(after) :]
    heads = [(_queued(row), row[6]) for rows in found for row in rows]
    barred = {row[0] for row in shares if row[4]}
    users = {(job.instance, job.user): used for job, used in heads}
    jobs = tuple(job for job, _ in heads if job.instance not in barred)
    return jobs, Books((_share(*row[:4]) for row in shares), users)


@lru_cache(maxsize=10_000)
def _share(ident: str, parent: str | None, shares: int, used: int) -> Share:
    return Share(id=ident, parent=parent, shares=shares, used=used)


def session_front(
    session: Session, windows: Sequence[Window], now: datetime
) -> tuple[QueuedJob | None, QueuedJob | None]:
    """Of a session's waiting jobs the oldest that may use the present time, and the oldest that fits (S4)."""
    rows = run(fitting.of_session(session.pk, now))[0]
    return fitting.front_among([_queued(row) for row in rows], windows, now)


def active_of(sessions: list[Session]) -> Session | None:
    """The session that has the backend."""
    return next((each for each in sessions if each.state == SessionState.ACTIVE), None)
