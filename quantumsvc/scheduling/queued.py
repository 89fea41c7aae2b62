"""A waiting job, as far as decisions are concerned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Bar(StrEnum):
    """S10: why a job may not start at present, whatever else is true."""

    INSTANCE_LIMIT = "instance_limit"
    INSTANCE_INACTIVE = "instance_inactive"
    USER_SUSPENDED = "user_suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """One waiting job.

    ``expected`` is how long it is taken to run: its ``max_execution_time`` if the user gave one, else
    an estimate (W2). ``expires_at`` is when its session's max TTL ends it (L8).
    ``barred_until`` is when a ``barred`` job may start again, if that is known. For a system job,
    ``submitted_at`` is the instant from which it is due, and ``deferral`` how much longer it waits while
    a session or the window of an instance has the backend.
    """

    id: str
    submitted_at: datetime
    session: str | None = None
    instance: str = ""
    user: str = ""
    expected: timedelta = timedelta()
    expires_at: datetime | None = None
    barred: Bar | None = None
    barred_until: datetime | None = None
    deferral: timedelta = timedelta()


def submission_order(job: QueuedJob) -> tuple[datetime, str]:
    """A total order: the older first, equal instants by id."""
    return (job.submitted_at, job.id)
