"""What the dispatcher reads of a backend: few journeys, each statement served by an index.

Nothing here costs more with a longer queue: of each user's waiting jobs only the oldest is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.backends.services import backend_as_of
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob
from quantumsvc.scheduling.states import SessionState
from quantumsvc.statements import Rows, Statement, run
from sessions_app.models import Job, Session
from sessions_app.services.leases import Lease, LeaseLost, renewal
from sessions_app.services.limits import IS_OVER
from sessions_app.services.transitions import job_columns, job_from, session_columns, sessions_from

# What a decision needs to know of a waiting job; how long it is taken to run is the user's own limit,
# else what the program took before on this backend, else the limit in force (W2).
JOB_COLUMNS = """j.id, j.created_at, j.session_id, j.instance_id, j.user_id,
    CASE WHEN j.cost > 0 THEN j.cost ELSE coalesce(r.mean, j.max_seconds) END::float"""
RUN_TIME = "LEFT JOIN sessions_app_runtime r ON r.backend_id = j.backend_id AND r.program = j.program"
# S10: of the waiting jobs, those whose instance and user are active may start.
_ACTIVE = """
JOIN accounts_instance i ON i.id = j.instance_id AND i.is_active
JOIN accounts_user u ON u.id = j.user_id AND u.is_active
"""
_MINE = "(SELECT id FROM sessions_app_session WHERE backend_id = %s AND state = 'active')"
_BACKEND = "SELECT is_online AND NOT is_paused, xmin::text FROM backends_backend WHERE id = %s"
_SESSIONS = """
SELECT {columns} FROM sessions_app_session
WHERE backend_id = %s AND (state = 'active' OR next_deadline <= %s OR id = %s) ORDER BY id FOR UPDATE
"""
# What a job runs beyond the end of its dedicated session, no session pays for (L17).
_FRONT = f"""
(SELECT 'running', {JOB_COLUMNS}, j.started_at, coalesce(ended.closed_at, j.started_at)
 FROM sessions_app_job j {RUN_TIME}
 LEFT JOIN sessions_app_session ended ON ended.id = j.session_id AND ended.mode = 'dedicated'
 WHERE j.backend_id = %s AND j.state = 'running' LIMIT 1)
UNION ALL
(SELECT 'queued', j.id, j.created_at, j.session_id, j.instance_id, j.user_id, 0, NULL, NULL
 FROM sessions_app_job j
 WHERE j.session_id = {_MINE} AND j.state = 'queued' LIMIT 1)
