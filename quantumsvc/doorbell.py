"""Doorbells: short messages over PostgreSQL's LISTEN/NOTIFY that say "look again".

They may be lost or doubled; whoever hears one reads the database to learn what is true. Rung inside a
transaction, a bell sounds when, and only if, the transaction commits.
"""

import atexit
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

# Every change that pages and waiting clients may want to know of.
EVENTS = "quantumsvc_events"
# Rung when a backend gets a holder, a drain was asked for, or a deadline is new: the timekeeper plans anew.
TIMEKEEPER = "quantumsvc_timekeeper"


def backend_channel(backend_id: int) -> str:
    """Where the drain that looks after a backend listens."""
    return f"quantumsvc_backend_{backend_id}"


def ring(channel: str, payload: str = "") -> None:
    """Ring ``channel`` at the end of the present transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])


def connection_parameters() -> dict[str, Any]:
    """How to open a connection of one's own to the service's database, outside Django's pool."""
    parameters = connection.get_connection_params()
    for key in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(key, None)
    return parameters


class Listener:
    """A connection of its own that listens on some channels; made by :func:`listening`."""

    def __init__(self, link: "psycopg.Connection[Any]") -> None:
        self.link = link

    def fileno(self) -> int:
        """For ``select``: readable when a bell may have rung."""
        return self.link.fileno()

    def heard(self) -> list[tuple[str, str]]:
        """The bells rung since the last call as (channel, payload), without waiting."""
        return [(bell.channel, bell.payload) for bell in self.link.notifies(timeout=0)]

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """The bells rung, waiting at most ``seconds`` for the first."""
        if bells := self.heard():
            return bells
        select.select([self.link.fileno()], [], [], max(seconds, 0.0))
        return self.heard()


@contextmanager
def listening(*channels: str) -> Iterator[Listener]:
    """Listen from now on, so that a bell rung after this call is never missed."""
    with psycopg.connect(autocommit=True, **connection_parameters()) as link:
        _listen(link, channels)
        yield Listener(link)


# The process that opened the kept connection, and the connection.
_kept: tuple[int, "psycopg.Connection[Any]"] | None = None


@contextmanager
def kept_listening(*channels: str) -> Iterator[Listener]:
    """The same on a connection that the process keeps for the next time, since opening one takes a while.

    Nothing of one use is left for the next: no channel, no unheard bell. One use at a time. A use that ends
    with an error ends the connection.
    """
    global _kept
    link = _kept_listener(channels)
    _kept = None
    try:
        yield Listener(link)
        link.execute("UNLISTEN *")
        list(link.notifies(timeout=0))
    except BaseException:
        link.close()
        raise
    _kept = (os.getpid(), link)


def _kept_listener(channels: tuple[str, ...]) -> "psycopg.Connection[Any]":
    if _kept is not None and _kept[0] == os.getpid():
        link = _kept[1]
        try:
            _listen(link, channels)
        except psycopg.OperationalError:
            link.close()
        else:
            return link
    link = psycopg.connect(autocommit=True, **connection_parameters())
    _listen(link, channels)
    return link


def _listen(link: "psycopg.Connection[Any]", channels: tuple[str, ...]) -> None:
    for channel in channels:
        link.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))


@atexit.register
def let_go() -> None:
    """Close the connection that this process keeps, if it does."""
    global _kept
    if _kept is not None and _kept[0] == os.getpid():
        _kept[1].close()
        _kept = None
