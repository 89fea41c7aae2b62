"""Joining changes, so that ten thousand a minute reach a socket as a few messages a second.

The first change that a group hears after a quiet time is told at once. While more come in, they are gathered
and told together, of each job and session only the last one.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from sessions_app.events import Event
from sessions_app.live.groups import told_to

# The shortest time between two messages to a group (seconds).
GAP = 0.22
# Those whose work it is hear first; so much later the many who only share the backend (seconds).
LAG = 0.1
# When more has changed, a page had better look at everything.
LARGEST = 200

Changes = list[dict[str, Any]]
Tell = Callable[[str, Changes], None]


class Joiner:
    """Gathers changes by group and tells each group's together; no changes at all stand for too many.

    A change bears ``new`` when the first one of its job or session is among those it stands for.
    """

    def __init__(self, tell: Tell, gap: float = GAP) -> None:
        self._tell = tell
        self._gap = gap
        # Groups that have lately been told something, or are about to be.
        self._gathered: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}

    def add(self, event: Event) -> None:
        """Tell of an event soon."""
        for group, change in told_to(event).items():
            if group not in self._gathered:
                # What follows in the same transaction is told with it.
                wait = LAG if change["kind"] == "backend" else 0
                asyncio.get_running_loop().call_later(wait, self._flush, group)
            gathered = self._gathered.setdefault(group, {})
            key = change["kind"], change["id"]
            is_new = change.get("version") == 1 or "new" in gathered.get(key, ())
            gathered[key] = {**change, "new": True} if is_new else change

    def _flush(self, group: str) -> None:
        gathered = self._gathered.pop(group)
        if not gathered:
            return
        self._gathered[group] = {}
        asyncio.get_running_loop().call_later(self._gap, self._flush, group)
        self._tell(group, list(gathered.values()) if len(gathered) <= LARGEST else [])
