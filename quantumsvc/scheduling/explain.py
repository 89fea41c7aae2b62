"""Why each waiting job waits (E1), found with the rules that decide.

A job's reason is the first of these that applies:

1.  S10  it is itself barred.
2.  L8   its session's time is over.
3.  S10  the backend is offline, or its queue is paused.
4.  S3   the time is held for others, and it is not next to fill it.
5.  W2   time that is held for others begins before the job is expected to end.
6.  S1   it is next, and a job is running; or nothing is, and it starts at this very moment (S7).
7.  S2   a system job is due.
8.  S4   its own session has an older job.
9.  S4   a session is active and has work.
10. S5   a session is active and keeps the backend for its next job.
11. S9   jobs of a priority window go first.
12. F3   its user has an older job here.
13. F3   another user of its instance is next, who has used less or came first.
14. F2   another instance is next.

Who is next is asked of :func:`policy.decide`, as if the running job had just ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from quantumsvc.scheduling.effective import effective
from quantumsvc.scheduling.policy import Decision, Hold, Start, decide, may_start
from quantumsvc.scheduling.queued import QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import ActiveSession, Snapshot
from quantumsvc.scheduling.windows import Window, current, obstacle


class Reason(StrEnum):
    """Why a job waits."""

    NEXT = "next"
    RUNNING_JOB = "running_job"
    SYSTEM_JOB = "system_job"
    OLDER_JOB_OF_SESSION = "older_job_of_session"
    SESSION_ACTIVE = "session_active"
    SESSION_HOLDS = "session_holds"
    RESERVED_JOB = "reserved_job"
    WINDOW_OF_OTHERS = "window_of_others"
    WINDOW_AHEAD = "window_ahead"
    FAIR_SHARE = "fair_share"
    OLDER_JOB_OF_USER = "older_job_of_user"
    BACKEND_OFFLINE = "backend_offline"
    QUEUE_PAUSED = "queue_paused"
    INSTANCE_LIMIT = "instance_limit"
    INSTANCE_INACTIVE = "instance_inactive"
    USER_SUSPENDED = "user_suspended"
    SESSION_OVER = "session_over"


class Kind(StrEnum):
    """What a job can wait for."""

    JOB = "job"
    SESSION = "session"
    SYSTEM_JOB = "system_job"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Blocker:
    """What is ahead. Whoever may not see ``instance`` must not be told the ``id`` either."""

    kind: Kind
    id: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a job waits, by which rule, for what, and until when at the latest (``None``: not known)."""

    job: str
    reason: Reason
    rule: str
    blocker: Blocker | None = None
    until: datetime | None = None
    place: int | None = None


def explain(
    snapshot: Snapshot, queue: Iterable[QueuedJob], places: Mapping[str, int] | None = None
) -> dict[str, Waiting]:
    """The reason of every job in ``queue``. ``places`` come from :func:`forecast.forecast`."""
    scene = Scene.of(snapshot)
    known = places or {}
    return {job.id: replace(scene.reason(job), place=known.get(job.id)) for job in queue}


