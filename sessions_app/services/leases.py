"""Leases on backends, and the doorbell that makes somebody look at one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django_q.tasks import async_task

from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import TIMEKEEPER, backend_channel, ring
from quantumsvc.scheduling.states import PENDING_JOB_STATES
from quantumsvc.statements import Statement, run
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
_LEAVE = """
UPDATE sessions_app_backendlease SET owner = '', expires_at = NULL
WHERE backend_id = %s AND fence = %s AND owner = %s
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
    lease = _locked(backend_id)
    if lease.expires_at is not None and lease.expires_at > now:
        ring(backend_channel(backend_id), "look")
    elif lease.drain_requested_at is None or lease.drain_requested_at < now - REQUEST_TRUSTED:
        request_drain(backend_id, now)


def request_drain(backend_id: int, now: datetime) -> None:
    """Put a drain of this backend into the task queue, in the present transaction."""
    BackendLease.objects.filter(pk=backend_id).update(drain_requested_at=now)
    ring(TIMEKEEPER)
    async_task(DRAIN_TASK, backend_id, q_options={"save": False, "group": "drains"})


def _locked(backend_id: int) -> BackendLease:
    try:
        return BackendLease.objects.select_for_update().get(pk=backend_id)
    except BackendLease.DoesNotExist:
        BackendLease.objects.get_or_create(backend=Backend.objects.get(pk=backend_id))
        return BackendLease.objects.select_for_update().get(pk=backend_id)


@transaction.atomic
def acquire(*, backend_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the backend with a new fence, or ``None`` while another holder's lease lasts."""
    lease = _locked(backend_id)
    if lease.expires_at is not None and lease.expires_at > now:
        return None
    fence = lease.fence + 1
    BackendLease.objects.filter(pk=backend_id).update(
        fence=fence, owner=owner, expires_at=now + LEASE, drain_requested_at=None
    )
    ring(TIMEKEEPER)
    return Lease(backend_id, fence, owner)


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

    A hint only: the holder takes an advisory lock named by backend and fence on a connection that dies
    with it. A lease younger than two seconds is left alone, since its lock may not be there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [now, now, now + LEASE - timedelta(seconds=2)])


def lock_name(lease: Lease) -> list[object]:
    """The two numbers of the advisory lock that shows that a lease's holder lives."""
    return [lease.backend_id, lease.fence % 2**31]


def unattended(now: datetime) -> list[int]:
    """The backends with waiting jobs that nobody holds and nobody was asked to look at lately.

    A system job waits from when it is due (S2).
    """
    free = Q(lease__isnull=True) | Q(lease__expires_at__isnull=True) | Q(lease__expires_at__lte=now)
    asked = Q(lease__drain_requested_at__gt=now - REQUEST_TRUSTED)
    waiting = Backend.objects.filter(free).exclude(asked)
    work = Q(state__in=PENDING_JOB_STATES) & (Q(due_at__isnull=True) | Q(due_at__lte=now))
    return [backend.pk for backend in waiting.order_by(F("pk")) if backend.jobs.filter(work).exists()]
