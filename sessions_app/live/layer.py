"""A channel layer over PostgreSQL's bells: what one process sends, the sockets of all processes hear.

Messages to groups are rung and reach every web process that listens, without Redis and without rows. Bells
are not kept: after a time in which none could be heard, all sockets are told to connect anew, and one that is
too slow to read is told to look anew.
"""

import asyncio
import json
import secrets
from collections import defaultdict
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer

from quantumsvc.doorbell import ring
from sessions_app.watching import LAYER, Subscriber, watch

# PostgreSQL takes payloads of less than 8000 bytes.
LARGEST_MESSAGE = 7_900
LOOK = {"type": "live.look"}
RETURN = {"type": "live.return"}

Message = dict[str, Any]


class MessageTooLarge(ValueError):
    """Send ids and let the receivers read the rest."""


class NotifyChannelLayer(BaseChannelLayer):  # type: ignore[misc]
    """Groups and channels of all web processes. A mailbox that is full is emptied and told to look anew."""

    extensions = ("groups",)

    def __init__(self, capacity: int = 50) -> None:
        super().__init__(capacity=capacity)
        self._mailboxes: dict[str, asyncio.Queue[Message]] = {}
        self._groups: dict[str, set[str]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def new_channel(self, prefix: str = "specific") -> str:
        """A name for one receiver of this process."""
        return f"{prefix}.{secrets.token_hex(8)}!{secrets.token_hex(4)}"

    async def receive(self, channel: str) -> Message:
        """The next message to a channel."""
        self._listen()
        mailbox = self._mailboxes.setdefault(channel, asyncio.Queue(self.capacity))
        try:
            return await mailbox.get()
        except asyncio.CancelledError:
            # The receiver is gone.
            self._mailboxes.pop(channel, None)
            raise

    async def group_add(self, group: str, channel: str) -> None:
        """From now on, the channel gets what is sent to the group."""
        self.require_valid_group_name(group)
        self._listen()
        self._mailboxes.setdefault(channel, asyncio.Queue(self.capacity))
        self._groups[group].add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """The channel leaves the group."""
        self._groups[group].discard(channel)
        if not self._groups[group]:
            del self._groups[group]

    async def send(self, channel: str, message: Message) -> None:
        """Send to one channel, whichever process it is in."""
        self.require_valid_channel_name(channel)
        await self._ring({"channel": channel, "message": message})

    async def group_send(self, group: str, message: Message) -> None:
        """Send to a group's channels in all processes. Raises :class:`MessageTooLarge`."""
        self.require_valid_group_name(group)
        await self._ring({"group": group, "message": message})

    def deliver(self, group: str, message: Message) -> None:
        """Send to a group's channels in this process only, for what every process hears by itself."""
        for channel in self._groups.get(group, ()):
            self._put(channel, message)

    async def _ring(self, parcel: Message) -> None:
        payload = json.dumps(parcel, separators=(",", ":"))
        if len(payload) > LARGEST_MESSAGE:
            raise MessageTooLarge(f"A message of {len(payload)} bytes; {LARGEST_MESSAGE} fit into a bell.")
        await database_sync_to_async(ring, thread_sensitive=False)(LAYER, payload)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            watch().subscribe(Subscriber(LAYER, self._heard, self._missed))

    def _heard(self, payload: str) -> None:
        parcel = json.loads(payload)
        if group := parcel.get("group"):
            self.deliver(group, parcel["message"])
        else:
            self._put(parcel["channel"], parcel["message"])

    def _missed(self) -> None:
        for channel in tuple(self._mailboxes):
            self._put(channel, RETURN)

    def _put(self, channel: str, message: Message) -> None:
        mailbox = self._mailboxes.get(channel)
        if mailbox is None:
            return
        if mailbox.full():
            while not mailbox.empty():
                mailbox.get_nowait()
            message = LOOK
        mailbox.put_nowait(message)
