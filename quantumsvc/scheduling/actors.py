"""Jobs and sessions of a world in virtual time: the mutable counterparts of stored rows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.states import JOB_MOVES, SESSION_MOVES, JobState, SessionMode, SessionState
from quantumsvc.scheduling.timers import SessionFacts
from quantumsvc.scheduling.turns import Line


class ForbiddenMove(Exception):
    """A state was to be followed by one that never follows it (J1)."""


@dataclass(slots=True)
class Work:
    """One job. ``unpaid_since`` is set while its running time is its own to pay, not its session's (L17)."""

    entry: QueuedJob
    state: JobState = JobState.QUEUED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    unpaid_since: datetime | None = None
    lost_attempts: int = 0
    attempts: int = 0

    def move(self, target: JobState) -> None:
        """Change the state as the table of moves allows."""
        if target not in JOB_MOVES[self.state]:
            raise ForbiddenMove(f"job {self.entry.id}: {self.state} to {target}")
        self.state = target


@dataclass(slots=True, kw_only=True)
class Sitting:
    """One session. Durations are whole seconds."""

    id: str
    instance: str
    user: str
    mode: SessionMode
    max_ttl: int
    interactive_ttl: int
    created_at: datetime
    unused_ttl: int = 0
    state: SessionState = SessionState.OPEN
    accepting_jobs: bool = True
    started_at: datetime | None = None
    activated_at: datetime | None = None
    closed_at: datetime | None = None
    interactive_deadline: datetime | None = None
    first_job: str = ""
    running: int = 0
    line: Line = field(default_factory=Line)

    def move(self, target: SessionState) -> None:
        """Change the state as the table of moves allows."""
        if target not in SESSION_MOVES[self.state]:
            raise ForbiddenMove(f"session {self.id}: {self.state} to {target}")
        self.state = target

    @property
    def pays(self) -> bool:
        """L17: whether the session is charged for its time, and not its jobs for theirs."""
        return self.mode is SessionMode.DEDICATED

    @property
    def ends_at(self) -> datetime | None:
        """L3: the max TTL deadline, once the first job has started."""
        return self.started_at + timedelta(seconds=self.max_ttl) if self.started_at else None

    def facts(self) -> SessionFacts:
        """What the timers need to know."""
        return SessionFacts(
            state=self.state,
            accepting_jobs=self.accepting_jobs,
            created_at=self.created_at,
            max_ttl=self.max_ttl,
            interactive_ttl=self.interactive_ttl,
            started_at=self.started_at,
            interactive_deadline=self.interactive_deadline,
            unused_ttl=self.unused_ttl,
            has_jobs=bool(self.first_job),
        )
