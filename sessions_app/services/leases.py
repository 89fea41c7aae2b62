"""Leases on backends, and the doorbell that makes somebody look at one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django_q.tasks import async_task

from quantumsvc.backends.models import Backend
from quantumsvc.backends.services import backend_as_of
from quantumsvc.doorbell import TIMEKEEPER, backend_channel
from quantumsvc.statements import Rows, Statement, finish, run
from sessions_app.models import BackendLease

LEASE = timedelta(seconds=15)
HEARTBEAT = LEASE / 3
# A request for a drain is believed for this long; after that it is made again.
REQUEST_TRUSTED = timedelta(seconds=10)
DRAIN_TASK = "sessions_app.tasks.look_at"


_RENEW = """
UPDATE sessions_app_backendlease SET expires_at = %s
WHERE backend_id = %s AND fence = %s AND owner = %s RETURNING fence
"""
# Makes the row where there is none, so that two who come first don't pass each other.
_LOCK = """
INSERT INTO sessions_app_backendlease AS l (backend_id, fence, owner) VALUES (%s, 0, '')
ON CONFLICT (backend_id) DO UPDATE SET owner = l.owner RETURNING expires_at, drain_requested_at
"""
_RING = "SELECT pg_notify(%s, %s)"
_REQUESTED = "UPDATE sessions_app_backendlease SET drain_requested_at = %s WHERE backend_id = %s"
_ACQUIRE = """
UPDATE sessions_app_backendlease l
SET fence = fence + 1, owner = %s, expires_at = %s, drain_requested_at = NULL
WHERE backend_id = %s AND (expires_at IS NULL OR expires_at <= %s)
RETURNING fence,
    EXISTS (SELECT 1 FROM sessions_app_job j WHERE j.backend_id = l.backend_id AND j.state = 'running'),
    (SELECT b.xmin::text || b.ctid::text FROM backends_backend b WHERE b.id = l.backend_id),
    pg_try_advisory_lock(backend_id::int, (fence %% 2147483648)::int)
"""
_LEAVE = """
UPDATE sessions_app_backendlease SET owner = '', expires_at = NULL
WHERE backend_id = %s AND fence = %s AND owner = %s
RETURNING pg_advisory_unlock(backend_id::int, (fence %% 2147483648)::int)
"""


class LeaseLost(Exception):
    """Another holder has taken the backend; nothing may be written any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A holder's right, named by its fence."""

    backend_id: int
    fence: int
    owner: str


def look_at(backend_id: int, now: datetime) -> None:
    """Make somebody look at a backend: wake its drain, or ask for one. Call inside a transaction.

    The lease row stays locked until the commit, so a drain that is leaving either sees what this
    transaction wrote or has given up its lease before we looked.
    """
    run(*wake(backend_id, run(locking(backend_id))[0], now))


def locking(backend_id: int) -> Statement:
    """The statement that locks a backend's lease row; its rows are for :func:`wake`."""
    return Statement(_LOCK, [backend_id])


def wake(backend_id: int, locked: Rows, now: datetime) -> list[Statement]:
    """What :func:`look_at` says once the row is locked, as statements to be run before the commit."""
    expires_at, requested_at = locked[0]
    if expires_at is not None and expires_at > now:
        return [Statement(_RING, [backend_channel(backend_id), "look"])]
    if requested_at is None or requested_at < now - REQUEST_TRUSTED:
        request_drain(backend_id, now)
    return []


def request_drain(backend_id: int, now: datetime) -> None:
    """Put a drain of this backend into the task queue, in the present transaction."""
    run(Statement(_REQUESTED, [now, backend_id]), Statement(_RING, [TIMEKEEPER, ""]))
    async_task(DRAIN_TASK, backend_id, q_options={"save": False, "group": "drains"})


@dataclass(frozen=True, slots=True)
class Acquired:
    """A lease just taken; ``left_running`` when the holder before left a job behind (J2)."""

    lease: Lease
    backend: Backend
    left_running: bool


def acquire(*, backend_id: int, owner: str, now: datetime) -> Acquired | None:
    """Take the backend with a new fence, or ``None`` while another holder's lease lasts.

    The connection that takes it keeps an advisory lock named by backend and fence, as long as it lives or
    until the lease is left: who looks for it sees at once when a holder is gone.
    """
    with transaction.atomic():
        _, taken, _ = finish(
            locking(backend_id),
            Statement(_ACQUIRE, [owner, now + LEASE, backend_id, now]),
            Statement(_RING, [TIMEKEEPER, ""]),
        )
    if taken:
        fence, left_running, version, _ = taken[0]
        return Acquired(Lease(backend_id, fence, owner), backend_as_of(backend_id, version), left_running)
    return None


def renewal(lease: Lease, now: datetime) -> Statement:
    """The holder's heartbeat: gives a row if the lease is ours, and locks it until the transaction ends."""
    return Statement(_RENEW, [now + LEASE, lease.backend_id, lease.fence, lease.owner])


def renew(lease: Lease, now: datetime) -> None:
    """Carry out :func:`renewal`. Raises :class:`LeaseLost` when the lease is not ours any more."""
    if not run(renewal(lease, now))[0]:
        raise LeaseLost


def leaving_of(lease: Lease) -> Statement:
    """The statement that gives the backend back. Does nothing when it is not ours any more."""
    return Statement(_LEAVE, [lease.backend_id, lease.fence, lease.owner])


def leave(lease: Lease) -> None:
    """Carry out :func:`leaving_of`."""
    run(leaving_of(lease))


def dead_leases(now: datetime) -> list[int]:
    """The backends whose holder has gone silent."""
    return list(BackendLease.objects.filter(expires_at__lte=now).values_list("pk", flat=True))


_ORPHANS = """
UPDATE sessions_app_backendlease SET expires_at = %s
WHERE expires_at > %s AND expires_at < %s AND NOT EXISTS (
    SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND classid = backend_id AND objid = fence %% 2147483648 AND objsubid = 2
)
"""


def expire_orphans(now: datetime) -> None:
    """End the leases whose holder's connection is gone, without waiting for them to run out.

    A hint only, by the advisory lock that :func:`acquire` takes on a connection that dies with its process.
    A lease younger than two seconds is left alone, since its lock may not be there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [now, now, now + LEASE - timedelta(seconds=2)])


# Of each backend the first such job by index, whatever lies behind it.
_UNATTENDED = """
SELECT b.id FROM backends_backend b LEFT JOIN sessions_app_backendlease l ON l.backend_id = b.id
CROSS JOIN LATERAL (
    SELECT FROM sessions_app_job j WHERE j.backend_id = b.id AND j.state IN ('queued', 'running')
    AND (j.due_at IS NULL OR j.due_at <= %s) LIMIT 1
) work
WHERE (l.expires_at IS NULL OR l.expires_at <= %s)
AND (l.drain_requested_at IS NULL OR l.drain_requested_at <= %s) ORDER BY b.id
"""


def unattended(now: datetime) -> list[int]:
    """The backends with waiting jobs that nobody holds and nobody was asked to look at lately.

    A system job waits from when it is due (S2).
    """
    return [row[0] for row in run(Statement(_UNATTENDED, [now, now, now - REQUEST_TRUSTED]))[0]]
