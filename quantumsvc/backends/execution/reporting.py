"""The child's end of a lease's socket, and the reporter that programs talk to."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from quantumsvc.backends.execution.frames import Frame, FrameReader, Kind, pack
from quantumsvc.backends.execution.messages import (
    ChildNote,
    Log,
    Metric,
    Phase,
    PhaseName,
    Progress,
    Transpiled,
)

LOG_BYTES_MAX = 1024 * 1024
"""Log text of one task; what comes later is dropped after one line that says so."""
LOG_LINE_MAX = 15_000
CIRCUIT_BYTES_MAX, CIRCUITS_BYTES_MAX = 40_000, 400_000
"""Longer texts of circuits are not told, one and all of them."""
CHUNK = 256 * 1024
_FROM_WORKER = {Kind.TASK: 2**31, Kind.DEVICE: 2**28}


class LeaseLost(BaseException):
    """The worker has gone away. Not an Exception: a program must not swallow it."""


class Channel:
    """Whole frames on the socket that the worker listens to."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader = FrameReader(_FROM_WORKER)
        self._frames: list[Frame] = []

    def receive(self) -> Frame:
        """The next frame; waits. Raises LeaseLost at the end of the stream."""
        while not self._frames:
            data = self._socket.recv(CHUNK)
            if not data:
                raise LeaseLost
            self._frames.extend(self._reader.feed(data))
        return self._frames.pop(0)

    def note(self, note: ChildNote) -> None:
        """Send one event that has no body."""
        self._send(pack(Kind.NOTE, msgspec.json.encode(note)))

    def result(self, body: bytes) -> None:
        """Send the result, which ends the task."""
        self._send(pack(Kind.RESULT, b"", body))

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LeaseLost from error


class ChannelReporter:
    """A program's reporter (``programs.ports.Reporter``) that sends each call at once."""

    def __init__(self, channel: Channel, log_level: str) -> None:
        self._channel = channel
        self.threshold = level_number(log_level)
        self._log_left = LOG_BYTES_MAX
        self._circuits_left = CIRCUITS_BYTES_MAX

    def phase(self, name: PhaseName) -> None:
        self._channel.note(Phase(name, time.time()))

    def progress(self, done: int, total: int) -> None:
        self._channel.note(Progress(done, total))

    def metric(self, name: str, value: float | int | str) -> None:
        self._channel.note(Metric(name[:64], value[:1000] if isinstance(value, str) else value))

    def transpiled(self, text: str) -> None:
        self._circuits_left -= len(text.encode())
        short = len(text.encode()) <= CIRCUIT_BYTES_MAX and self._circuits_left >= 0
        self._channel.note(Transpiled(_clean(text) if short else ""))

    def log(self, level: str, text: str) -> None:
        if level_number(level) < self.threshold or self._log_left <= 0:
            return
        text = text if len(text) <= LOG_LINE_MAX else text[:LOG_LINE_MAX] + " ..."
        self._log_left -= len(text.encode(errors="replace"))
        self._channel.note(Log(level.upper()[:64], _clean(text), time.time()))
        if self._log_left <= 0:
            self._channel.note(Log("WARNING", f"The log ends here, at {LOG_BYTES_MAX} bytes.", time.time()))


class _RecordSender(logging.Handler):
    """Makes the records of Python's logging log entries of the job."""

    def __init__(self, reporter: ChannelReporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = f"{record.name}: {record.getMessage()}"
        except Exception:  # a library's malformed record is no reason to fail the job
            text = f"{record.name}: {record.msg}"
        self._reporter.log(record.levelname, text)


@contextmanager
def logging_to(reporter: ChannelReporter) -> Iterator[None]:
    """Send all logging at or above the task's level to the reporter; afterwards logging is as before."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [_RecordSender(reporter)]
    root.setLevel(reporter.threshold)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def level_number(name: str) -> int:
    """Python's number of a level name; WARNING's for a name it doesn't know."""
    number = logging.getLevelNamesMapping().get(name.upper())
    return logging.WARNING if number is None else number


def _clean(text: str) -> str:
    """Text that any database and any page takes: no NUL, no lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
