"""The pool's loop: one thread that forks children, leases them to workers and buries them.

It never reads what a child writes. A worker's connection is its lease: whatever way it ends,
other than by an orderly release, the child dies.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass, field

import msgspec

from quantumsvc.backends.execution import child as child_life
from quantumsvc.backends.execution import kernel
from quantumsvc.backends.execution.frames import Frame, FrameError, FrameReader, Kind, pack
from quantumsvc.backends.execution.messages import (
    ChildGone,
    Kill,
    Leased,
    LeaseRequest,
    PoolNote,
    Refused,
    Released,
    WorkerNote,
)
from quantumsvc.backends.execution.options import MEBIBYTE, PoolOptions
from quantumsvc.backends.execution.running import TaskRunner

logger = logging.getLogger(__name__)
_NOTE: msgspec.json.Decoder[WorkerNote] = msgspec.json.Decoder(WorkerNote)
TICK = 5.0
"""Most seconds between looks at idle children."""
SPARE_PAUSE = 1.0
"""Seconds before another spare when one died by itself: whatever kills them may kill them all."""


@dataclass(eq=False)
class Child:
    """One forked process. ``key`` is what it was leased for last; "" for a spare."""

    pid: int
    handoff: socket.socket
    lifeline: int
    key: str = ""
    jobs: int = 0
    idle_since: float = 0.0
    lease: "LeaseConnection | None" = None
    killed: bool = False

    def kill(self) -> None:
        """End it now, whatever it does."""
        self.killed = True
        for send in (os.killpg, os.kill):  # the group exists once the child has made it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(self.pid, signal.SIGKILL)

    def forget(self) -> None:
        """Close the pool's ends after its death."""
        self.handoff.close()
        os.close(self.lifeline)


@dataclass(eq=False)
class LeaseConnection:
    """A worker's connection; ``child`` once there is a lease."""

    sock: socket.socket
    child: Child | None = None
    reader: FrameReader = field(default_factory=lambda: FrameReader({Kind.CONTROL: 0}))


