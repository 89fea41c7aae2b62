"""From the bells that changes ring to the groups of sockets.

In the default start every web process hears every bell and tells its own sockets. With Redis, the one process
that holds a lock in the database tells the sockets of all.
"""

import asyncio
import logging
from typing import Any

import psycopg
from channels.layers import get_channel_layer

from quantumsvc.doorbell import connection_parameters
from sessions_app.events import CHANNEL, AccessChanged, read_event
from sessions_app.live.groups import EVERYBODY, asked_to_return
from sessions_app.live.joining import Joiner
from sessions_app.live.layer import RETURN, NotifyChannelLayer
from sessions_app.watching import Subscriber, watch

logger = logging.getLogger(__name__)

_LOCK = 5_317_200_131
_TRY_AGAIN_SECONDS = 1.0


class Forwarder:
    """Tells the groups of what this loop's watch hears. Over Redis, only while it is the chosen one."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._is_chosen = isinstance(layer, NotifyChannelLayer)
        self._joiner = Joiner(lambda group, changes: self._tell(group, changed(changes)))
        self._sending: set[asyncio.Task[None]] = set()
        if not self._is_chosen:
            self._election = asyncio.create_task(self._stand())
        watch().subscribe(Subscriber(CHANNEL, self._heard, self._missed))

    def _heard(self, payload: str) -> None:
        event = read_event(payload)
        if event is None or not self._is_chosen:
            return
        if isinstance(event, AccessChanged):
            self._tell(asked_to_return(event), RETURN)
        else:
            self._joiner.add(event)

    def _missed(self) -> None:
        # Changes of rights may be among it. The default layer tells its mailboxes itself.
        if self._is_chosen and not isinstance(self._layer, NotifyChannelLayer):
            self._tell(EVERYBODY, RETURN)

    def _tell(self, group: str, message: dict[str, Any]) -> None:
        if isinstance(self._layer, NotifyChannelLayer):
            self._layer.deliver(group, message)
            return
        sending = asyncio.create_task(self._layer.group_send(group, message))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _stand(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    autocommit=True, **connection_parameters()
                ) as link:
                    await link.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
                    self._is_chosen = True
                    self._tell(EVERYBODY, RETURN)
                    # Ends when the connection, and with it the lock, is lost.
                    async for _ in link.notifies():
                        pass
            except psycopg.Error as error:
                logger.warning("the connection that holds the forwarder's lock was lost: %s", error)
            self._is_chosen = False
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


def changed(changes: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that tells of changes."""
    return {"type": "live.changed", "changes": changes}


_forwarders: dict[int, tuple[asyncio.AbstractEventLoop, Forwarder]] = {}


def start_forwarding() -> None:
    """See to it that the sockets of the running loop hear; does nothing when they do."""
    loop = asyncio.get_running_loop()
    known = _forwarders.get(id(loop))
    if known is None or known[0] is not loop:
        _forwarders.clear()
        _forwarders[id(loop)] = (loop, Forwarder(get_channel_layer()))
