"""Telling the sockets of all web processes through Redis, for installations that have one.

Each change is told once, by the process that holds a lock in the database. Redis keeps no messages: after a
time without it, every process sends its own sockets away, to connect anew.
"""

import asyncio
import logging
from typing import Any

import psycopg
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from quantumsvc.doorbell import connection_parameters
from sessions_app.live.groups import EVERYBODY
from sessions_app.live.layer import RETURN

logger = logging.getLogger(__name__)

_LOCK = 5_317_200_131
_TRY_AGAIN_SECONDS = 1.0
# The layer takes a second to listen again.
_SETTLING_SECONDS = 1.5


class RedisOutlet:
    """Sends to groups while this process is the chosen one."""

    def __init__(self, layer: RedisPubSubChannelLayer) -> None:
        self.is_chosen = False
        self._layer = layer
        self._parcels: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._tasks = [asyncio.create_task(each) for each in (self._stand(), self._send(), self._guard())]

    def tell(self, group: str, message: dict[str, Any]) -> None:
        """Send soon, after everything that was told before."""
        self._parcels.put_nowait((group, message))

    def missed(self) -> None:
        """Bells may have gone unheard, of changed rights too."""
        if self.is_chosen:
            self.tell(EVERYBODY, RETURN)

    async def close(self) -> None:
        """Let go of its connections; another process is chosen."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self) -> None:
        """One after the other: nobody hears what comes after the end of their rights before that end."""
        while True:
            group, message = await self._parcels.get()
            try:
                await self._layer.group_send(group, message)
            except (RedisError, OSError) as error:
                logger.warning("Redis could not be told of a change: %s", error)

    async def _stand(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    autocommit=True, **connection_parameters()
                ) as link:
                    await link.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
                    self.is_chosen = True
                    self.tell(EVERYBODY, RETURN)
                    # Ends when the connection, and with it the lock, is lost.
                    async for _ in link.notifies():
                        pass
            except psycopg.Error as error:
                logger.warning("the connection that holds the forwarder's lock was lost: %s", error)
            self.is_chosen = False
            await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def _guard(self) -> None:
        was_lost = False
        while True:
            try:
                async with Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0)) as link:
                    await link.ping()
                    if was_lost:
                        await asyncio.sleep(_SETTLING_SECONDS)
                        self._send_own_sockets_away()
                    await _until_lost(link)
            except (RedisError, OSError) as error:
                logger.warning("Redis was lost: %s", error)
            was_lost = True
            await asyncio.sleep(_TRY_AGAIN_SECONDS)

    def _send_own_sockets_away(self) -> None:
        for mailbox in self._layer.channels.values():
            mailbox.put_nowait(self._layer.serialize(RETURN))


async def _until_lost(link: Redis) -> None:
    async with link.pubsub() as ears:
        await ears.subscribe("quantumsvc.guard")
        async for _ in ears.listen():
            pass
