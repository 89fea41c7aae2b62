"""A child process reduced to what its worker sees of it: events, and whether it was killed."""

import contextlib
import os
import select
import time
import weakref
from typing import Any, cast

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.messages import Event, Task


class FakeChild:
    """Tells ``events`` as soon as it has a task, and then nothing more."""

    def __init__(self, *events: Event) -> None:
        self._events = events
        self._waiting: list[Event] = []
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self._bell)
        self.alive = True
        self.tasks: list[tuple[Task, bytes]] = []
        self.devices: list[bytes] = []
        self.killed_at: float | None = None

    @property
    def lease(self) -> Lease:
        """It, where a real one is wanted."""
        return cast("Lease", cast("Any", self))

    def start(self, task: Task, params: bytes) -> None:
        self.tasks.append((task, params))
        self.tell(*self._events)

    def tell(self, *events: Event) -> None:
        """Let the worker hear of these now."""
        self._waiting += events
        os.eventfd_write(self._bell, 1)

    def fileno(self) -> int:
        return self._bell

    def poll(self) -> list[Event]:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        told, self._waiting = self._waiting, []
        return told

    def wait(self, timeout: float | None) -> list[Event]:
        select.select([self._bell], [], [], timeout)
        return self.poll()

    def give_device(self, document: bytes) -> None:
        self.devices.append(document)

    def worn(self) -> bool:
        return False

    def kill(self) -> None:
        self.alive = False
        self.killed_at = time.monotonic()

    def release(self) -> None:
        self.alive = False
