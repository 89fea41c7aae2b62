"""Keeps the parts of the service running, and stops them in order.

One thread does everything: the kernel ties a child to the thread that made it, and one loop has no races.
"""

import http.client
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from quantumsvc.hosting.parts import Part, wait_for_end
from quantumsvc.hosting.processes import describe_exit
from quantumsvc.hosting.restarts import Restarts

_TURN_SECONDS = 0.2
_ASK_SECONDS = 0.5
_NAME = "up"


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP, counted: one asks for an orderly stop, a second one for haste."""

    def __init__(self) -> None:
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@dataclass
class _Watched:
    part: Part
    restarts: Restarts = field(default_factory=Restarts)
    start_at: float | None = None


class Supervisor:
    """Runs ``parts``, given in the order of their start; they stop in the opposite order.

    ``on_change`` is called when the processes changed and with ``True`` once the web server answers.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        port: int,
        stops: StopSignals,
        say: Callable[[str, str], None],
        on_change: Callable[[bool], None],
    ) -> None:
        self._watched = [_Watched(part) for part in parts]
        self._port = port
        self._stops = stops
        self._say = say
        self._on_change = on_change
        self._is_ready = False
        self._failed = False

    def run(self) -> int:
        """0 after a stop that was asked for; 1 when a part never got to work and everything was stopped."""
        try:
            for watched in self._watched:
                if not self._stops.count:
                    self._start(watched)
            while not self._stops.count and not self._failed:
                self._turn()
        finally:
            self._stop_all()
        return 1 if self._failed else 0

    def _turn(self) -> None:
        self._wait_for_lines()
        for watched in self._watched:
            self._look_after(watched)
        if not self._is_ready and self._all_settled() and self._answers():
            self._is_ready = True
            self._on_change(True)

    def _wait_for_lines(self) -> None:
        with selectors.DefaultSelector() as selector:
            by_output = {watched.part.output(): watched.part for watched in self._watched}
            for output in by_output:
                if output is not None:
                    selector.register(output, selectors.EVENT_READ)
            for key, _ in selector.select(_TURN_SECONDS):
                by_output[key.fd].pump()

    def _look_after(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.start_at is not None:
            if now >= watched.start_at:
                watched.start_at = None
                self._start(watched)
            return
        code = watched.part.exit_code()
        if code is not None:
            self._after_death(watched, f"ended ({describe_exit(code)})")

    def _start(self, watched: _Watched) -> None:
        try:
            watched.part.start()
        except Exception as error:
            self._after_death(watched, f"doesn't start: {error}")
            return
        watched.restarts.note_start(time.monotonic())
        self._on_change(False)

    def _after_death(self, watched: _Watched, what: str) -> None:
        name = watched.part.name
        delay = watched.restarts.note_death(time.monotonic())
        if delay is None:
            self._failed = True
            self._say(
                _NAME, f"The part '{name}' {what}, five times within half a minute. Stopping everything."
            )
            self._say(_NAME, f"Its last lines:\n{watched.part.tail()}")
            return
        watched.start_at = time.monotonic() + delay
        self._say(_NAME, f"The part '{name}' {what}; starting it again in {delay:.1f} s.")

    def _all_settled(self) -> bool:
        now = time.monotonic()
        return all(watched.restarts.is_settled(now) for watched in self._watched)

    def _answers(self) -> bool:
        """Whether the web server answers with anything but a failure of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ASK_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _stop_all(self) -> None:
        asked = self._stops.count
        self._say(_NAME, "Stopping.")
        for watched in reversed(self._watched):
            part = watched.part
            if part.exit_code() is not None:
                continue
            part.ask_to_stop()
            if not self._ends_in_time(part, asked):
                self._say(_NAME, f"The part '{part.name}' takes too long to stop; it is killed.")
                part.kill()
        self._say(_NAME, "Everything is stopped.")

    def _ends_in_time(self, part: Part, asked: int) -> bool:
        end = time.monotonic() + part.grace
        while time.monotonic() < end and self._stops.count <= max(asked, 1):
            if wait_for_end(part, 0.1):
                return True
        return False
