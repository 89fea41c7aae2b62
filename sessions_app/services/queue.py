"""What the dispatcher reads of a backend: one journey, each statement served by an index."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.snapshot import QueuedJob
from quantumsvc.scheduling.states import SessionState
from quantumsvc.statements import Rows, Statement, run
from sessions_app.models import Session
from sessions_app.services.leases import Lease, LeaseLost, renewal
from sessions_app.services.transitions import session_columns, sessions_from

# Of the waiting jobs, S10 leaves out those whose instance or user is not active.
_ELIGIBLE = """
FROM sessions_app_job j
JOIN accounts_instance i ON i.id = j.instance_id AND i.is_active
JOIN accounts_user u ON u.id = j.user_id AND u.is_active
"""
_MINE = "(SELECT id FROM sessions_app_session WHERE backend_id = %s AND state = 'active')"
_HEADS = f"""
(SELECT 'running', id, created_at, session_id FROM sessions_app_job
 WHERE backend_id = %s AND state = 'running' LIMIT 1)
UNION ALL
(SELECT 'queued', id, created_at, session_id FROM sessions_app_job
 WHERE session_id = {_MINE} AND state = 'queued' LIMIT 1)
UNION ALL
(SELECT 'session', j.id, j.created_at, j.session_id {_ELIGIBLE}
 WHERE j.session_id = {_MINE} AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
UNION ALL
(SELECT 'any', j.id, j.created_at, j.session_id {_ELIGIBLE}
 WHERE j.backend_id = %s AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
"""


_BACKEND = "SELECT is_online AND NOT is_paused, xmin::text FROM backends_backend WHERE id = %s"
_SESSIONS = """
SELECT {columns} FROM sessions_app_session
WHERE backend_id = %s AND (state = 'active' OR next_deadline <= %s OR id = %s) ORDER BY id FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Heads:
    """The oldest of each kind. ``queued`` ignores S10: it is about whether the session has work at all."""

    running: str | None
    session: QueuedJob | None
    any: QueuedJob | None
    session_has_queued: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A backend as its rows tell: the sessions that a turn may change are locked."""

    backend: Backend
    accepts_starts: bool
    sessions: list[Session]
    heads: Heads


def read_backend(lease: Lease, now: datetime, ended: str | None) -> Reading:
    """Renew the lease and read everything that a turn needs.

    Locked are the active session, those whose deadline has passed, and the one of the job that ended.
    Raises :class:`LeaseLost`.
    """
    ident = lease.backend_id
    sessions = Statement(_SESSIONS.format(columns=session_columns()), [ident, now, ended or ""])
    renewed, backend, locked, heads = run(
        renewal(lease, now), Statement(_BACKEND, [ident]), sessions, _heads_statement(ident)
    )
    if not renewed:
        raise LeaseLost
    accepts, version = backend[0]
    return Reading(_backend(ident, version), accepts, sessions_from(locked), _heads(heads))


@lru_cache(maxsize=256)
def _backend(ident: int, version: str) -> Backend:
    """The backend's row as of a version of it; read again when anything about it has changed."""
    return Backend.objects.defer("configuration").get(pk=ident)


def heads_of(backend: Backend) -> Heads:
    """The heads of the backend's queues."""
    return _heads(run(_heads_statement(backend.pk))[0])


def _heads_statement(ident: int) -> Statement:
    return Statement(_HEADS, [ident, ident, ident, ident])


def _heads(found: Rows) -> Heads:
    rows = {kind: row for kind, *row in found}
    return Heads(
        running=rows["running"][0] if "running" in rows else None,
        session=_queued(rows.get("session")),
        any=_queued(rows.get("any")),
        session_has_queued="queued" in rows,
    )


def _queued(row: list[Any] | None) -> QueuedJob | None:
    return QueuedJob(id=row[0], submitted_at=row[1], session=row[2]) if row else None


def active_of(sessions: list[Session]) -> Session | None:
    """The session that has the backend."""
    return next((each for each in sessions if each.state == SessionState.ACTIVE), None)
