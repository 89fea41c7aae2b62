"""The one chooser: what a backend does next.

The order of precedence, line by line as in :func:`decide`:

1. S10  a backend that is not online starts nothing.
2. S1   a backend that runs a job starts nothing.
3. S4   a job of the active session goes before any other, in submission order.
4. S5   an active dedicated session that has no job holds the backend until its ITTL deadline.
5. S7   the next job in the general order, which is submission order; ties go by id.
"""

from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.snapshot import ActiveSession, QueuedJob, Snapshot
from quantumsvc.scheduling.states import SessionMode


@dataclass(frozen=True, slots=True)
class Start:
    """Run this job now."""

    job: QueuedJob
    rule: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Start nothing, because the backend is kept for a session, until ``until`` at the latest."""

    until: datetime
    rule: str
    session: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing can start; nothing known will change that by itself before ``until`` (``None``: never)."""

    rule: str
    until: datetime | None = None


Decision = Start | Hold | Idle


def decide(snapshot: Snapshot) -> Decision:
    """What the backend does next. Pure: the same snapshot gives the same decision."""
    if not snapshot.online:
        return Idle("S10")
    if snapshot.running is not None:
        return Idle("S1")
    active = snapshot.active
    if active is not None and active.head is not None:
        return Start(active.head, "S4")
    if active is not None and (until := held_until(active, snapshot.now)) is not None:
        return Hold(until, "S5", active.id)
    if snapshot.heads:
        return Start(min(snapshot.heads, key=submission_order), "S7")
    return Idle("S7")


def held_until(active: ActiveSession, now: datetime) -> datetime | None:
    """S5: until when an active session without a job keeps the backend to itself; ``None`` if it doesn't.

    A batch never does (S6), nor a session that accepts no more jobs (L9).
    """
    if active.mode is not SessionMode.DEDICATED or not active.accepting_jobs:
        return None
    if active.interactive_deadline is None:
        return None
    until = min(active.interactive_deadline, active.ends_at)
    return until if until > now else None


def submission_order(job: QueuedJob) -> tuple[datetime, str]:
    """A total order: the older first, equal instants by id."""
    return (job.submitted_at, job.id)
