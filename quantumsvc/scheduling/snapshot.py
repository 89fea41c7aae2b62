"""All that a decision about one backend may depend on, taken at one instant."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from quantumsvc.scheduling.fairshare import Books, Meter
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.windows import Window

__all__ = ["ActiveSession", "Bar", "Books", "Meter", "QueuedJob", "RunningJob", "Snapshot", "Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession:
    """The session that has the backend.

    ``head`` is its oldest waiting job, if it has one; ``shorter``, for a batch whose head would not end
    before the next window, the oldest of its jobs that would (S4). ``interactive_deadline`` is set while
    it has no job (L5); ``ends_at`` is its max TTL deadline; it got the backend at ``activated_at``
    (``None``: before any of the windows).
    """

    id: str
    mode: SessionMode
    accepting_jobs: bool
    ends_at: datetime
    interactive_deadline: datetime | None = None
    head: QueuedJob | None = None
    shorter: QueuedJob | None = None
    instance: str = ""
    user: str = ""
    interactive_ttl: timedelta = timedelta()
    activated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """The job that has the backend. ``instance`` is ``None`` for a system job.

    ``submitted_at`` is its place in the queue, if it has to go back to it.
    """

    id: str
    started_at: datetime
    instance: str | None = None
    user: str = ""
    session: str | None = None
    expected: timedelta = timedelta()
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One backend at ``now``.

    ``heads`` must hold, for each user in each instance, the oldest job that may start now; with it the
    decision is the same as with the whole queue, so more may be given, never less. During a priority
    window it must also hold the oldest job that its instance submitted inside (S9). ``system`` holds the
    operator's jobs, ``meters`` what is being charged now (F4). ``windows`` are those that have not ended,
    and those that ended while the active session was active and nobody wrote it down. With ``drains``,
    a running job is never stopped for a window (W2). While it is ``paused``, only system jobs start.
    """

    now: datetime
    online: bool = True
    paused: bool = False
    running: RunningJob | None = None
    active: ActiveSession | None = None
    heads: tuple[QueuedJob, ...] = ()
    system: tuple[QueuedJob, ...] = ()
    windows: tuple[Window, ...] = ()
    books: Books = field(default_factory=Books)
    meters: tuple[Meter, ...] = ()
    drains: bool = False
