"""The one chooser: what a backend does next.

The order of precedence, line by line as in :data:`PRECEDENCE`. First, what time has ended is ended,
whether or not anybody has written it down (:mod:`quantumsvc.scheduling.effective`). Then the first rule
that has something to say decides:

1.  W2   what runs in time that is held for others is stopped, unless the backend's policy is to drain.
2.  S10  a backend that is not online starts nothing.
3.  S1   a backend that runs a job starts nothing.
4.  S2   a system job that is due goes before everything else, the oldest first. How long it defers to
         whoever has the backend is up to the operator.
5.  S10  a backend whose queue is paused starts nothing else.
6.  S4   a job of the active session goes before any other: the oldest, or of a batch the oldest that fits.
7.  S9   in a priority window, what its instance submitted inside it goes next, first in, first out.
8.  W2   an active dedicated session whose next job must wait for a window keeps the backend until then.
9.  S5   an active dedicated session that has no job keeps the backend until its ITTL deadline.
10. S7   the next job in the fair-share order (:mod:`quantumsvc.scheduling.fairshare`).
11. S3   in a dedicated window that its owner leaves unused, a short job of others, if the operator lends it.
12. S7   without any job that may start, the backend is idle until the next edge of a window.

Rules 6, 7 and 10 pass over a job that may not start: it is barred (S10), its session's time is over (L8),
the time is held for others (S3), or will be before the job is expected to end (W2). It keeps its place.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from quantumsvc.scheduling.decisions import Decision, Hold, Idle, Start, Stop
from quantumsvc.scheduling.effective import effective
from quantumsvc.scheduling.fairshare import fairest
from quantumsvc.scheduling.overrun import overrun_of
from quantumsvc.scheduling.queued import QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import ActiveSession, Snapshot
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.windows import Window, WindowMode, current, fills, next_edge, obstacle, pause_edge

__all__ = ["PRECEDENCE", "Decision", "Hold", "Idle", "Start", "Stop", "decide", "may_start", "needs_heads"]


def decide(snapshot: Snapshot) -> Decision:
    """What the backend does next. Pure: the same snapshot gives the same decision."""
    settled, due = effective(snapshot)
    for rule in PRECEDENCE:
        decision = rule(settled)
        if decision is not None:
            return replace(decision, due=due) if due else decision
    raise AssertionError("the last rule always decides")


def may_start(job: QueuedJob, snapshot: Snapshot) -> bool:
    """Whether nothing but the order keeps the job from starting now (S10, L8, S3, W2)."""
    if not _lives(job, snapshot):
        return False
    return not snapshot.windows or obstacle(snapshot.windows, job, snapshot.now) is None


def _lives(job: QueuedJob, snapshot: Snapshot) -> bool:
    """S10, L8: nothing but time that is held keeps the job from starting."""
    if job.barred is not None:
        return False
    return job.expires_at is None or job.expires_at > snapshot.now


def overrunning(snapshot: Snapshot) -> Decision | None:
    overrun = overrun_of(snapshot)
    if snapshot.running is None or overrun is None or overrun.at > snapshot.now:
        return None
    return Stop(snapshot.running.id, overrun.window.id, "W2")


def offline(snapshot: Snapshot) -> Decision | None:
    return None if snapshot.online else Idle("S10", _overrun_at(snapshot))


def busy(snapshot: Snapshot) -> Decision | None:
    return None if snapshot.running is None else Idle("S1", _overrun_at(snapshot))


def _overrun_at(snapshot: Snapshot) -> datetime | None:
    overrun = overrun_of(snapshot)
    return overrun.at if overrun else None


def system_job(snapshot: Snapshot) -> Decision | None:
    due = [job for job in snapshot.system if system_due(job, snapshot) <= snapshot.now]
    return Start(min(due, key=submission_order), "S2") if due else None


def system_due(job: QueuedJob, snapshot: Snapshot) -> datetime:
    """From when on a system job goes before everything else; it defers to sessions and reservations."""
    window = current(snapshot.windows, snapshot.now)
    reserved = window is not None and window.instance is not None and window.mode is WindowMode.DEDICATED
    return job.submitted_at + job.deferral if snapshot.active or reserved else job.submitted_at


def paused(snapshot: Snapshot) -> Decision | None:
    return Idle("S10", _next_system_due(snapshot)) if snapshot.paused else None


def _next_system_due(snapshot: Snapshot) -> datetime | None:
    """When the next of the operator's jobs falls due; what is due has started before this is asked."""
    return min((system_due(job, snapshot) for job in snapshot.system), default=None)


