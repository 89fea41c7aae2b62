"""A drain: looks after one backend until it has nothing to do.

It holds the backend's lease, and between two jobs of a session no message travels: it ends one job and
starts the next in the same transaction. While a session holds the backend it waits at the doorbell.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import transaction
from django_q.models import OrmQ

from quantumsvc import clock
from quantumsvc.backends.execution.client import ExecutionPool, PoolUnavailable
from quantumsvc.backends.execution.client import Lease as ChildLease
from quantumsvc.doorbell import Listener, backend_channel, kept_listening
from quantumsvc.errors import StaleTransition
from quantumsvc.hosting.stopping import is_stopping
from quantumsvc.scheduling.policy import Hold, Idle
from quantumsvc.scheduling.states import Cause
from sessions_app.models import Job
from sessions_app.services.attempt import Abandoned, Attempt, ChildLost
from sessions_app.services.calibrations.wishes import CALIBRATION
from sessions_app.services.dispatch import Claim, hand_over, recover, turn
from sessions_app.services.endings import Ending, give_back
from sessions_app.services.leases import (
    HEARTBEAT,
    Acquired,
    Lease,
    LeaseLost,
    acquire,
    leave,
    renew,
)
from sessions_app.services.pools import hold_if_out_of_reach, pool_for

logger = logging.getLogger(__name__)

# How long a drain stays after its last job, so that the next one starts at once. It leaves sooner when
# another backend needs its worker.
LINGER = timedelta(seconds=30)
# How long it works on while drains of other backends wait for a worker.
SLICE_SECONDS = 5.0
# How often a waiting drain asks whether others need its worker.
YIELD_CHECK_SECONDS = 0.5
# How long a job waits for a pool that is being started again; with the pool's own time to answer, this is
# less than a lease on the backend lasts.
POOL_PATIENCE_SECONDS = 3.0


class Drain:
    """One worker's care of one backend, from taking the lease to giving it back."""

    def __init__(self, acquired: Acquired, bell: Listener) -> None:
        self.acquired = acquired
        self.lease = acquired.lease
        self.bell = bell
        self.children = Children()
        self.early: Attempt | None = None
        self.began = time.monotonic()
        self.looked_for_others = self.began

    def run(self) -> None:
        """Turn after turn until there is nothing to do, or another worker has the backend."""
        if self.acquired.left_running:
            recover(self.lease, now=clock.now())
        ended: Ending | None = None
        leaving = False
        try:
            while True:
                step = turn(
                    self.lease, now=clock.now(), ended=ended, leaving=leaving, begin=self._begin_early
                )
                ended = None
                if isinstance(step, Claim):
                    ended = self._attempt(step)
                    if self._slice_is_over():
                        return hand_over(self.lease, now=clock.now(), ended=ended)
                elif leaving:
                    return None
                leaving = not isinstance(step, Claim) and not self._wait(step)
        finally:
            self.children.release()

    def _begin_early(self, claim: Claim) -> None:
        """Set the job going while its claim is being written, if the right child is at hand."""
        child = None
        with suppress(PoolUnavailable):
            child = self.children.at_hand(claim)
        if child is not None:
            self.early = Attempt(claim, child, self.bell, self.lease)
            self.early.begin()

    def _attempt(self, claim: Claim) -> Ending | None:
        attempt, self.early = self.early, None
        if attempt is None:
            attempt = Attempt(claim, self._child_for(claim), self.bell, self.lease)
        try:
            return attempt.run()
        except Abandoned:
            return None
        except ChildLost as lost:
            self._give_back(claim, str(lost), lost=True)
            return None

    def _child_for(self, claim: Claim) -> ChildLease:
        try:
            return self.children.child_for(claim)
        except PoolUnavailable:
            self._give_back(claim, "There was no process to run this job in.", lost=False)
            raise

    def _give_back(self, claim: Claim, reason: str, *, lost: bool) -> None:
        logger.warning("job %s goes back to its place: %s", claim.job.pk, reason)
        now = clock.now()
        try:
            with transaction.atomic():
                renew(self.lease, now)
                give_back(claim.job, now=now, cause=Cause.WORKER_LOST, reason=reason, lost=lost)
        except StaleTransition:
            return

    def _slice_is_over(self) -> bool:
        return is_stopping() or self._used_its_slice()

    def _used_its_slice(self) -> bool:
        now = time.monotonic()
        if now - self.began <= SLICE_SECONDS or now - self.looked_for_others < YIELD_CHECK_SECONDS:
            return False
        self.looked_for_others = now
        return others_wait()

    def _wait(self, step: Hold | Idle) -> bool:
        """Wait for a bell until time may change the decision, or for a moment when idle. False: leave."""
        look_at = step.until if isinstance(step, Idle) else step.look_at or step.until
        long_enough = clock.now() + LINGER
        if isinstance(step, Idle) and (look_at is None or look_at > long_enough):
            return self._heard_before(long_enough)
        assert look_at is not None
        return self._heard_before(look_at) or clock.now() >= look_at

    def _heard_before(self, until: datetime) -> bool:
        heartbeat = time.monotonic() + HEARTBEAT.total_seconds()
        while (left := (until - clock.now()).total_seconds()) > 0:
            if self.bell.wait(min(left, YIELD_CHECK_SECONDS)):
                return True
            if is_stopping() or others_wait():
                return False
            if time.monotonic() >= heartbeat:
                heartbeat = time.monotonic() + HEARTBEAT.total_seconds()
                renew(self.lease, clock.now())
        return False


