"""The queue of background tasks: a table, and a doorbell so that nobody has to look every few moments.

A task is delivered at most once: it leaves the table when it is taken. That is enough, because
tasks only say "look at backend 7"; the truth about jobs is in the job table, and a sweep looks
again for whatever was lost.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import close_old_connections, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from quantumsvc.doorbell import connection_parameters
from quantumsvc.hosting import capacity

logger = logging.getLogger(__name__)

# How long one look lasts (seconds). Also the longest that a stopping cluster waits for its pusher,
# and the longest delay of a task whose bell got lost.
_LOOK_SECONDS = 1.0
_OUTAGE_PAUSE_SECONDS = 1.0

# Row and bell in one statement, so both belong to the caller's transaction.
_ENQUEUE = """
WITH task AS (INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, now()) RETURNING id)
SELECT id, pg_notify(%s, '') FROM task
"""
_TAKE = """
DELETE FROM django_q_ormq WHERE id = (
    SELECT id FROM django_q_ormq WHERE key = %s AND lock <= now() ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1
) RETURNING id, payload
"""

Tasks = Sequence[tuple[int, str]]


class DoorbellBroker(ORM):  # type: ignore[misc]  # the base class is untyped
    """django-q2's database broker with transactional bells, at-most-once delivery and no prefetch."""

    # Opened on the first look, thus after the fork: two processes must never share a connection.
    _listener: psycopg.Connection[tuple[int, str]] | None = None
    _is_out = False

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """The table's rows. Unlike the base class it opens no connection, so a cluster starts without one."""
        if not connections[Conf.ORM].in_atomic_block:
            close_old_connections()
        return OrmQ.objects.using(Conf.ORM)

    @property
    def channel(self) -> str:
        """The name of the bell of this queue."""
        return f"q_{self.list_key}"

    def enqueue(self, task: str) -> int:
        """Put ``task`` on the queue and ring, both when the present transaction commits."""
        self.get_connection()
        key = self.list_key or Conf.CLUSTER_NAME
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_ENQUEUE, [key, task, self.channel])
            row = cursor.fetchone()
        return int(row[0])

    def dequeue(self) -> Tasks | None:
        """The next task once a worker is free for it, or ``None`` after about a second.

        Never raises for a database that is away: django-q2 would end its pusher for ten seconds.
        """
        if not capacity.take(_LOOK_SECONDS):
            return None
        task = self._next_or_nothing()
        if task is None:
            capacity.give_back()
            return None
        return [task]

    def acknowledge(self, task_id: int) -> None:
        """Nothing is left to do: the row went away when the task was taken."""

    def fail(self, task_id: int) -> None:
        """The same for a task that can't be read."""

    def _next_or_nothing(self) -> tuple[int, str] | None:
        try:
            task = self._wait_for_task()
        except psycopg.Error as error:
            self._note_outage(error)
            return None
        if self._is_out:
            self._is_out = False
            logger.info("The database is back; taking tasks again.")
        return task

    def _wait_for_task(self) -> tuple[int, str] | None:
        connection = self._connection()
        task = self._take(connection)
        if task is None:
            deque(connection.notifies(timeout=_LOOK_SECONDS, stop_after=1), maxlen=0)
            # Bells that rang meanwhile say the same; one look answers them all.
            deque(connection.notifies(timeout=0), maxlen=0)
            task = self._take(connection)
        return task

    def _take(self, connection: psycopg.Connection[tuple[int, str]]) -> tuple[int, str] | None:
        return connection.execute(_TAKE, [self.list_key]).fetchone()

    def _connection(self) -> psycopg.Connection[tuple[int, str]]:
        """The listening connection. It listens before the first look, so no bell falls in between."""
        if self._listener is None:
            connection: psycopg.Connection[tuple[int, str]] = psycopg.connect(
                autocommit=True, **connection_parameters()
            )
            connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(self.channel)))
            self._listener = connection
        return self._listener

    def _note_outage(self, error: psycopg.Error) -> None:
        if not self._is_out:
            logger.warning("The database is away (%s); trying again each second.", str(error).strip())
        self._is_out = True
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        time.sleep(_OUTAGE_PAUSE_SECONDS)
