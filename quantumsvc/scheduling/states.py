"""The states of jobs, sessions and windows, and the only moves between them."""

from enum import StrEnum


class JobState(StrEnum):
    """J1: the five states a client ever sees."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """What happens inside RUNNING (J1)."""

    PREPARING = "preparing"
    EXECUTING = "executing"
    FINISHING = "finishing"


class SessionState(StrEnum):
    OPEN = "open"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"


class SessionMode(StrEnum):
    DEDICATED = "dedicated"
    BATCH = "batch"


class WindowState(StrEnum):
    """W6: ``missed`` is a reservation that ended without a job of its instance having started in it."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    MISSED = "missed"


class Cause(StrEnum):
    """Why something changed state; kept with every event."""

    SUBMITTED = "submitted"
    CHOSEN = "chosen"
    FINISHED = "finished"
    PROGRAM_FAILED = "program_failed"
    TIME_LIMIT = "time_limit"
    CHILD_DIED = "child_died"
    WORKER_LOST = "worker_lost"
    USER_CANCELLED = "user_cancelled"
    USER_CLOSED = "user_closed"
    FIRST_JOB_CANCELLED = "first_job_cancelled"
    SESSION_CANCELLED = "session_cancelled"
    INTERACTIVE_TTL = "interactive_ttl"
    MAX_TTL = "max_ttl"
    NEVER_USED = "never_used"
    DRAINED = "drained"
    DISPLACED = "displaced"
    INSTANCE_LIMIT = "instance_limit"
    WINDOW_ENDED = "window_ended"
    CREATED = "created"
    EXTENDED = "extended"
    REQUEUED = "requeued"


JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    # Back to QUEUED only when the attempt was lost, or the time it ran in was taken away (J2, W2).
    JobState.RUNNING: frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED}),
    JobState.COMPLETED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}

SESSION_MOVES: dict[SessionState, frozenset[SessionState]] = {
    SessionState.OPEN: frozenset({SessionState.ACTIVE, SessionState.CLOSED}),
    SessionState.ACTIVE: frozenset({SessionState.INACTIVE, SessionState.CLOSED}),
    SessionState.INACTIVE: frozenset({SessionState.ACTIVE, SessionState.CLOSED}),
    SessionState.CLOSED: frozenset(),
}

WINDOW_MOVES: dict[WindowState, frozenset[WindowState]] = {
    WindowState.SCHEDULED: frozenset({WindowState.ACTIVE, WindowState.CANCELLED}),
    WindowState.ACTIVE: frozenset({WindowState.COMPLETED, WindowState.MISSED, WindowState.CANCELLED}),
    WindowState.COMPLETED: frozenset(),
    WindowState.CANCELLED: frozenset(),
    WindowState.MISSED: frozenset(),
}

TERMINAL_JOB_STATES = tuple(state for state, targets in JOB_MOVES.items() if not targets)
PENDING_JOB_STATES = tuple(state for state, targets in JOB_MOVES.items() if targets)


def job_sources(target: JobState) -> frozenset[JobState]:
    """The states a job may come from to become ``target``."""
    return frozenset(state for state, targets in JOB_MOVES.items() if target in targets)


def session_sources(target: SessionState) -> frozenset[SessionState]:
    """The states a session may come from to become ``target``."""
    return frozenset(state for state, targets in SESSION_MOVES.items() if target in targets)


def window_sources(target: WindowState) -> frozenset[WindowState]:
    """The states a window may come from to become ``target``."""
    return frozenset(state for state, targets in WINDOW_MOVES.items() if target in targets)


def session_words(state: SessionState, accepting_jobs: bool) -> str:
    """L16: the four words that a person reads."""
    if state is SessionState.CLOSED:
        return "Closed"
    if state is not SessionState.ACTIVE:
        return "Pending"
    return "In progress, accepting new jobs" if accepting_jobs else "In progress, not accepting new jobs"
