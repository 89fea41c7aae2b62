"""When each waiting job is expected to start: the same rules run forward on the present queue (E1).

Nobody knows how long jobs run and whether an idle session comes back, so three futures are played: jobs
are short and idle sessions are gone; jobs are as expected and idle sessions keep the backend for their
ITTL; jobs are long and idle sessions come back until their max TTL. Nothing new is submitted in any of
them, and no time used leaves the rolling window: the forecast reaches minutes to hours, not weeks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import ActiveSession, RunningJob, Snapshot
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.scheduling.timeline import Timeline
from quantumsvc.scheduling.world import World

# Any number of seconds will do: only the deadline that it leads to is known, and used.
_SOME_TTL = 1_000_000
_ALWAYS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSession:
    """A session that is not active and has waiting jobs. ``ends_at``: its max TTL deadline, once started."""

    id: str
    instance: str
    user: str
    mode: SessionMode
    accepting_jobs: bool = True
    interactive_ttl: int
    max_ttl: int
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a job may run."""

    low: timedelta
    likely: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a job is expected to start, and the how manieth it is to do so. ``None``: not foreseeable."""

    place: int | None = None
    earliest: datetime | None = None
    likely: datetime | None = None
    latest: datetime | None = None


class Future(Enum):
    """What jobs and idle sessions do: which estimate holds, and for how long an ITTL lasts."""

    SHORT = "low"
    EXPECTED = "likely"
    LONG = "high"

    def interactive_ttl(self, seconds: int) -> int:
        """The seconds for which an idle session keeps the backend in this future."""
        return {Future.SHORT: 0, Future.EXPECTED: seconds, Future.LONG: _ALWAYS}[self]


def forecast(
    snapshot: Snapshot,
    queue: Sequence[QueuedJob],
    estimates: Mapping[str, Estimate] | None = None,
    sessions: Sequence[WaitingSession] = (),
    *,
    only: str | None = None,
) -> dict[str, Expectation]:
    """What to expect of each job in ``queue``, which holds the waiting jobs that are to be considered.

    System jobs are foreseen too: they share the places.

    A job without an estimate takes what it is expected to take. A job of a session that is neither
    active nor in ``sessions`` is taken to stand alone. With ``only``, the run ends when that job
    has started, and says nothing of those after it.
    """
    known = estimates or {}
    played = [starts(snapshot, queue, known, sessions, future, only=only) for future in Future]
    places = {ident: place for place, ident in enumerate(played[1], start=1)}
    told = [job.id for job in (*queue, *snapshot.system)]
    return {ident: _expectation(places.get(ident), [each.get(ident) for each in played]) for ident in told}


def _expectation(place: int | None, times: list[datetime | None]) -> Expectation:
    """A longer job can let another one start earlier; so the three futures are put in order."""
    ordered = sorted(start for start in times if start is not None)
    if len(ordered) < len(times):
        return Expectation(place, min(ordered, default=None), times[1], None)
    return Expectation(place, *ordered)


def starts(
    snapshot: Snapshot,
    queue: Sequence[QueuedJob],
    estimates: Mapping[str, Estimate],
    sessions: Sequence[WaitingSession] = (),
    future: Future = Future.EXPECTED,
    *,
    only: str | None = None,
) -> dict[str, datetime]:
    """The first start of each job that starts, in that order, if this future comes.

    System jobs are among them, and what runs now if it has to give way and to start anew (W2).
    """
    begins: dict[str, datetime] = {}

    def lasts(work: Work) -> timedelta:
        estimate = estimates.get(work.entry.id)
        return work.entry.expected if estimate is None else getattr(estimate, future.value)

    def started(work: Work, now: datetime) -> None:
        begins.setdefault(work.entry.id, now)
        if work.entry.id == only:
            timeline.stop()

    world = world_of(snapshot, queue, sessions, future)
    timeline = Timeline(world, snapshot.now, lasts, started=started)
    if world.running is not None:
        began = world.running.started_at or snapshot.now
        timeline.end_running_at(max(began + lasts(world.running), snapshot.now))
    timeline.run()
    return begins


def world_of(
    snapshot: Snapshot,
    queue: Sequence[QueuedJob],
    sessions: Sequence[WaitingSession] = (),
    future: Future = Future.EXPECTED,
) -> World:
    """A world that stands as the snapshot does, with this queue."""
    world = World(snapshot.books.counting(snapshot.meters, snapshot.now).copy(), snapshot.windows)
    world.online, world.paused = snapshot.online, snapshot.paused
    world.drains = snapshot.drains
    for each in sessions:
        world.open_session(_waiting(each, snapshot.now, future))
    if snapshot.active is not None:
        world.active = _active(snapshot.active, snapshot.now, future)
        world.open_session(world.active)
    for job in snapshot.system:
        world.submit_system(job)
    for job in queue:
        _bar(world, job)
        world.admit(job if job.session in world.sessions else replace(job, session=None))
    if snapshot.running is not None:
        _resume(world, snapshot.running, snapshot.now)
    return world


def _bar(world: World, job: QueuedJob) -> None:
    if job.barred is not None:
        world.turns.barred[job.instance, job.user] = job.barred


def _waiting(session: WaitingSession, now: datetime, future: Future) -> Sitting:
    started = session.ends_at - timedelta(seconds=session.max_ttl) if session.ends_at else None
    return Sitting(
        id=session.id,
        instance=session.instance,
        user=session.user,
        mode=session.mode,
        max_ttl=session.max_ttl,
        interactive_ttl=future.interactive_ttl(session.interactive_ttl),
        created_at=now,
        state=SessionState.INACTIVE if started else SessionState.OPEN,
        accepting_jobs=session.accepting_jobs,
        started_at=started,
    )


def _active(session: ActiveSession, now: datetime, future: Future) -> Sitting:
    ttl = future.interactive_ttl(int(session.interactive_ttl.total_seconds()))
    deadline = session.interactive_deadline
    if deadline is not None and future is not Future.EXPECTED:
        deadline = now + timedelta(seconds=ttl)
    return Sitting(
        id=session.id,
        instance=session.instance,
        user=session.user,
        mode=session.mode,
        max_ttl=_SOME_TTL,
        interactive_ttl=ttl,
        created_at=now,
        state=SessionState.ACTIVE,
        accepting_jobs=session.accepting_jobs,
        started_at=session.ends_at - timedelta(seconds=_SOME_TTL),
        activated_at=now,
        interactive_deadline=deadline,
    )


def _resume(world: World, running: RunningJob, now: datetime) -> None:
    """Put the running job into the world; what it has used so far is in the books already (F4)."""
    sitting = world.sessions.get(running.session or "")
    entry = QueuedJob(
        id=running.id,
        submitted_at=running.submitted_at or running.started_at,
        session=sitting.id if sitting else None,
        instance=running.instance or "",
        user=running.user,
        expected=running.expected,
    )
    work = Work(entry, JobState.RUNNING, running.started_at)
    if running.instance is None:
        world.system[entry.id] = work
    elif sitting is None or not sitting.pays:
        work.unpaid_since = now
    if sitting is not None:
        sitting.running += 1
    world.jobs[entry.id] = world.running = work