class Children:
    """The child that a drain has at hand.

    A child serves one instance on one backend: what a hostile payload could do to it stays with the
    tenant that sent it, and within the instance the built device and the session's cache are reused.
    """

    def __init__(self) -> None:
        self.key = ("", "")
        self.child: ChildLease | None = None

    def child_for(self, claim: Claim) -> ChildLease:
        """The warm child of the job's instance, or another one. Raises :class:`PoolUnavailable`."""
        pool = pool_for(claim.backend)
        if (child := self.at_hand(claim)) is not None:
            return child
        self.release()
        key = _key_of(pool, claim)
        self.key, self.child = key, _patiently(pool, key[1])
        return self.child

    def at_hand(self, claim: Claim) -> ChildLease | None:
        """The child that is leased already, if it may run this job."""
        child = self.child
        if child is None or not child.alive or self.key != _key_of(pool_for(claim.backend), claim):
            return None
        return None if child.worn() else child

    def release(self) -> None:
        """Give the child back to be kept warm."""
        if self.child is not None:
            self.child.release()
            self.child = None


def _key_of(pool: ExecutionPool, claim: Claim) -> tuple[str, str]:
    return pool.socket_path, f"{claim.backend.name}:{_tenant(claim.job)}"


def _tenant(job: Job) -> str:
    """Whose child a job may use: what a calibration measures is for all, so no tenant shares its child."""
    return CALIBRATION if job.program == CALIBRATION else str(job.instance_id)


def _patiently(pool: ExecutionPool, key: str) -> ChildLease:
    """Lease a child from a pool that may just be starting again. Raises :class:`PoolUnavailable`."""
    patience = time.monotonic() + POOL_PATIENCE_SECONDS
    while True:
        try:
            return pool.lease(key=key)
        except PoolUnavailable:
            if time.monotonic() >= patience or is_stopping():
                raise
        time.sleep(0.1)


def others_wait() -> bool:
    """Whether drains of other backends wait for a worker."""
    return bool(OrmQ.objects.exists())


def look_at_backend(backend_id: int) -> None:
    """Look after a backend if nobody does: what the doorbell's task runs."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    with kept_listening(backend_channel(backend_id)) as bell:
        acquired = acquire(backend_id=backend_id, owner=owner, now=clock.now())
        if acquired is None:
            return
        with _given_back(acquired.lease):
            hold_if_out_of_reach(acquired.backend)
            Drain(acquired, bell).run()


@contextmanager
def _given_back(lease: Lease) -> Iterator[None]:
    try:
        yield
    except LeaseLost:
        logger.warning("lost the lease %s of backend %s", lease.fence, lease.backend_id)
    except PoolUnavailable as error:
        logger.error("no execution pool, backend %s waits: %s", lease.backend_id, error)
    finally:
        leave(lease)
