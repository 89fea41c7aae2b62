"""Runs one task in a child: its device, its bounds, its program and its ending."""

import contextlib
import gc
import math
import os
import random
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from quantumsvc.backends.execution.caches import DEVICES_KEPT, CountingCache, LeastRecent, SessionCaches
from quantumsvc.backends.execution.failures import failure_of, is_expected, oversized, trace_of
from quantumsvc.backends.execution.frames import Kind
from quantumsvc.backends.execution.kernel import virtual_size
from quantumsvc.backends.execution.messages import Failed, Finished, Limits, Metric, NeedDevice, Task
from quantumsvc.backends.execution.reporting import Channel, ChannelReporter, LeaseLost, logging_to


class RunProgram(Protocol):
    """The entry of the programs module; the device is whatever ``build_device`` made."""

    def __call__(
        self, task: Task, params: bytes, device: Any, reporter: ChannelReporter, cache: CountingCache, /
    ) -> bytes: ...


class TaskRunner:
    """Keeps built devices and session caches between the tasks of one child."""

    def __init__(self, run_program: RunProgram, build_device: Callable[[bytes], object]) -> None:
        self._run_program = run_program
        self._build_device = build_device
        self._devices: LeastRecent[str, object] = LeastRecent(DEVICES_KEPT)
        self._sessions = SessionCaches()

    def run(self, channel: Channel, task: Task, params: bytes) -> None:
        """Run the task to its ending, which is sent as soon as it is known."""
        reporter = ChannelReporter(channel, task.log_level)
        cache = self._sessions.of(task.session_id, task.device)
        with logging_to(reporter):
            ending = self._attempt(channel, task, params, reporter, cache)
        channel.note(Metric("cache_hits", cache.hits))
        channel.note(Metric("cache_misses", cache.misses))
        if isinstance(ending, Finished):
            channel.result(ending.result)
        else:
            channel.note(ending)
        reseed()

    def _attempt(
        self, channel: Channel, task: Task, params: bytes, reporter: ChannelReporter, cache: CountingCache
    ) -> Finished | Failed:
        try:
            device = self._device(channel, task) if task.device else None
            with bounded(task.limits):
                result = self._run_program(task, params, device, reporter, cache)
            if len(result) > task.limits.max_result_bytes:
                return oversized(len(result), task.limits)
            return Finished(bytes(result))
        except LeaseLost:
            raise
        except (
            BaseException
        ) as error:  # SystemExit too: whatever a program does, the child tells it and lives on
            failed = failure_of(error, task.limits)
            trace = None if is_expected(error) else trace_of(error)
        # Out here the error and the frames it held are gone, so memory it filled can be given back.
        gc.collect()
        if trace is not None:
            reporter.log("ERROR", trace)
        return failed

    def _device(self, channel: Channel, task: Task) -> object:
        device = self._devices.get(task.device)
        if device is None:
            channel.note(NeedDevice(task.device))
            frame = channel.receive()
            if frame.kind is not Kind.DEVICE:
                raise RuntimeError("a device document was due and something else came")
            device = self._build_device(frame.body)
            self._devices.put(task.device, device)
        return device


@contextlib.contextmanager
def bounded(limits: Limits) -> Iterator[None]:
    """Hold the process to the task's memory and processor time, counted from now.

    Only the soft limits move, up to the hard ones that the child was born with. A limit of 0 leaves
    it at those. Too much memory raises MemoryError; too much processor time ends the process.
    """
    if limits.memory_bytes:
        _soften(resource.RLIMIT_AS, virtual_size() + limits.memory_bytes)
    if limits.cpu_seconds:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _soften(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + limits.cpu_seconds)
    try:
        yield
    finally:
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (hard, hard))


def _soften(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))


def reseed() -> None:
    """Give the process's random generators seeds of its own: forks and later jobs share none."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))