class Pool:
    """Children by process id, and the worker connections that hold some of them."""

    def __init__(self, listener: socket.socket, options: PoolOptions, runner: TaskRunner) -> None:
        self.options = options
        self._listener = listener
        self._runner = runner
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._no_spare_before = 0.0

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end all children."""
        wake = self._listen_to_signals()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(wake, selectors.EVENT_READ, lambda: self._woken(wake))
        self._refill()
        while not self._stopping:
            for key, _ in self._selector.select(min(TICK, self.options.idle_seconds)):
                key.data()
            self._retire_idle()
            self._refill()
        for each in self._children.values():
            each.kill()

    def _listen_to_signals(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self._wake_ends = (ours, theirs)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        return ours

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _woken(self, wake: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            wake.recv(4096)
        self._bury_dead()

    # Leases

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left: the next look will tell
            return
        sock.setblocking(False)
        connection = LeaseConnection(sock)
        self._selector.register(sock, selectors.EVENT_READ, lambda: self._heard(connection))

    def _heard(self, connection: LeaseConnection) -> None:
        try:
            data = connection.sock.recv(4096)
            frames = list(connection.reader.feed(data))
            for frame in frames:
                self._obey(connection, frame)
        except BlockingIOError:
            return
        except (OSError, FrameError, msgspec.MsgspecError):
            data = b""
        if not data:
            self._drop(connection)

    def _obey(self, connection: LeaseConnection, frame: Frame) -> None:
        note = _NOTE.decode(frame.header)
        if isinstance(note, LeaseRequest):
            self._lease(connection, note)
        elif isinstance(note, Kill) and connection.child is not None:
            connection.child.kill()
        elif isinstance(note, Released):
            self._take_back(connection, note.jobs)

    def _lease(self, connection: LeaseConnection, asked: LeaseRequest) -> None:
        if connection.child is not None:
            raise FrameError("this connection has a lease already")
        while (child := self._choose(asked)) is not None:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                try:
                    socket.send_fds(child.handoff, [b"L"], [theirs.fileno()])
                except OSError:  # it died a moment ago, or doesn't listen
                    child.kill()
                    continue
                self._begin(connection, child, asked.key, ours)
                return
        _tell(connection, Refused(f"all {self.options.max_children} children are at work"))

    def _begin(self, connection: LeaseConnection, child: Child, key: str, data: socket.socket) -> None:
        answer = Leased(
            child.pid,
            child.key == key,
            self.options.max_jobs - child.jobs,
            self.options.rss_mb * MEBIBYTE,
        )
        child.key, child.lease, connection.child = key, connection, child
        frame = pack(Kind.CONTROL, msgspec.json.encode(answer))
        socket.send_fds(connection.sock, [frame], [data.fileno()])

    def _choose(self, asked: LeaseRequest) -> Child | None:
        """An idle child: the key's own, else a spare, else a new one, in place of another's if need be."""
        idle = [each for each in self._children.values() if each.lease is None and not each.killed]
        for wanted in (asked.key, ""):
            for each in idle:
                if each.key == wanted:
                    return each
        if len(self._children) >= self.options.max_children:
            if not idle or asked.modest:
                return None
            min(idle, key=lambda each: each.idle_since).kill()
        return self._spawn()

    def _take_back(self, connection: LeaseConnection, jobs: int) -> None:
        child = connection.child
        if child is not None:
            connection.child = child.lease = None
            child.jobs += jobs
            child.idle_since = time.monotonic()
            if self._is_worn(child):
                child.kill()
        self._drop(connection)

    def _is_worn(self, child: Child) -> bool:
        mark = self.options.rss_mb * MEBIBYTE
        return child.jobs >= self.options.max_jobs or bool(mark and kernel.resident_size(child.pid) > mark)

    def _drop(self, connection: LeaseConnection) -> None:
        if connection.sock.fileno() < 0:
            return
        if connection.child is not None:
            connection.child.lease = None
            connection.child.kill()
        self._selector.unregister(connection.sock)
        connection.sock.close()

    # Children

    def _spawn(self) -> Child:
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        pool = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(theirs, read_end, pool)
        theirs.close()
        os.close(read_end)
        ours.setblocking(False)
        child = Child(pid, ours, write_end, idle_since=time.monotonic())
        self._children[pid] = child
        return child

    def _be_child(self, handoff: socket.socket, lifeline: int, pool: int) -> None:
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            child_life.live(handoff, lifeline, pool, self.options, self._runner)
            status = 0
        finally:
            os._exit(status)

    def _bury_dead(self) -> None:
        for pid in list(self._children):
            found, status, usage = os.wait4(pid, os.WNOHANG)
            if found:
                self._bury(self._children.pop(pid), status, usage.ru_maxrss * 1024)

    def _bury(self, child: Child, status: int, peak: int) -> None:
        child.forget()
        if not child.killed:
            logger.warning("child %s of %r died with status %s", child.pid, child.key, status)
            if not child.key:
                self._no_spare_before = time.monotonic() + SPARE_PAUSE
        if child.lease is not None:
            connection, child.lease = child.lease, None
            connection.child = None
            _tell(connection, ChildGone(status, peak, child.killed))

    def _retire_idle(self) -> None:
        oldest = time.monotonic() - self.options.idle_seconds
        for each in self._children.values():
            if each.key and each.lease is None and not each.killed and each.idle_since < oldest:
                each.kill()

    def _refill(self) -> None:
        if time.monotonic() < self._no_spare_before:
            return
        spares = sum(each.key == "" and not each.killed for each in self._children.values())
        room = self.options.max_children - len(self._children)
        for _ in range(min(self.options.spares - spares, room)):
            self._spawn()


def _tell(connection: LeaseConnection, note: PoolNote) -> None:
    with contextlib.suppress(OSError):  # a worker that is gone is noticed by its end of stream
        connection.sock.send(pack(Kind.CONTROL, msgspec.json.encode(note)))
