"""Words for people: durations, and why something happened."""

from quantumsvc.scheduling.states import Cause
from sessions_app.models import JobEvent, SessionEvent

CAUSES = {
    Cause.SUBMITTED: "submitted",
    Cause.CHOSEN: "chosen to run",
    Cause.FINISHED: "the program finished",
    Cause.PROGRAM_FAILED: "the program failed",
    Cause.TIME_LIMIT: "the time limit was reached",
    Cause.CHILD_DIED: "its process died",
    Cause.WORKER_LOST: "the worker was lost",
    Cause.USER_CANCELLED: "cancelled by a user",
    Cause.USER_CLOSED: "closed by a user, and no job was left",
    Cause.FIRST_JOB_CANCELLED: "its first job was cancelled",
    Cause.SESSION_CANCELLED: "the session was cancelled",
    Cause.INTERACTIVE_TTL: "no job came within the interactive time",
    Cause.MAX_TTL: "the maximum time to live was reached",
    Cause.NEVER_USED: "it was never used",
    Cause.DRAINED: "the worker was stopped",
    Cause.DISPLACED: "the time was taken for a reservation",
    Cause.CREATED: "created",
    Cause.INSTANCE_LIMIT: "the instance's limit was reached",
    Cause.WINDOW_ENDED: "the reservation ended",
    Cause.REQUEUED: "put back by an operator",
    Cause.EXTENDED: "a manager gave it more time",
}

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def cause_words(event: JobEvent | SessionEvent) -> str:
    """Why the change came about."""
    return CAUSES[Cause(event.cause)]


def duration(seconds: float) -> str:
    """The two largest units of a duration, as ``0.42 s``, ``3 min 5 s`` or ``2 d 4 h``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.2f} s"
    left, parts = round(seconds), list[str]()
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)
