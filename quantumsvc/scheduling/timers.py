"""The life of a session as time passes: which changes are due at an instant, and when the next one is.

A session's stored row is a record of facts; what it *is* at an instant follows from those facts and the
instant alone, so every reader sees the same state whether or not any process was awake at the deadline.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from quantumsvc.scheduling.states import Cause, SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """What is stored of a session's life. Durations are whole seconds.

    ``window_pause`` is the next thing that a window does to it while it is active (W3, W4).
    """

    state: SessionState
    accepting_jobs: bool
    created_at: datetime
    max_ttl: int
    interactive_ttl: int
    started_at: datetime | None = None
    interactive_deadline: datetime | None = None
    unused_ttl: int = 0
    has_jobs: bool = False
    window_pause: "Change | None" = None


@dataclass(frozen=True, slots=True)
class Change:
    """A session becomes ``state`` at the instant ``at``, because of ``cause``.

    With ``waiting_fail``, its jobs that wait at that instant fail (W4).
    """

    state: SessionState
    at: datetime
    cause: Cause
    waiting_fail: bool = False


def max_ttl_deadline(facts: SessionFacts) -> datetime | None:
    """L3, L4: counted from the first job's start, and never paused."""
    return facts.started_at + timedelta(seconds=facts.max_ttl) if facts.started_at else None


def unused_deadline(facts: SessionFacts) -> datetime | None:
    """L2: when an open session that never got a job is closed; ``None`` when that is switched off."""
    if facts.state is not SessionState.OPEN or facts.has_jobs or facts.unused_ttl == 0:
        return None
    return facts.created_at + timedelta(seconds=facts.unused_ttl)


def _idle_deadline(facts: SessionFacts) -> datetime | None:
    return facts.interactive_deadline if facts.state is SessionState.ACTIVE else None


def next_deadline(facts: SessionFacts) -> datetime | None:
    """The earliest instant at which this session changes by itself, or ``None``."""
    if facts.state is SessionState.CLOSED:
        return None
    pause = _window_pause(facts)
    deadlines = (
        max_ttl_deadline(facts),
        unused_deadline(facts),
        _idle_deadline(facts),
        pause.at if pause else None,
    )
    return min((deadline for deadline in deadlines if deadline), default=None)


def _window_pause(facts: SessionFacts) -> Change | None:
    return facts.window_pause if facts.state is SessionState.ACTIVE else None


def due_changes(facts: SessionFacts, now: datetime) -> tuple[Change, ...]:
    """The changes that time has made due, oldest first, each at its own deadline (L2, L6, L8, W3, W4)."""
    if facts.state is SessionState.CLOSED:
        return ()
    unused = unused_deadline(facts)
    if unused and unused <= now:
        return (Change(SessionState.CLOSED, unused, Cause.NEVER_USED),)
    idle, pause = _idle_deadline(facts), _window_pause(facts)
    pauses = [pause] if pause else []
    if idle:
        pauses.append(Change(SessionState.INACTIVE, idle, Cause.INTERACTIVE_TTL))
    return due_of(pauses, max_ttl_deadline(facts), now)


def due_of(pauses: Iterable[Change], closing: datetime | None, now: datetime) -> tuple[Change, ...]:
    """Which of these have happened by ``now``: the first pause, unless it was closed before (L8)."""
    due = []
    pause = min(pauses, key=lambda change: change.at, default=None)
    if pause and pause.at <= now and not (closing and closing <= pause.at):
        due.append(pause)
    if closing and closing <= now:
        due.append(Change(SessionState.CLOSED, closing, Cause.MAX_TTL))
    return tuple(due)


def effective_state(facts: SessionFacts, now: datetime) -> SessionState:
    """The state at ``now``, computed from the stored facts and the clock."""
    changes = due_changes(facts, now)
    return changes[-1].state if changes else facts.state


def idle_deadline_after(facts: SessionFacts, finished_at: datetime, *, queued: bool) -> datetime | None:
    """L5: the ITTL runs from a job's end, unless another job of the session is queued already.

    A session that accepts no more jobs (L9) has no ITTL: it closes when its last job ends.
    """
    if queued or not facts.accepting_jobs:
        return None
    return finished_at + timedelta(seconds=facts.interactive_ttl)
