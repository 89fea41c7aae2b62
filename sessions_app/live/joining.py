"""Joining changes, so that ten thousand a minute reach a socket as a few messages a second.

The first change after a quiet time is told at once. While more come in, they are gathered and told together,
of each job and session only the last one.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from sessions_app.events import Event
from sessions_app.live.groups import told_to

# The shortest time between two messages to a group (seconds).
GAP = 0.2

Tell = Callable[[str, list[dict[str, Any]]], None]


class Joiner:
    """Gathers changes by group and tells each group's together."""

    def __init__(self, tell: Tell, gap: float = GAP) -> None:
        self._tell = tell
        self._gap = gap
        self._gathered: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: Event) -> None:
        """Tell of an event soon."""
        for group, change in told_to(event).items():
            self._gathered.setdefault(group, {})[change["kind"], change["id"]] = change
        if self._timer is None and self._gathered:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next, loop.time()), self._flush)

    def _flush(self) -> None:
        gathered, self._gathered, self._timer = self._gathered, {}, None
        self._next = asyncio.get_running_loop().time() + self._gap
        for group, changes in gathered.items():
            self._tell(group, list(changes.values()))