UNION ALL
(SELECT 'session', {JOB_COLUMNS}, NULL, NULL FROM sessions_app_job j {_ACTIVE} AND NOT {IS_OVER} {RUN_TIME}
 WHERE j.session_id = {_MINE} AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
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
{_ACTIVE} WHERE j.session_id = {_MINE} AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1
"""
# Steps from one (instance, user) with waiting jobs to the next, by index, whatever lies between.
_HEADS = f"""
WITH RECURSIVE pair AS (
    (SELECT instance_id, user_id FROM sessions_app_job WHERE backend_id = %s AND state = 'queued'
     ORDER BY instance_id, user_id LIMIT 1)
    UNION ALL
    SELECT step.instance_id, step.user_id FROM pair p CROSS JOIN LATERAL (
        SELECT q.instance_id, q.user_id FROM sessions_app_job q WHERE q.backend_id = %s AND q.state = 'queued'
        AND (q.instance_id, q.user_id) > (p.instance_id, p.user_id)
        ORDER BY q.instance_id, q.user_id LIMIT 1) step
)
SELECT {JOB_COLUMNS}, coalesce(used.microseconds, 0) FROM pair p
CROSS JOIN LATERAL (
    SELECT q.* FROM sessions_app_job q WHERE q.backend_id = %s AND q.state = 'queued'
    AND q.instance_id = p.instance_id AND q.user_id = p.user_id ORDER BY q.created_at, q.id LIMIT 1) j
{_ACTIVE} {RUN_TIME}
LEFT JOIN sessions_app_userusage used
    ON used.backend_id = j.backend_id AND used.instance_id = j.instance_id AND used.user_id = j.user_id
"""
# Shares and sums; an instance is over its limit by what it uses of all backends.
_SHARES = f"""
SELECT i.id, i.parent_id, i.shares, coalesce(here.microseconds, 0), {IS_OVER}
FROM accounts_instance i
LEFT JOIN sessions_app_instanceusage here ON here.instance_id = i.id AND here.backend_id = %s
"""


@dataclass(frozen=True, slots=True)
class Front:
    """What runs, and the active session's oldest job that S10 lets start.

    ``session_has_queued`` ignores S10: it is about whether the session has work at all (L5).
    ``unpaid_since`` is from when what runs pays for itself, if no active session pays for it (L17).
    """

    running: RunningJob | None
    session: QueuedJob | None
    session_has_queued: bool
    unpaid_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting job with all that starting it takes; ``params`` is ``None`` when they are large."""

    job: Job
    calibration_id: str | None
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A backend as its rows tell: the sessions that a turn may change are locked.

    ``candidate`` is the job that the active session would start.
    """

    backend: Backend
    accepts_starts: bool
    sessions: list[Session]
    front: Front
    candidate: Candidate | None


def read_backend(lease: Lease, now: datetime, ended: str | None) -> Reading:
    """Renew the lease and read what every turn needs.

    Locked are the active session, those whose deadline has passed, and the one of the job that ended.
    Raises :class:`LeaseLost`.
    """
    ident = lease.backend_id
    sessions = Statement(_SESSIONS.format(columns=session_columns()), [ident, now, ended or ""])
    candidate = Statement(_candidate_sql(_NEXT_OF_SESSION), [now, ident])
    renewed, backend, locked, front, first = run(
        renewal(lease, now), Statement(_BACKEND, [ident]), sessions, _front_statement(ident, now), candidate
    )
    if not renewed:
        raise LeaseLost
    accepts, version = backend[0]
    return Reading(
        backend_as_of(ident, version), accepts, sessions_from(locked), _front(front), _candidate(first)
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
    return Statement(_FRONT, [ident, ident, now, ident])


def _front(found: Rows) -> Front:
    rows = {kind: row for kind, *row in found}
    running = rows.get("running")
    session = rows.get("session")
    return Front(
        running=_running(running) if running else None,
        session=_queued(session) if session else None,
        session_has_queued="queued" in rows,
        unpaid_since=running[-1] if running else None,
    )


def _running(row: Sequence[Any]) -> RunningJob:
    ident, _, session, instance, user, expected, started_at, _ = row
    return RunningJob(
        id=ident,
        started_at=started_at,
        instance=str(instance),
        user=str(user),
        session=session,
        expected=timedelta(seconds=expected),
    )


def _queued(row: Sequence[Any]) -> QueuedJob:
    ident, created_at, session, instance, user, expected, *_ = row
    return QueuedJob(
        id=ident,
        submitted_at=created_at,
        session=session,
        instance=str(instance),
        user=str(user),
        expected=timedelta(seconds=expected),
    )


def read_turns(
    backend_id: int, now: datetime, after: Sequence[Statement] = ()
) -> tuple[tuple[QueuedJob, ...], Books]:
    """The oldest job of each user that S10 lets start, and the books that say whose turn it is (F1-F3).

    Read after the statements of ``after``, on the same journey.
    """
    heads_of_all = Statement(_HEADS, [backend_id, backend_id, backend_id])
    *_, heads, shares = run(*after, heads_of_all, Statement(_SHARES, [now, backend_id]))
    over = {row[0] for row in shares if row[4]}
    users = {(str(row[3]), str(row[4])): int(row[6]) for row in heads}
    jobs = tuple(_queued(row) for row in heads if row[3] not in over)
    return jobs, Books((_share(row) for row in shares), users)


def _share(row: Sequence[Any]) -> Share:
    ident, parent, shares, used, _ = row
    return Share(id=str(ident), parent=None if parent is None else str(parent), shares=shares, used=int(used))


def active_of(sessions: list[Session]) -> Session | None:
    """The session that has the backend."""
    return next((each for each in sessions if each.state == SessionState.ACTIVE), None)
