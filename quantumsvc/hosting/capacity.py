"""How many tasks this cluster may take: one for each worker, none to lie in wait.

django-q2 fetches tasks ahead of its workers, so a task could wait behind a long one in one cluster
while another is idle. Here a slot is taken before a task is fetched and given back when it ends.
The primitives are made in the sentinel and reach pusher and workers by fork.
"""

import contextlib
import multiprocessing
from ctypes import c_byte
from multiprocessing.synchronize import BoundedSemaphore
from typing import Any

from django_q.signals import post_execute_in_worker, pre_execute

_fork = multiprocessing.get_context("fork")

# None in every process that only sends tasks.
_slots: BoundedSemaphore | None = None
_holding: c_byte | None = None


def make_slots(workers: int) -> None:
    """Begin with one free slot for each of ``workers``. Called in the sentinel, before it forks."""
    global _slots
    _slots = _fork.BoundedSemaphore(workers)
    pre_execute.connect(_begin, dispatch_uid="quantumsvc-capacity")
    post_execute_in_worker.connect(_end, dispatch_uid="quantumsvc-capacity")


def new_holder() -> c_byte:
    """The flag of the worker that is forked next: 1 while it works on a task."""
    global _holding
    _holding = _fork.RawValue(c_byte, 0)
    return _holding


def take(seconds: float) -> bool:
    """Take a slot, waiting at most ``seconds``; always true where there is nothing to count."""
    return _slots is None or _slots.acquire(timeout=seconds)


def give_back() -> None:
    """Free one slot."""
    if _slots is not None:
        with contextlib.suppress(ValueError):
            _slots.release()


def _begin(**_: Any) -> None:
    if _holding is not None:
        _holding.value = 1


def _end(**_: Any) -> None:
    if _holding is not None:
        _holding.value = 0
        give_back()
