"""What a worker does once before its first drain, so that the first job of an idle backend need not wait."""

import logging
from datetime import datetime

import psycopg
from django.db import DatabaseError, transaction

from quantumsvc import clock
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.services import backend_as_of, device_document
from quantumsvc.doorbell import kept_listening
from quantumsvc.statements import Statement, run
from sessions_app.services.dispatch import start_of, turn
from sessions_app.services.leases import Acquired, acquire, leave
from sessions_app.services.pools import hold_if_out_of_reach
from sessions_app.services.queue import find_candidate, read_turns

logger = logging.getLogger(__name__)
OWNER = "rehearsal"
# No job has this.
NO_JOB = ""


def warm_up() -> None:
    """Connect, and go through a drain's first steps on a backend that is free, undoing all of it.

    A worker that has done so has its statements prepared and its code at hand: its first turn takes a
    fraction of the time.
    """
    try:
        with kept_listening(), transaction.atomic():
            _rehearse()
            transaction.set_rollback(True)
    except (psycopg.Error, DatabaseError) as error:
        # The first drain will tell what is wrong, if anything still is.
        logger.warning("a worker could not be warmed up: %s", error)


def _rehearse() -> None:
    now = clock.now()
    _read_all(now)
    acquired = _any_free()
    if acquired is None:
        return
    ident = acquired.lease.backend_id
    hold_if_out_of_reach(acquired.backend)
    read_turns(ident, now)
    find_candidate(NO_JOB, now)
    run(start_of(NO_JOB, now, None).statement())
    turn(acquired.lease, now=now)
    leave(acquired.lease)


def _read_all(now: datetime) -> None:
    """Read what the process keeps of each backend."""
    for ident, version in run(Statement("SELECT id, xmin::text || ctid::text FROM backends_backend"))[0]:
        backend = backend_as_of(ident, version)
        if (known := CalibrationSet.objects.defer("properties").in_force(backend, now)) is not None:
            device_document(backend, known.pk, now)


def _any_free() -> Acquired | None:
    for ident in Backend.objects.order_by("pk").values_list("pk", flat=True):
        acquired = acquire(backend_id=ident, owner=OWNER, now=clock.now())
        if acquired is not None:
            return acquired
    return None
