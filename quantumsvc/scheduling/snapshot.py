"""All that a decision about one backend may depend on, taken at one instant."""

from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.states import SessionMode


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """The oldest waiting job of one queue: of a session, or of one user in an instance."""

    id: str
    submitted_at: datetime
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession:
    """The session that has the backend. ``head`` is its oldest eligible job, if it has one.

    ``interactive_deadline`` is set while it has none (L5); ``ends_at`` is its max TTL deadline.
    """

    id: str
    mode: SessionMode
    accepting_jobs: bool
    ends_at: datetime
    interactive_deadline: datetime | None = None
    head: QueuedJob | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One backend at ``now``. ``heads`` holds only jobs that are eligible in the sense of S10."""

    now: datetime
    online: bool = True
    running: str | None = None
    active: ActiveSession | None = None
    heads: tuple[QueuedJob, ...] = ()