def session_job(snapshot: Snapshot) -> Decision | None:
    active = snapshot.active
    if active is None or active.head is None:
        return None
    if may_start(active.head, snapshot):
        return Start(active.head, "S4")
    if active.mode is SessionMode.BATCH and active.shorter and may_start(active.shorter, snapshot):
        return Start(active.shorter, "S4")
    return None


def _priority_window(snapshot: Snapshot) -> Window | None:
    window = current(snapshot.windows, snapshot.now)
    return window if window is not None and window.mode is WindowMode.PRIORITY else None


def reserved_job(snapshot: Snapshot) -> Decision | None:
    window = _priority_window(snapshot)
    if window is None:
        return None
    inside = [
        job
        for job in snapshot.heads
        if window.serves(job.instance, job.user)
        and job.submitted_at >= window.start
        and may_start(job, snapshot)
    ]
    return Start(min(inside, key=submission_order), "S9") if inside else None


def awaited_window(snapshot: Snapshot) -> Decision | None:
    active = snapshot.active
    if active is None or active.mode is SessionMode.BATCH or active.head is None or active.head.barred:
        return None
    window = obstacle(snapshot.windows, active.head, snapshot.now)
    # A job that the present window keeps out, because of who sent it, waits like a barred one.
    if window is None or window.contains(snapshot.now):
        return None
    return _hold(active, window.start, "W2", snapshot)


def interactive_time(snapshot: Snapshot) -> Decision | None:
    active = snapshot.active
    if active is None or active.mode is SessionMode.BATCH or active.head is not None:
        return None
    # No deadline: the session accepts no more jobs (L9), or its only jobs are barred.
    if active.interactive_deadline is None or not active.accepting_jobs:
        return None
    return _hold(active, active.interactive_deadline, "S5", snapshot)


def _hold(active: ActiveSession, longest: datetime, rule: str, snapshot: Snapshot) -> Hold:
    """A session keeps the backend until its time is over (L4), or a window takes it away (W3, W4)."""
    edge = pause_edge(snapshot.windows, active.instance, active.user, snapshot.now)
    until = min(longest, active.ends_at, edge or longest)
    system = _next_system_due(snapshot)
    return Hold(until, rule, active.id, look_at=system if system and system < until else None)


def fair_share(snapshot: Snapshot) -> Decision | None:
    return _fairest(snapshot, [job for job in snapshot.heads if may_start(job, snapshot)], "S7")


def filler(snapshot: Snapshot) -> Decision | None:
    if current(snapshot.windows, snapshot.now) is None:
        return None
    able = [job for job in snapshot.heads if _lives(job, snapshot)]
    return _fairest(snapshot, [job for job in able if fills(snapshot.windows, job, snapshot.now)], "S3")


def _fairest(snapshot: Snapshot, eligible: list[QueuedJob], rule: str) -> Decision | None:
    if not eligible:
        return None
    job = fairest(eligible, snapshot.books.counting(snapshot.meters, snapshot.now))
    return Start(job, rule) if job else None


def nothing(snapshot: Snapshot) -> Decision:
    edges = (_next_system_due(snapshot), next_edge(snapshot.windows, snapshot.now))
    return Idle("S7", min((edge for edge in edges if edge is not None), default=None))


PRECEDENCE: tuple[Callable[[Snapshot], Decision | None], ...] = (
    overrunning,  # 1. W2
    offline,  # 2. S10
    busy,  # 3. S1
    system_job,  # 4. S2
    paused,  # 5. S10
    session_job,  # 6. S4
    reserved_job,  # 7. S9
    awaited_window,  # 8. W2
    interactive_time,  # 9. S5
    fair_share,  # 10. S7
    filler,  # 11. S3
    nothing,  # 12. S7
)


def needs_heads(snapshot: Snapshot) -> bool:
    """Whether the decision depends on ``heads``. If not, a store need not look for them."""
    settled, _ = effective(snapshot)
    for rule in PRECEDENCE:
        if rule is fair_share or (rule is reserved_job and _priority_window(settled)):
            return True
        if rule(settled) is not None:
            return False
    raise AssertionError("fair share is among the rules")
