"""The worker's side of execution: leases of child processes, and their events as they come.

Nothing here blocks for long, nothing trusts the child: its frames are bounded and decoded by type,
and a child that breaks the protocol is killed. One lease belongs to one thread.
"""

import contextlib
import os
import selectors
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from quantumsvc.backends.execution import obituary
from quantumsvc.backends.execution.frames import FrameError, FrameReader, Kind, pack
from quantumsvc.backends.execution.kernel import resident_size
from quantumsvc.backends.execution.messages import (
    ChildGone,
    ChildNote,
    Crashed,
    Event,
    Failed,
    Finished,
    Kill,
    Leased,
    LeaseRequest,
    PoolNote,
    Refused,
    Released,
    Task,
    WorkerNote,
)

CHUNK = 256 * 1024
READ_MAX = 4 * 1024 * 1024
"""Most bytes that one poll reads, so that a flood can't keep a worker in it."""
NOTES_MAX = 16 * 1024 * 1024
"""Most bytes of notes in one task; result and device documents don't count."""
GRACE = 2.0
"""Seconds in which the pool must have answered about a dead child."""
_CHILD_NOTE: msgspec.json.Decoder[ChildNote] = msgspec.json.Decoder(ChildNote)
_POOL_NOTE: msgspec.json.Decoder[PoolNote] = msgspec.json.Decoder(PoolNote)


class PoolUnavailable(Exception):
    """There is no pool at the socket, or it doesn't answer."""


class PoolBusy(PoolUnavailable):
    """All the pool's children are leased."""


class ExecutionPool:
    """The pool of this machine, found by its socket; holds no connection itself, so it may be shared."""

    def __init__(self, socket_path: str | Path) -> None:
        self.socket_path = str(socket_path)

    def lease(self, key: str, *, timeout: float = 10.0, modest: bool = False) -> "Lease":
        """A child, if possible the one that served ``key`` before.

        A ``modest`` caller gets none rather than one for which a warm child of another key must end.
        Raises PoolUnavailable: at once when nobody listens, after ``timeout`` seconds when the pool
        doesn't answer (it does while it starts, once it is ready). Raises PoolBusy.
        """
        control = socket.socket(socket.AF_UNIX)
        try:
            control.settimeout(timeout)
            control.connect(self.socket_path)
            control.sendall(_control_frame(LeaseRequest(key, modest)))
            leased, data = _answer(control)
        except OSError as error:
            control.close()
            raise PoolUnavailable(f"no execution pool answers at {self.socket_path}: {error}") from error
        except PoolUnavailable:
            control.close()
            raise
        return Lease(control, data, leased)


