"""The workers: a django-q2 cluster that is either whole or gone, so that it can be started again.

django-q2's processes share queues whose locks die with their holder: after ``kill -9`` of an idle
worker, which holds the lock of the task queue while it waits, the others wait for ever and everything
looks alive. This cluster notices and ends as a whole with exit code 75.
"""

import logging
import multiprocessing
import os
import signal
import time
import uuid
from multiprocessing.process import BaseProcess
from typing import Any

from django_q.cluster import Cluster, Sentinel
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.signals import post_spawn
from django_q.worker import worker

from quantumsvc.hosting import capacity, stopping
from quantumsvc.hosting.processes import describe_exit, die_with_parent

logger = logging.getLogger(__name__)

# "Temporary failure, try again": the whole cluster should be started anew.
EXIT_START_AGAIN = 75
# A task that a free worker doesn't take within this time (seconds) means that the queue is stuck.
_STUCK_SECONDS = 10.0
# The sentinel looks at its workers twice a second; silence this long (seconds) means that it hangs.
_SILENCE_SECONDS = 60.0

_fork = multiprocessing.get_context("fork")


def _tethered_pusher(*args: Any) -> None:
    die_with_parent()
    pusher(*args)


def _tethered_monitor(*args: Any) -> None:
    die_with_parent()
    monitor(*args)


def _tether_worker(**_: Any) -> None:
    die_with_parent()


class WholeSentinel(Sentinel):  # type: ignore[misc]  # the base class is untyped
    """A sentinel that ends the cluster when a death may have left a shared lock behind."""

    def __init__(self, beat: Any, stop_event: Any, *args: Any) -> None:
        die_with_parent()
        self._beat = beat
        self._waiting_since: float | None = None
        stopping.watch(stop_event)
        capacity.make_slots(Conf.WORKERS)
        post_spawn.connect(_tether_worker, dispatch_uid="quantumsvc-tether")
        super().__init__(stop_event, *args)

    def spawn_worker(self) -> None:
        """As the base class does, with a flag that says whether the worker holds a slot."""
        holder = capacity.new_holder()
        self.spawn_process(worker, self.task_queue, self.result_queue, _fork.Value("f", -1), self.timeout)
        self.pool[-1].holder = holder

    def spawn_pusher(self) -> BaseProcess:
        """The process that takes tasks from the table."""
        process: BaseProcess = self.spawn_process(
            _tethered_pusher, self.task_queue, self.event_out, self.broker
        )
        return process

    def spawn_monitor(self) -> BaseProcess:
        """The process that keeps the results."""
        process: BaseProcess = self.spawn_process(_tethered_monitor, self.result_queue, self.broker)
        return process

    def reincarnate(self, process: Any) -> None:
        """Replace a process that ended; end the cluster when it may have held a shared lock."""
        holder = getattr(process, "holder", None)
        was_busy = holder is not None and bool(holder.value)
        code = process.exitcode or 0
        if code < 0 and not was_busy:
            self._end_all(f"a process that waited was {describe_exit(code)}")
        # A worker also fails by itself when it can't import a task it took, before it counts as busy.
        if was_busy or (holder is not None and code > 0):
            capacity.give_back()
        super().reincarnate(process)

    def status(self) -> str:
        """The base class asks for this in every turn of its loop, which makes it the place to look around."""
        self._beat.value = time.monotonic()
        self._look_for_stuck_queue()
        word: str = super().status()
        return word

    def _look_for_stuck_queue(self) -> None:
        """Slots promise that a fetched task has a free worker; if it lies there, nobody can take it."""
        if self.task_queue.empty() or self.stop_event.is_set():
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or time.monotonic()
        if time.monotonic() - self._waiting_since > _STUCK_SECONDS:
            self._end_all(f"a task lay {_STUCK_SECONDS:.0f} s before free workers")

    def _end_all(self, why: str) -> None:
        logger.error("Ending all workers, because %s; they have to be started again.", why)
        for process in [*self.pool, self.monitor, self.pusher]:
            if process is not None and process.is_alive():
                process.kill()
        os._exit(EXIT_START_AGAIN)


class WholeCluster(Cluster):  # type: ignore[misc]  # the base class is untyped
    """Starts the sentinel above, and ends it when it doesn't move any more."""

    def start(self) -> int:
        """Fork the sentinel. Call ``wait`` next."""
        self.stop_event, self.start_event = _fork.Event(), _fork.Event()
        self._beat = _fork.Value("d", time.monotonic(), lock=False)
        self.sentinel = _fork.Process(
            target=WholeSentinel,
            name=f"Process-{uuid.uuid4().hex}",
            args=(self._beat, self.stop_event, self.start_event, self.cluster_id, self.broker, self.timeout),
        )
        self.sentinel.start()
        return int(self.pid)

    def wait(self) -> int:
        """Stay until the cluster has ended; 0 after a stop that was asked for, else why it ended."""
        while self.sentinel.is_alive():
            self.sentinel.join(1.0)
            if time.monotonic() - self._beat.value > _SILENCE_SECONDS:
                logger.error("The workers' sentinel has been silent for %.0f s; ending it.", _SILENCE_SECONDS)
                self.sentinel.kill()
        code = self.sentinel.exitcode
        return int(code) if code is not None and code >= 0 else EXIT_START_AGAIN

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Ask for a stop and return: waiting belongs to ``wait``, not into a signal handler."""
        if self.stop_event is not None:
            self.stop_event.set()


def run_cluster() -> int:
    """Run the workers until SIGTERM or Ctrl-C, or until they have to be started again (75)."""
    cluster = WholeCluster()
    cluster.start()
    try:
        return cluster.wait()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
