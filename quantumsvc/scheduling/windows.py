"""Time on a backend that is held for one instance, or for nobody (section 6 of the rules)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from quantumsvc.scheduling.queued import QueuedJob


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
    """The time ``[start, end)``. ``instance`` is whose it is; ``None`` for maintenance and calibration.

    ``users``: who of the instance may use it; nobody named means all. ``filler``: how long jobs of others
    may be expected to take that fill the time its owner leaves unused; zero when none may.
    """

    id: str
    start: datetime
    end: datetime
    instance: str | None = None
    mode: WindowMode = WindowMode.DEDICATED
    users: frozenset[str] = frozenset()
    end_policy: EndPolicy = EndPolicy.RELEASE
    filler: timedelta = timedelta()

    def contains(self, instant: datetime) -> bool:
        """Half-open: the start is inside, the end is not."""
        return self.start <= instant < self.end

    def serves(self, instance: str | None, user: str) -> bool:
        """Whether the window is the user's, in that instance."""
        return instance is not None and self.instance == instance and (not self.users or user in self.users)

    def keeps_out(self, instance: str, user: str) -> bool:
        """Whether this is time in which the user's jobs must not run. Priority keeps nobody out."""
        return self.mode is WindowMode.DEDICATED and not self.serves(instance, user)


def current(windows: Iterable[Window], now: datetime) -> Window | None:
    """The window that ``now`` lies in; windows of one backend never overlap (W1)."""
    return next((window for window in windows if window.contains(now)), None)


def obstacle(windows: Iterable[Window], job: QueuedJob, now: datetime) -> Window | None:
    """The fit test: the first window that keeps a job from starting now.

    Either the present time is held for somebody else (S3), or time that is begins before the job is
    expected to end (W2). A job that is expected to end exactly at a window's start fits.
    """
    ends = now + job.expected
    in_the_way = (
        window
        for window in windows
        if window.keeps_out(job.instance, job.user) and (window.contains(now) or now < window.start < ends)
    )
    return min(in_the_way, key=lambda window: window.start, default=None)


def fills(windows: Iterable[Window], job: QueuedJob, now: datetime) -> bool:
    """S3: whether a job may use the time that the owner of the present window leaves unused.

    It must stand alone, be expected to end within the window's ``filler``, and be in the way of no window
    that follows.
    """
    known = tuple(windows)
    window = current(known, now)
    if window is None or window.instance is None or not window.keeps_out(job.instance, job.user):
        return False
    if job.session is not None or not window.filler or job.expected > window.filler:
        return False
    return obstacle([each for each in known if each is not window], job, now) is None


def room(windows: Iterable[Window], instance: str, user: str, now: datetime) -> timedelta | None:
    """How long a job may be expected to run when it starts now; ``None`` means any time.

    It is what a store of jobs needs to find the oldest one that fits. Inside the time of others it is
    the time that they lend (S3), which may be zero.
    """
    foreign = [window for window in windows if window.keeps_out(instance, user) and window.end > now]
    rooms = [window.start - now if window.start > now else window.filler for window in foreign]
    return min(rooms, default=None)


def next_edge(windows: Iterable[Window], now: datetime) -> datetime | None:
    """The next instant after ``now`` at which a window begins or ends."""
    edges = (edge for window in windows for edge in (window.start, window.end))
    return min((edge for edge in edges if edge > now), default=None)


def pause_edge(windows: Iterable[Window], instance: str, user: str, now: datetime) -> datetime | None:
    """The next instant after ``now`` at which a window makes an active session inactive (W3, W4)."""
    edges = (
        window.start if window.keeps_out(instance, user) else window.end
        for window in windows
        if window.keeps_out(instance, user) or window.serves(instance, user)
    )
    return min((edge for edge in edges if edge > now), default=None)
