"""The timekeeper: carries out deadlines on time and notices backends that nobody looks after.

It decides nothing; everything it does is a guarded change or a doorbell, so two of them do no harm.
"""

import logging
import time
from datetime import datetime, timedelta

import psycopg
from django.db import DatabaseError, connection, transaction

from quantumsvc import clock
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import TIMEKEEPER, Listener, listening
from quantumsvc.notices import outbox
from quantumsvc.scheduling.policy import Idle, decide
from quantumsvc.scheduling.states import JobState
from reservations_app.services import life
from sessions_app.models import BackendLease, Job, Session
from sessions_app.services.calibrations.planning import plan_all, watch_overdue
from sessions_app.services.edges import keep_windows
from sessions_app.services.leases import (
    REQUEST_TRUSTED,
    dead_leases,
    expire_orphans,
    request_drain,
    unattended,
)
from sessions_app.services.ledger import expire
from sessions_app.services.lives import settle_overdue
from sessions_app.services.waiting import present

logger = logging.getLogger(__name__)
# While somebody holds a backend, its heartbeat is looked at this often (seconds).
SWEEP_SECONDS = 1.0
# Otherwise a sweep comes with the next deadline, or when a bell tells of a new one; a lost bell costs this.
# So often a round is a whole one in any case.
IDLE_SECONDS = 20.0


def sweep(now: datetime, *, whole: bool = True) -> None:
    """One round: carry out what is due, hand out notices, and see to backends that nobody looks after.

    What changes by the hour at most belongs to a ``whole`` round only.
    """
    keep_windows(now)
    settle_overdue(now)
    expire_orphans(now)
    if whole:
        expire(now)
        plan_all(now)
        watch_overdue(now)
    outbox.hand_out(now)
    for backend_id in {*dead_leases(now), *_wanting(now)}:
        with transaction.atomic():
            lease, _ = BackendLease.objects.get_or_create(backend_id=backend_id)
            if lease.drain_requested_at is None or lease.drain_requested_at < now - REQUEST_TRUSTED:
                request_drain(backend_id, now)


def _wanting(now: datetime) -> list[int]:
    """The backends that nobody looks after and on which there is something to do at this moment.

    Where all that waits has to wait on, such as behind a window, nobody needs to look.
    """
    free = Backend.objects.filter(pk__in=unattended(now)).defer("configuration")
    return [backend.pk for backend in free if _has_to_be_seen(backend, now)]


def _has_to_be_seen(backend: Backend, now: datetime) -> bool:
    snapshot = present(backend, now)
    return snapshot.running is not None or not isinstance(decide(snapshot), Idle)


def next_sweep(now: datetime) -> float:
    """Seconds until the next round: a deadline, a system job's time, a window's edge, a look at holders."""
    held = BackendLease.objects.filter(expires_at__isnull=False).exists()
    longest = SWEEP_SECONDS if held else IDLE_SECONDS
    due = Session.objects.filter(next_deadline__isnull=False).order_by("next_deadline")
    deadline = due.values_list("next_deadline", flat=True).first()
    moments = [deadline, *_system_times(now), life.next_edge(), outbox.next_attempt()]
    waits = [max((moment - now).total_seconds(), 0.0) for moment in moments if moment is not None]
    return min([longest, *waits])


def _system_times(now: datetime) -> list[datetime]:
    """When the system's jobs that wait are due, and when those that let others go first do so no longer."""
    waiting = Job.objects.filter(is_system=True, state=JobState.QUEUED, due_at__isnull=False)
    found = waiting.values_list("due_at", "deferral_seconds")
    times = (due + timedelta(seconds=late) for due, most in found if due for late in (0, most))
    return [each for each in times if each > now]


def keep_time() -> None:
    """Sweep for ever; while the database is away, try again every second."""
    while True:
        try:
            with listening(TIMEKEEPER) as bell:
                _sweep_for_ever(bell)
        except (psycopg.OperationalError, DatabaseError) as error:
            logger.warning("the timekeeper waits for the database: %s", error)
            connection.close()
            time.sleep(SWEEP_SECONDS)


def _sweep_for_ever(bell: Listener) -> None:
    heard, whole_at = True, 0.0
    while True:
        now, began = clock.now(), time.monotonic()
        whole = heard or began >= whole_at
        sweep(now, whole=whole)
        if whole:
            whole_at = began + IDLE_SECONDS
        heard = _pause(bell, next_sweep(now))


def _pause(bell: Listener, seconds: float) -> bool:
    """Whether a bell was heard."""
    began = time.monotonic()
    heard = bool(bell.wait(seconds))
    # A storm of bells must not make the sweeps a storm.
    time.sleep(max(0.01 - (time.monotonic() - began), 0.0))
    return heard
