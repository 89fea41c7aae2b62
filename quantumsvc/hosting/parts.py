"""The parts of a running service: child processes, each in a session of its own, and the database."""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from quantumsvc.hosting.postgres import Postgres
from quantumsvc.hosting.processes import die_with_parent, signal_session, start_mark

_TAIL_LINES = 12
_READ_BYTES = 65536

Say = Callable[[str, str], None]


class Part(Protocol):
    """What the supervisor needs of a part. ``grace`` is how long a stop may take, in seconds."""

    name: str
    grace: float

    def start(self) -> None:
        """Begin; raises when it can't."""

    def exit_code(self) -> int | None:
        """How it ended (negative: the signal; 0 if it never began), or ``None`` while it runs."""

    def ask_to_stop(self) -> None:
        """Let it stop in its own time."""

    def kill(self) -> None:
        """End it and all it started, at once."""

    def output(self) -> int | None:
        """The descriptor to wait on for its lines, if it has any."""

    def pump(self) -> None:
        """Pass on the lines that are there, without waiting."""

    def tail(self) -> str:
        """Its last lines."""

    def identity(self) -> tuple[int, str | None] | None:
        """Process id and start mark, for the record; ``None`` when it takes care of its own leftovers."""


@dataclass
class ChildPart:
    """A command, started with closed input and with its output passed on line by line."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    say: Say
    grace: float
    folder: Path
    keep_open: Sequence[int] = ()
    _process: "subprocess.Popen[bytes] | None" = None
    _half_line: bytes = b""
    _tail: "deque[str]" = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))

    def start(self) -> None:
        """Fork and run the command; the kernel kills it when this process dies."""
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=dict(self.environment),
            pass_fds=self.keep_open,
            start_new_session=True,
            umask=0o077,
            preexec_fn=die_with_parent,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def exit_code(self) -> int | None:
        """Also kills what a part that ended left in its session: workers of a dead parent go on otherwise."""
        process = self._process
        if process is None:
            return 0
        if process.returncode is None and self._has_ended(process.pid):
            # Not yet reaped, so its number still means this session and no other.
            signal_session(process.pid, signal.SIGKILL)
            process.wait()
            self._end_output()
        return process.returncode

    def _has_ended(self, pid: int) -> bool:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def ask_to_stop(self) -> None:
        """SIGTERM to the process itself, which tells its own children."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole session."""
        if self._process is not None and self._process.returncode is None:
            signal_session(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._end_output()

    def output(self) -> int | None:
        """The read end of the pipe; ``None`` once it is closed."""
        stream = self._process.stdout if self._process is not None else None
        return None if stream is None or stream.closed else stream.fileno()

    def pump(self) -> None:
        """Pass on whole lines; half a line waits for its end."""
        descriptor = self.output()
        while descriptor is not None:
            try:
                data = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._close_output()
                return
            *lines, self._half_line = (self._half_line + data).split(b"\n")
            for line in lines:
                self._pass_on(line)

    def _end_output(self) -> None:
        """Take what is in the pipe and close it, even if something that got away holds its other end."""
        self.pump()
        if self.output() is not None:
            self._close_output()

    def _close_output(self) -> None:
        if self._half_line:
            self._pass_on(self._half_line)
            self._half_line = b""
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._tail.append(text)
        self.say(self.name, text)

    def tail(self) -> str:
        """The last lines it printed."""
        return "\n".join(self._tail)

    def identity(self) -> tuple[int, str | None] | None:
        """Known once it was started."""
        return None if self._process is None else (self._process.pid, start_mark(self._process.pid))


@dataclass
class DatabasePart:
    """The embedded database as a part. Its lines go to its own log file."""

    server: Postgres
    name: str = "database"
    grace: float = 15.0

    def start(self) -> None:
        """Start and wait until it answers (some hundredths of a second), unless it runs already."""
        if self.exit_code() is not None:
            self.server.start()

    def exit_code(self) -> int | None:
        """Of the server process; 0 before the first start."""
        return 0 if self.server.process is None else self.server.process.poll()

    def ask_to_stop(self) -> None:
        """A fast stop: open transactions are rolled back, committed ones are written down."""
        if self.server.process is not None:
            self.server.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Let go at once; the next start recovers."""
        if self.server.process is not None:
            self.server.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.process.wait(5)
                return
            self.server.process.kill()
            self.server.process.wait()

    def output(self) -> int | None:
        """None: it writes to a file."""
        return None

    def pump(self) -> None:
        """Nothing to pass on."""

    def tail(self) -> str:
        """The end of its log file."""
        return self.server.log_tail()

    def identity(self) -> tuple[int, str | None] | None:
        """None: a leftover server is found by its own files, and gets the time to stop in order."""
        return None


def wait_for_end(part: Part, seconds: float) -> bool:
    """Pass on the part's lines until it ends or ``seconds`` are over; whether it ended."""
    end = time.monotonic() + seconds
    while part.exit_code() is None:
        if time.monotonic() > end:
            return False
        part.pump()
        time.sleep(0.02)
    return True
