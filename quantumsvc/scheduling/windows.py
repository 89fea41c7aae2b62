"""Time on a backend that is held for one instance, or for nobody (section 6 of the rules)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class WindowMode(StrEnum):
    """``dedicated``: nobody else runs (S3). ``priority``: what its owner submits inside goes first (S9)."""

    DEDICATED = "dedicated"
    PRIORITY = "priority"


class EndPolicy(StrEnum):
    """W4: at the window's end the waiting jobs of its session wait on like any other, or they fail."""

    RELEASE = "release"
    FAIL = "fail"


class OverrunPolicy(StrEnum):
    """W2: what becomes of a foreign job that still runs when a window begins."""

    STOP = "stop"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time ``[start, end)``. ``instance`` is whose it is; ``None`` for maintenance and calibration."""

    id: str
    start: datetime
    end: datetime
    instance: str | None = None
    mode: WindowMode = WindowMode.DEDICATED

    def contains(self, instant: datetime) -> bool:
        """Half-open: the start is inside, the end is not."""
        return self.start <= instant < self.end

    def keeps_out(self, instance: str) -> bool:
        """Whether this is time in which jobs of ``instance`` must not run. Priority keeps nobody out."""
        return self.mode is WindowMode.DEDICATED and self.instance != instance


def current(windows: Iterable[Window], now: datetime) -> Window | None:
    """The window that ``now`` lies in; windows of one backend never overlap (W1)."""
    return next((window for window in windows if window.contains(now)), None)


def obstacle(windows: Iterable[Window], instance: str, expected: timedelta, now: datetime) -> Window | None:
    """The fit test: the first window that keeps a job of ``instance`` from starting now.

    Either the present time is held for somebody else (S3), or time that is begins before the job is
    expected to end (W2). A job that is expected to end exactly at a window's start fits.
    """
    ends = now + expected
    in_the_way = (
        window
        for window in windows
        if window.keeps_out(instance) and (window.contains(now) or now < window.start < ends)
    )
    return min(in_the_way, key=lambda window: window.start, default=None)


def room(windows: Iterable[Window], instance: str, now: datetime) -> timedelta | None:
    """How long a job of ``instance`` may be expected to run when it starts now; ``None`` means any time.

    Zero inside the time of others. It is what a store of jobs needs to find the oldest one that fits.
    """
    foreign = [window for window in windows if window.keeps_out(instance) and window.end > now]
    starts = [max(window.start, now) - now for window in foreign]
    return min(starts, default=None)


def next_edge(windows: Iterable[Window], now: datetime) -> datetime | None:
    """The next instant after ``now`` at which a window begins or ends."""
    edges = (edge for window in windows for edge in (window.start, window.end))
    return min((edge for edge in edges if edge > now), default=None)
