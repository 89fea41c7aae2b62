"""What the session that is written down as active really is at the instant of a snapshot.

A deadline acts at its own time, also when no process was awake to write it down; so a decision begins by
seeing the session as it is:

1. L8  at its max TTL deadline it is closed; its waiting jobs have failed.
2. L6  at its ITTL deadline, unless a job was queued before, it is inactive.
3. W3  when time that is dedicated to somebody else begins, it is inactive; its max TTL goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from quantumsvc.scheduling.snapshot import ActiveSession, Meter, Snapshot
from quantumsvc.scheduling.states import Cause, SessionState
from quantumsvc.scheduling.timers import Change, due_of
from quantumsvc.scheduling.windows import current


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A change that time has made due, for the shell to write down."""

    session: str
    change: Change


def effective(snapshot: Snapshot) -> tuple[Snapshot, tuple[SessionChange, ...]]:
    """The snapshot with its active session as it is now, and what changed, oldest first."""
    active = snapshot.active
    due = due_of(_pauses(active, snapshot), active.ends_at, snapshot.now) if active else ()
    if active is None or not due:
        return snapshot, ()
    heads = snapshot.heads
    if due[-1].state is SessionState.CLOSED:
        heads = tuple(job for job in heads if job.session != active.id)
    meters = tuple(_stopped(meter, active.id, due[0].at) for meter in snapshot.meters)
    changes = tuple(SessionChange(active.id, change) for change in due)
    return replace(snapshot, active=None, heads=heads, meters=meters), changes


def _stopped(meter: Meter, session: str, at: datetime) -> Meter:
    """L17: a session pays until it has the backend no more."""
    return replace(meter, until=at) if meter.session == session else meter


def _pauses(active: ActiveSession, snapshot: Snapshot) -> Iterator[Change]:
    """What makes the session inactive, some of it perhaps in the future."""
    idle = active.interactive_deadline
    queued_in_time = active.head is not None and idle is not None and active.head.submitted_at < idle
    if idle is not None and not queued_in_time:
        yield Change(SessionState.INACTIVE, idle, Cause.INTERACTIVE_TTL)
    window = current(snapshot.windows, snapshot.now)
    if window is not None and window.keeps_out(active.instance):
        yield Change(SessionState.INACTIVE, window.start, Cause.DISPLACED)