@dataclass(frozen=True, slots=True)
class Scene:
    """What all the reasons have in common: the snapshot as it is, and who is next."""

    now: Snapshot
    next: Decision
    fronts: Mapping[tuple[str, str], QueuedJob]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Scene":
        """Look at the backend once, for all its waiting jobs."""
        settled, _ = effective(snapshot)
        fronts: dict[tuple[str, str], QueuedJob] = {}
        for job in sorted(settled.heads, key=submission_order):
            if may_start(job, settled):
                fronts.setdefault((job.instance, job.user), job)
        return cls(settled, decide(_without_running(settled)), fronts)

    def reason(self, job: QueuedJob) -> Waiting:
        """Why ``job`` waits."""
        return (
            self._own(job) or self._window(job) or self._turn(job) or self._session(job) or self._share(job)
        )

    def _own(self, job: QueuedJob) -> Waiting | None:
        if job.barred is not None:
            return Waiting(job.id, Reason(job.barred.value), "S10", until=job.barred_until)
        if job.expires_at is not None and job.expires_at <= self.now.now:
            return Waiting(job.id, Reason.SESSION_OVER, "L8")
        if not self.now.online:
            return Waiting(job.id, Reason.BACKEND_OFFLINE, "S10")
        return Waiting(job.id, Reason.QUEUE_PAUSED, "S10") if self.now.paused else None

    def _window(self, job: QueuedJob) -> Waiting | None:
        window = obstacle(self.now.windows, job, self.now.now)
        if window is None or (isinstance(self.next, Start) and self.next.job.id == job.id):
            return None
        if window.contains(self.now.now):
            return Waiting(job.id, Reason.WINDOW_OF_OTHERS, "S3", _window(window), window.end)
        return Waiting(job.id, Reason.WINDOW_AHEAD, "W2", _window(window), window.end)

    def _turn(self, job: QueuedJob) -> Waiting | None:
        running = self.now.running
        if isinstance(self.next, Start) and self.next.job.id == job.id:
            if running is None:
                return Waiting(job.id, Reason.NEXT, self.next.rule)
            kind = Kind.JOB if running.instance is not None else Kind.SYSTEM_JOB
            return Waiting(job.id, Reason.RUNNING_JOB, "S1", Blocker(kind, running.id, running.instance))
        if isinstance(self.next, Start) and self.next.rule == "S2":
            blocker = Blocker(Kind.SYSTEM_JOB, self.next.job.id, None)
            return Waiting(job.id, Reason.SYSTEM_JOB, "S2", blocker)
        return None

    def _session(self, job: QueuedJob) -> Waiting | None:
        active = self.now.active
        if active is None or not (isinstance(self.next, Hold) or self.next.rule == "S4"):
            return None
        if job.session == active.id and active.head is not None:
            blocker = Blocker(Kind.JOB, active.head.id, active.head.instance)
            return Waiting(job.id, Reason.OLDER_JOB_OF_SESSION, "S4", blocker)
        if isinstance(self.next, Hold) and not _runs_for(active, self.now):
            return Waiting(job.id, Reason.SESSION_HOLDS, self.next.rule, _session(active), self.next.until)
        return Waiting(job.id, Reason.SESSION_ACTIVE, "S4", _session(active), active.ends_at)

    def _share(self, job: QueuedJob) -> Waiting:
        chosen = self.next.job if isinstance(self.next, Start) else None
        window = current(self.now.windows, self.now.now)
        if window is not None and self.next.rule == "S9":
            return Waiting(job.id, Reason.RESERVED_JOB, "S9", _window(window), window.end)
        front = self.fronts.get((job.instance, job.user))
        if front is not None and submission_order(front) < submission_order(job):
            return Waiting(job.id, Reason.OLDER_JOB_OF_USER, "F3", _job(front))
        if chosen is None:
            return Waiting(job.id, Reason.NEXT, "S7")
        rule = "F3" if chosen.instance == job.instance else "F2"
        return Waiting(job.id, Reason.FAIR_SHARE, rule, _job(chosen))


def _without_running(snapshot: Snapshot) -> Snapshot:
    """The backend as if its job had just ended; if it was a session's last one, the ITTL has begun (L5)."""
    active = snapshot.active
    if active is not None and active.head is None and _runs_for(active, snapshot):
        active = replace(active, interactive_deadline=snapshot.now + active.interactive_ttl)
    return replace(snapshot, running=None, active=active)


def _runs_for(active: ActiveSession, snapshot: Snapshot) -> bool:
    return snapshot.running is not None and snapshot.running.session == active.id


def _job(job: QueuedJob) -> Blocker:
    return Blocker(Kind.JOB, job.id, job.instance)


def _session(session: ActiveSession) -> Blocker:
    return Blocker(Kind.SESSION, session.id, session.instance)


def _window(window: Window) -> Blocker:
    return Blocker(Kind.WINDOW, window.id, window.instance)