class Lease:
    """One child, from ``ExecutionPool.lease`` to ``release`` or ``kill``; runs one task at a time."""

    def __init__(self, control: socket.socket, data: socket.socket, leased: Leased) -> None:
        self.pid, self.warm = leased.pid, leased.warm
        self.jobs = 0
        self._jobs_left, self._rss_mark = leased.jobs_left, leased.rss_mark
        self._control, self._data = control, data
        self._control_reader = FrameReader({Kind.CONTROL: 0})
        self._reader = FrameReader({Kind.NOTE: 0, Kind.RESULT: 0})
        self._outgoing = bytearray()
        self._running = False
        self._alive = True
        self._note_bytes = 0
        self._selector = selectors.DefaultSelector()
        for each in (control, data):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        """Give an idle child back; kill one that is in the middle of a task."""
        self.release()

    @property
    def running(self) -> bool:
        """Whether a task has begun and not ended."""
        return self._running

    @property
    def alive(self) -> bool:
        """Whether the child can be given a task (now, or after the one it has)."""
        return self._alive

    def worn(self) -> bool:
        """Whether the child has served its jobs or grown to its mark: release it and lease again."""
        return self.jobs >= self._jobs_left or bool(
            self._rss_mark and resident_size(self.pid) > self._rss_mark
        )

    def fileno(self) -> int:
        """A descriptor that is readable whenever ``poll`` would do something."""
        return self._selector.fileno()

    def wait(self, timeout: float | None) -> list[Event]:
        """The next events, at the latest after ``timeout`` seconds (then none)."""
        self._selector.select(timeout)
        return self.poll()

    def start(self, task: Task, params: bytes) -> None:
        """Give the child a task. Raises RuntimeError when it is dead or has one."""
        if not self._alive or self._running:
            raise RuntimeError("the child is dead" if not self._alive else "the child has a task already")
        self._running = True
        self.jobs += 1
        self._note_bytes = 0
        self._reader.kinds[Kind.RESULT] = task.limits.max_result_bytes
        self._send(pack(Kind.TASK, msgspec.json.encode(task), params))

    def give_device(self, document: bytes) -> None:
        """Answer ``NeedDevice``."""
        self._send(pack(Kind.DEVICE, b"", document))

    def poll(self) -> list[Event]:
        """What has happened since the last look, in order; never waits for the child.

        The last one is a ``Crashed`` when the child is gone, and the lease is then over.
        """
        if not self._alive:
            return []
        events: list[Event] = []
        try:
            self._flush()
            ended = self._read(events)
        except (FrameError, msgspec.MsgspecError) as error:
            self.kill()
            return [*events, Crashed(f"The job's process broke the protocol: {error}", "protocol")]
        if ended:
            events.append(self._bury())
        return events

    def kill(self) -> bool:
        """End the child, whatever it does, and the lease; True when its death is confirmed."""
        if not self._alive:
            return True
        with contextlib.suppress(OSError):
            self._control.send(_control_frame(Kill()))
        gone = self._await_gone(GRACE)
        self._close()
        return gone is not None

    def release(self) -> None:
        """Give the child back to be kept warm for the key; with a task under way it is killed."""
        if self._running:
            self.kill()
        if not self._alive:
            return
        self._data.close()
        with contextlib.suppress(OSError):
            self._control.setblocking(True)
            self._control.settimeout(GRACE)
            self._control.sendall(_control_frame(Released(self.jobs)))
            while self._control.recv(4096):  # the pool closes when it has the child back
                pass
        self._close()

    def _send(self, data: bytes) -> None:
        self._outgoing += data
        self._flush()

    def _flush(self) -> None:
        waiting = bool(self._outgoing)
        try:
            while self._outgoing:
                sent = self._data.send(memoryview(self._outgoing)[:CHUNK])
                del self._outgoing[:sent]
        except BlockingIOError:
            self._selector.modify(self._data, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        except OSError:  # the child is gone: reading tells how
            self._outgoing.clear()
        if waiting:
            self._selector.modify(self._data, selectors.EVENT_READ)

    def _read(self, events: list[Event]) -> bool:
        """Add what came to ``events``; True at the child's end.

        The pool's news are looked for first: what the child sent before it died is then still read.
        """
        taken, news = 0, self._has_news()
        while taken < READ_MAX:
            try:
                data = self._data.recv(CHUNK)
            except BlockingIOError:
                return news
            except OSError:
                return True
            if not data:
                return True
            taken += len(data)
            for kind, header, body in self._reader.feed(data):
                events.append(self._event(kind, header, body))
        return False

    def _event(self, kind: Kind, header: bytes, body: bytes) -> Event:
        if not self._running:
            raise FrameError("it spoke without having a task")
        if kind is Kind.RESULT:
            self._running = False
            return Finished(body)
        self._note_bytes += len(header)
        if self._note_bytes > NOTES_MAX:
            raise FrameError("it sent too many notes")
        note = _CHILD_NOTE.decode(header)
        if isinstance(note, Failed):
            self._running = False
        return note

    def _has_news(self) -> bool:
        """Whether the control connection has ended or has news, which is always of a death."""
        try:
            return self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _bury(self) -> Crashed:
        gone = self._await_gone(GRACE / 4)
        if gone is None:  # it hung up and lives, or the pool is gone
            confirmed = self.kill()
            return obituary.hung_up() if confirmed else obituary.pool_lost()
        self._close()
        return obituary.of(gone)

    def _await_gone(self, timeout: float) -> ChildGone | None:
        """The pool's word that the child is dead; None when it doesn't come."""
        deadline = time.monotonic() + timeout
        with contextlib.suppress(OSError, FrameError, msgspec.MsgspecError):
            while (left := deadline - time.monotonic()) > 0:
                self._control.settimeout(left)
                data = self._control.recv(4096)
                if not data:
                    return None
                for frame in self._control_reader.feed(data):
                    note = _POOL_NOTE.decode(frame.header)
                    if isinstance(note, ChildGone):
                        return note
        return None

    def _close(self) -> None:
        self._alive = self._running = False
        self._selector.close()
        self._data.close()
        self._control.close()


def _control_frame(note: WorkerNote) -> bytes:
    return pack(Kind.CONTROL, msgspec.json.encode(note))


def _answer(control: socket.socket) -> tuple[Leased, socket.socket]:
    """The pool's answer to a request, and the child's socket that comes with it."""
    data, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
    try:
        frames = list(FrameReader({Kind.CONTROL: 0}).feed(data))
        note = _POOL_NOTE.decode(frames[0].header) if frames else None
    except (FrameError, msgspec.MsgspecError) as error:
        raise PoolUnavailable("what answers there is no execution pool") from error
    if isinstance(note, Leased) and descriptors:
        return note, socket.socket(fileno=descriptors[0])
    for descriptor in descriptors:
        os.close(descriptor)
    if isinstance(note, Refused):
        raise PoolBusy(note.reason)
    raise PoolUnavailable("the pool hung up")


__all__ = ["ExecutionPool", "Lease", "PoolBusy", "PoolUnavailable"]
