"""What the session that is written down as active really is at the instant of a snapshot.

A deadline acts at its own time, also when no process was awake to write it down; so a decision begins by
seeing the session as it is:

1. L8  at its max TTL deadline it is closed; its waiting jobs have failed.
2. L6  at its ITTL deadline, unless a job was queued before, it is inactive.
3. W3  when time that is dedicated to somebody else begins, it is inactive; its max TTL goes on.
4. W4  at the end of its own instance's window it is inactive; its waiting jobs fail if the policy says so.

Of 2 to 4 the one that came first counts, also when the window is long over; at the same instant, W4.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import ActiveSession, Meter, Snapshot
from quantumsvc.scheduling.states import Cause, SessionState
from quantumsvc.scheduling.timers import Change, due_of
from quantumsvc.scheduling.windows import EndPolicy, Window


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
    heads = tuple(job for job in snapshot.heads if job.session != active.id or _still_waits(job, due))
    meters = tuple(_stopped(meter, active.id, due[0].at) for meter in snapshot.meters)
    changes = tuple(SessionChange(active.id, change) for change in due)
    return replace(snapshot, active=None, heads=heads, meters=meters), changes


def _still_waits(job: QueuedJob, due: tuple[Change, ...]) -> bool:
    """L8, W4: whether a job of the session has not failed with what has become of it."""
    if due[-1].state is SessionState.CLOSED:
        return False
    return not (due[0].waiting_fail and job.submitted_at < due[0].at)


def _stopped(meter: Meter, session: str, at: datetime) -> Meter:
    """L17: a session pays until it has the backend no more."""
    return replace(meter, until=at) if meter.session == session else meter


def _pauses(active: ActiveSession, snapshot: Snapshot) -> Iterator[Change]:
    """What makes the session inactive, some of it perhaps in the future."""
    yield from window_pauses(active.instance, active.user, active.activated_at, snapshot.windows)
    idle = active.interactive_deadline
    queued_in_time = active.head is not None and idle is not None and active.head.submitted_at < idle
    if idle is not None and not queued_in_time:
        yield Change(SessionState.INACTIVE, idle, Cause.INTERACTIVE_TTL)


def window_pauses(
    instance: str, user: str, activated_at: datetime | None, windows: Iterable[Window]
) -> tuple[Change, ...]:
    """W3, W4: when windows make a session inactive that is active since ``activated_at``, earliest first.

    Of equal instants, the end of its own window comes first. A window that was over before does nothing.
    """
    pauses = []
    for window in windows:
        if activated_at is not None and window.end <= activated_at:
            continue
        if window.keeps_out(instance, user):
            at = window.start if activated_at is None else max(window.start, activated_at)
            pauses.append(Change(SessionState.INACTIVE, at, Cause.DISPLACED))
        elif window.serves(instance, user):
            fails = window.end_policy is EndPolicy.FAIL
            pauses.append(Change(SessionState.INACTIVE, window.end, Cause.WINDOW_ENDED, fails))
    return tuple(sorted(pauses, key=lambda pause: (pause.at, pause.cause is Cause.DISPLACED)))
