"""What a worker does once before its first drain, so that the first job of an idle backend need not wait."""

import logging

from django.db import DatabaseError, transaction

from quantumsvc import clock
from quantumsvc.statements import run
from sessions_app.services.dispatch import start_of
from sessions_app.services.leases import Lease, LeaseLost
from sessions_app.services.queue import read_backend, read_turns

logger = logging.getLogger(__name__)
# No backend and no job have these.
NO_BACKEND = 0
NO_JOB = ""


def warm_up() -> None:
    """Connect, and have the statements of a turn prepared, on a backend that does not exist."""
    now = clock.now()
    try:
        with transaction.atomic():
            read_turns(NO_BACKEND, now)
            run(start_of(NO_JOB, now, None).statement())
            read_backend(Lease(NO_BACKEND, 0, ""), now, None)
    except LeaseLost:
        return
    except DatabaseError as error:
        # The first drain will tell what is wrong, if anything still is.
        logger.warning("a worker could not be warmed up: %s", error)
