"""What can be decided about a backend, as values that can be compared."""

from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.effective import SessionChange
from quantumsvc.scheduling.queued import QueuedJob


@dataclass(frozen=True, slots=True)
class Stop:
    """Take the backend from the running job ``job``: its time belongs to ``window`` (W2).

    The job goes back to its place, with no attempt counted as lost; then it is decided again. ``due``, here
    and below: what time has made of the session that was active (L6, L8, W3, W4).
    """

    job: str
    window: str
    rule: str
    due: tuple[SessionChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Run this job now."""

    job: QueuedJob
    rule: str
    due: tuple[SessionChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Start nothing, because the backend is kept for a session, until ``until`` at the latest.

    ``look_at`` is when to decide again before that, because a system job falls due (S2).
    """

    until: datetime
    rule: str
    session: str
    due: tuple[SessionChange, ...] = ()
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing can start; nothing known will change that by itself before ``until`` (``None``: never)."""

    rule: str
    until: datetime | None = None
    due: tuple[SessionChange, ...] = ()


Decision = Stop | Start | Hold | Idle
