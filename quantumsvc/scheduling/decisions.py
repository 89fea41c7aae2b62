"""What can be decided about a backend, as values that can be compared."""

from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.effective import SessionChange
from quantumsvc.scheduling.queued import QueuedJob


@dataclass(frozen=True, slots=True)
class Start:
    """Run this job now. ``due``: what time has made of the session that was active (L6, L8, W3)."""

    job: QueuedJob
    rule: str
    due: tuple[SessionChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Start nothing, because the backend is kept for a session, until ``until`` at the latest."""

    until: datetime
    rule: str
    session: str
    due: tuple[SessionChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing can start; nothing known will change that by itself before ``until`` (``None``: never)."""

    rule: str
    until: datetime | None = None
    due: tuple[SessionChange, ...] = ()


Decision = Start | Hold | Idle
