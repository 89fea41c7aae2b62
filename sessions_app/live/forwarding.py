"""From the bells that changes ring to the groups of sockets.

In the default start every web process hears every bell and tells its own sockets. With Redis, the one process
that holds a lock in the database tells the sockets of all.
"""

import asyncio
import json
from typing import Any, Protocol

from channels.layers import get_channel_layer

from sessions_app.events import CHANNEL, AccessChanged, read_event
from sessions_app.live.groups import asked_to_return
from sessions_app.live.joining import Changes, Joiner
from sessions_app.live.layer import LOOK, RETURN, NotifyChannelLayer
from sessions_app.live.over_redis import RedisOutlet
from sessions_app.watching import Subscriber, watch


class Outlet(Protocol):
    """Reaches the sockets that are in a group."""

    is_chosen: bool

    def tell(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group's sockets, in the order of the calls."""

    def missed(self) -> None:
        """Bells may have gone unheard."""

    async def close(self) -> None:
        """Let go of its connections."""


class OwnSockets:
    """Those of this process, as every process hears the bells."""

    is_chosen = True

    def __init__(self, layer: NotifyChannelLayer) -> None:
        self.tell = layer.deliver

    def missed(self) -> None:
        """The layer itself sends its mailboxes away."""

    async def close(self) -> None:
        """It has none of its own."""


def forward(outlet: Outlet) -> None:
    """From now on, tell the groups of what this loop's watch hears, while the outlet is the chosen one."""
    joiner = Joiner(lambda group, changes: outlet.tell(group, changed(changes)))

    def heard(payload: str) -> None:
        event = read_event(payload)
        if event is None or not outlet.is_chosen:
            return
        if isinstance(event, AccessChanged):
            outlet.tell(asked_to_return(event), RETURN)
        else:
            joiner.add(event)

    watch().subscribe(Subscriber(CHANNEL, heard, outlet.missed))


def changed(changes: Changes) -> dict[str, Any]:
    """The message that tells of changes, written once for all sockets; of too many, it says to look."""
    if not changes:
        return LOOK
    told = {"type": "changed", "changes": changes}
    return {"type": "live.changed", "text": json.dumps(told, separators=(",", ":"))}


_outlets: dict[int, tuple[asyncio.AbstractEventLoop, Outlet]] = {}


def start_forwarding() -> Outlet:
    """See to it that the sockets of the running loop hear; gives what reaches them."""
    loop = asyncio.get_running_loop()
    known = _outlets.get(id(loop))
    if known is None or known[0] is not loop:
        _outlets.clear()
        layer = get_channel_layer()
        outlet = OwnSockets(layer) if isinstance(layer, NotifyChannelLayer) else RedisOutlet(layer)
        known = _outlets[id(loop)] = (loop, outlet)
        forward(outlet)
    return known[1]
