"""Emptying the tests' database although other processes are still at work on it.

A browser or a worker that a test has just left may have a request on its way. The truncation of all tables
would then wait for that request and the request for it, and PostgreSQL ends one of the two.
"""

import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import DeadlockDetected

_PATIENCE_SECONDS = 10.0
_ATTEMPTS = 5
_OTHERS_AT_WORK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state <> 'idle'
"""


def until_quiet(connection: BaseDatabaseWrapper) -> None:
    """Wait until nobody else is in the middle of something, or for as long as patience lasts."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _others_at_work(connection) and time.monotonic() < deadline:
        time.sleep(0.01)


def _others_at_work(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS_AT_WORK)
        return int(cursor.fetchone()[0])


def patient(flush: Callable[..., None], connection: BaseDatabaseWrapper) -> Callable[..., None]:
    """The flush, begun when the others are quiet, and begun again when it met one of them all the same."""

    def flush_patiently(*args: Any, **kwargs: Any) -> None:
        for left in reversed(range(_ATTEMPTS)):
            until_quiet(connection)
            try:
                flush(*args, **kwargs)
            except OperationalError as error:
                if not left or not isinstance(error.__cause__, DeadlockDetected):
                    raise
            else:
                return

    return flush_patiently


def empty_patiently() -> None:
    """From now on, the tests' database is emptied so in this process."""
    connection: Any = connections["default"]
    connection.ops.execute_sql_flush = patient(connection.ops.execute_sql_flush, connection)
