"""Hearing bells inside the web process, without a thread or a query per waiter.

One connection listens for all; whoever waits is told that something about their job changed and reads
the database. A lost connection is made again; until then waiters simply run into their time limit, and
subscribers are told afterwards that they may have missed something.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from quantumsvc.doorbell import connection_parameters
from sessions_app.events import CHANNEL, JobChanged, SessionChanged, read_event

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0


# What messages between web processes are rung on.
LAYER = "quantumsvc_layer"


@dataclass(frozen=True)
class Subscriber:
    """Told of every bell of a channel, and of the end of a time in which bells may have been missed."""

    channel: str
    heard: Callable[[str], None]
    missed: Callable[[], None]


class Watch:
    """All waiters of one event loop."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._ready = asyncio.Event()
        self._had_link = False
        self._listener = asyncio.create_task(self._listen())

    @contextmanager
    def expecting(self, ident: str) -> Iterator[asyncio.Event]:
        """An event that is set when something about ``ident`` changes from now on."""
        rung = asyncio.Event()
        self._waiters[ident].add(rung)
        try:
            yield rung
        finally:
            self._waiters[ident].discard(rung)
            if not self._waiters[ident]:
                del self._waiters[ident]

    async def listening(self, seconds: float) -> bool:
        """Whether bells are heard, waiting up to ``seconds`` for the connection."""
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def subscribe(self, subscriber: Subscriber) -> None:
        """Tell ``subscriber`` from now on, as long as this loop runs."""
        self._subscribers.append(subscriber)

    def close(self) -> asyncio.Task[None]:
        """Stop listening; ended once the task is."""
        self._listener.cancel()
        return self._listener

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except psycopg.Error as error:
                logger.warning("the event connection was lost: %s", error)
            self._ready.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self) -> None:
        link = await psycopg.AsyncConnection.connect(autocommit=True, **connection_parameters())
        async with link:
            for channel in (CHANNEL, LAYER):
                await link.execute(SQL("LISTEN {}").format(Identifier(channel)))
            if self._had_link:
                for subscriber in self._subscribers:
                    subscriber.missed()
            self._had_link = True
            self._ready.set()
            async for bell in link.notifies():
                self._tell(bell.channel, bell.payload)

    def _tell(self, channel: str, payload: str) -> None:
        if channel == CHANNEL and isinstance(event := read_event(payload), JobChanged | SessionChanged):
            for waiter in self._waiters.get(event.id, ()):
                waiter.set()
        for subscriber in self._subscribers:
            if subscriber.channel == channel:
                subscriber.heard(payload)


_watches: dict[int, tuple[asyncio.AbstractEventLoop, Watch]] = {}


def watch() -> Watch:
    """The watch of the running event loop, made when first asked for."""
    loop = asyncio.get_running_loop()
    known = _watches.get(id(loop))
    if known is None or known[0] is not loop:
        for ident, (other, _) in list(_watches.items()):
            if other.is_closed():
                del _watches[ident]
        known = _watches[id(loop)] = (loop, Watch())
    return known[1]
