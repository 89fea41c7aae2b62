"""What the dispatcher reads of a backend, in few statements, each served by an index."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.snapshot import QueuedJob
from quantumsvc.scheduling.states import SessionState
from sessions_app.models import Session

# Of the waiting jobs, S10 leaves out those whose instance or user is not active.
_ELIGIBLE = """
FROM sessions_app_job j
JOIN accounts_instance i ON i.id = j.instance_id AND i.is_active
JOIN accounts_user u ON u.id = j.user_id AND u.is_active
"""
_HEADS = f"""
(SELECT 'running', id, created_at, session_id FROM sessions_app_job
 WHERE backend_id = %s AND state = 'running' LIMIT 1)
UNION ALL
(SELECT 'queued', id, created_at, session_id FROM sessions_app_job
 WHERE session_id = ANY(%s) AND state = 'queued' LIMIT 1)
UNION ALL
(SELECT 'session', j.id, j.created_at, j.session_id {_ELIGIBLE}
 WHERE j.session_id = ANY(%s) AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
UNION ALL
(SELECT 'any', j.id, j.created_at, j.session_id {_ELIGIBLE}
 WHERE j.backend_id = %s AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Heads:
    """The oldest of each kind. ``queued`` ignores S10: it is about whether the session has work at all."""

    running: str | None
    session: QueuedJob | None
    any: QueuedJob | None
    session_has_queued: bool


def heads_of(backend: Backend, session: Session | None) -> Heads:
    """The heads of the backend's queues; ``session`` is the active one."""
    mine = [session.pk] if session else []
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [backend.pk, mine, mine, backend.pk])
        rows = {kind: row for kind, *row in cursor.fetchall()}
    return Heads(
        running=rows["running"][0] if "running" in rows else None,
        session=_queued(rows.get("session")),
        any=_queued(rows.get("any")),
        session_has_queued="queued" in rows,
    )


def _queued(row: list[Any] | None) -> QueuedJob | None:
    return QueuedJob(id=row[0], submitted_at=row[1], session=row[2]) if row else None


def locked_sessions(backend: Backend, now: datetime, ended: str | None) -> list[Session]:
    """Lock the sessions that a turn may change: the active one, overdue ones, the ended job's."""
    concerned = Q(state=SessionState.ACTIVE.value) | Q(next_deadline__lte=now)
    if ended is not None:
        concerned |= Q(pk=ended)
    rows = Session.objects.filter(concerned, backend_id=backend.pk).order_by("id")
    return list(rows.select_for_update(of=("self",)))
