"""Why a job waits, at which place, and when it is expected to start (E1).

The answer comes from the rules that decide: the kernel explains and forecasts on the same snapshot.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.explain import Waiting, explain
from quantumsvc.scheduling.forecast import Estimate, Expectation, WaitingSession, forecast
from quantumsvc.scheduling.queued import Bar, QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.scheduling.timers import max_ttl_deadline
from quantumsvc.scheduling.words import blocker_for, sentence
from quantumsvc.statements import Statement, run
from sessions_app.models import Job, Session
from sessions_app.services.columns import JOB_COLUMNS, RUN_TIME
from sessions_app.services.held import windows_of
from sessions_app.services.limits import Resumptions, over_limit
from sessions_app.services.lives import settle_overdue
from sessions_app.services.queue import front_of, read_turns
from sessions_app.services.snapshots import Surroundings

# The forecast plays through so many of the oldest waiting jobs; of those behind, nothing is foreseen.
HORIZON = 1_000
# The id of a job that nobody has submitted; no other has it, since it is no id.
IMAGINED = "a job of yours"
# And so far ahead it knows of windows.
FORESEEN = timedelta(days=60)
# Where nothing is known of a program, its jobs may take between these parts of their limit.
UNKNOWN = (0.01, 0.2, 1.0)

# How long what is known of says that a job runs: its user's jobs of the program, else everybody's.
_ENTRIES = f"""
SELECT {JOB_COLUMNS}, coalesce(own.mean, r.mean), coalesce(own.deviation, r.deviation),
    i.is_active, u.is_active, j.max_seconds, j.ran_at_least
FROM sessions_app_job j
JOIN accounts_instance i ON i.id = j.instance_id
JOIN accounts_user u ON u.id = j.user_id
{RUN_TIME}
"""
_SOME = f"{_ENTRIES} WHERE j.id = ANY(%s) AND j.state = 'queued'"
_RUNNING = f"{_ENTRIES} WHERE j.backend_id = %s AND j.state = 'running'"
_QUEUE = f"""{_ENTRIES}
WHERE j.backend_id = %s AND j.state = 'queued' AND NOT j.is_system ORDER BY j.created_at, j.id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to say of one waiting job."""

    waiting: Waiting
    expectation: Expectation

    def told(self, visible: Collection[str], now: datetime) -> dict[str, Any]:
        """For a reader who may see the instances in ``visible``: no other tenant's names."""
        blocker = blocker_for(self.waiting.blocker, visible)
        return {
            "place": self.expectation.place,
            "reason": self.waiting.reason.value,
            "rule": self.waiting.rule,
            "message": sentence(self.waiting, visible, now),
            "until": self.waiting.until,
            "blocked_by": {"kind": blocker.kind.value, "id": blocker.id or None} if blocker else None,
            "expected_start": {
                "earliest": self.expectation.earliest,
                "likely": self.expectation.likely,
                "latest": self.expectation.latest,
            },
        }


@transaction.atomic
def outlook(job: Job, now: datetime) -> Outlook | None:
    """Why ``job`` waits and when it may start; ``None`` when it does not wait (any more)."""
    settle_overdue(now, backend_id=job.backend_id)
    over = over_limit(now)
    queue, estimates = _queue(job.backend_id, over)
    entry = next((each for each in queue if each.id == job.pk), None) or _entry(job, over)
    if not Job.objects.filter(pk=job.pk, state=JobState.QUEUED).exists():
        return None
    snapshot = present(job.backend, now)
    foreseen = forecast(snapshot, queue, estimates, _sessions(job.backend_id), only=job.pk)
    waiting = explain(snapshot, [entry])[job.pk]
    return Outlook(waiting, foreseen.get(job.pk, Expectation()))


@transaction.atomic
def reasons(jobs: Collection[Job], now: datetime) -> dict[str, Waiting]:
    """Why each of some waiting jobs waits; those that do not wait any more are left out.

    Overdue sessions must have been settled. Costs a few statements for each backend among them.
    """
    rows = run(Statement(_SOME, [[job.pk for job in jobs]]))[0] if jobs else []
    over = over_limit(now) if rows else {}
    entries = {row[0]: _queued(row, over) for row in rows}
    told: dict[str, Waiting] = {}
    for backend in {job.backend_id: job.backend for job in jobs if job.pk in entries}.values():
        of_backend = [entries[job.pk] for job in jobs if job.backend_id == backend.pk and job.pk in entries]
        told |= explain(present(backend, now), of_backend)
    return told


@dataclass(frozen=True, slots=True)
class Waiters:
    """Who waits for a backend: the oldest jobs, how long they may take, and sessions that are not active."""

    queue: list[QueuedJob]
    estimates: dict[str, Estimate]
    sessions: list[WaitingSession]


def waiters_of(backend_id: int, now: datetime) -> Waiters:
    """What a forecast needs besides the snapshot; overdue sessions must have been settled."""
    queue, estimates = _queue(backend_id, over_limit(now))
    return Waiters(queue, estimates, _sessions(backend_id))


@dataclass(frozen=True, slots=True)
class Lineup:
    """A backend's queue in the order in which it is expected to start; jobs not foreseen come last.

    ``is_cut``: there are more waiting jobs than were looked at. ``system``: what is expected of the system
    jobs, due or not, which share the places with ``jobs``.
    """

    jobs: tuple[tuple[QueuedJob, Outlook], ...]
    is_cut: bool = False
    system: tuple[Expectation, ...] = ()


@transaction.atomic
def lineup(backend: Backend, now: datetime) -> Lineup:
    """Every waiting job of a backend with its reason, its place and its expected start (E1)."""
    settle_overdue(now, backend_id=backend.pk)
    waiters = waiters_of(backend.pk, now)
    queue, snapshot = waiters.queue, present(backend, now)
    foreseen = forecast(snapshot, queue, waiters.estimates, waiters.sessions)
    reasons = explain(snapshot, queue)
    told = [(each, Outlook(reasons[each.id], foreseen[each.id])) for each in queue]
    told.sort(key=lambda pair: (pair[1].expectation.place or len(queue) + 1, submission_order(pair[0])))
    system = tuple(foreseen[each.id] for each in snapshot.system)
    return Lineup(tuple(told), len(queue) == HORIZON, system)


@transaction.atomic
def would_wait(backend: Backend, instance: Instance, user: User, now: datetime) -> Outlook:
    """What a job that the user submitted to the backend at this moment would wait for (E1)."""
    settle_overdue(now, backend_id=backend.pk)
    over = over_limit(now)
    queue, estimates = _queue(backend.pk, over)
    bar = _bar(instance_active=instance.is_active, user_active=user.is_active, is_over=instance.pk in over)
    entry = QueuedJob(
        id=IMAGINED,
        submitted_at=now,
        instance=str(instance.pk),
        user=str(user.pk),
        expected=timedelta(seconds=backend.default_execution_seconds),
        barred=bar,
        barred_until=over[instance.pk] if bar is Bar.INSTANCE_LIMIT else None,
    )
    snapshot = present(backend, now)
    snapshot = replace(snapshot, heads=(*snapshot.heads, entry))
    line = [*queue, entry]
    foreseen = forecast(snapshot, line, estimates, _sessions(backend.pk), only=entry.id)
    return Outlook(explain(snapshot, [entry])[entry.id], foreseen.get(entry.id, Expectation()))


def present(backend: Backend, now: datetime) -> Snapshot:
    """The backend's snapshot at this moment; its overdue sessions must have been settled."""
    active = Session.objects.filter(backend=backend, state=SessionState.ACTIVE).first()
    windows = windows_of(backend, now, FORESEEN)
    heads, books = read_turns(backend.pk, now, windows)
    here = Surroundings(backend, active, front_of(backend.pk, now), windows)
    return here.snapshot(now, heads, books)


def _queue(backend_id: int, over: Resumptions) -> tuple[list[QueuedJob], dict[str, Estimate]]:
    running, rows = run(Statement(_RUNNING, [backend_id]), Statement(_QUEUE, [backend_id, HORIZON]))
    # Of a running job of which nothing is known, its limit is a better guess than a part of it.
    known = [row for row in running if row[6] is not None]
    estimates = {row[0]: _estimate(row) for row in [*known, *rows]}
    return [_queued(row, over) for row in rows], estimates


def _queued(row: tuple[Any, ...], over: Resumptions) -> QueuedJob:
    bar = _bar(instance_active=row[8], user_active=row[9], is_over=row[3] in over)
    return QueuedJob(
        id=row[0],
        submitted_at=row[1],
        session=row[2],
        instance=str(row[3]),
        user=str(row[4]),
        expected=timedelta(seconds=row[5]),
        barred=bar,
        barred_until=over[row[3]] if bar is Bar.INSTANCE_LIMIT else None,
    )


def _bar(*, instance_active: bool, user_active: bool, is_over: bool) -> Bar | None:
    if not instance_active:
        return Bar.INSTANCE_INACTIVE
    if not user_active:
        return Bar.USER_SUSPENDED
    return Bar.INSTANCE_LIMIT if is_over else None


def _entry(job: Job, over: Resumptions) -> QueuedJob:
    is_over = job.instance_id in over
    bar = _bar(instance_active=job.instance.is_active, user_active=job.user.is_active, is_over=is_over)
    return QueuedJob(
        id=job.pk,
        submitted_at=job.created_at,
        session=job.session_id,
        instance=str(job.instance_id),
        user=str(job.user_id),
        expected=timedelta(seconds=job.max_seconds),
        barred=bar,
        barred_until=over[job.instance_id] if bar is Bar.INSTANCE_LIMIT else None,
    )


def _estimate(row: tuple[Any, ...]) -> Estimate:
    """No job runs beyond its limit, nor is one that had to give way done sooner than it had run (W2)."""
    mean, deviation, (limit, least) = row[6], row[7], row[10:]
    parts = [limit * part for part in UNKNOWN]
    if mean is not None:
        parts = [mean - 2 * deviation, mean, mean + 2 * deviation]
    return Estimate(*(timedelta(seconds=min(max(each, least, 0.0), limit)) for each in parts))


def _sessions(backend_id: int) -> list[WaitingSession]:
    waiting = Session.objects.filter(
        backend_id=backend_id,
        state__in=(SessionState.OPEN.value, SessionState.INACTIVE.value),
        jobs__state=JobState.QUEUED.value,
    )
    return [
        WaitingSession(
            id=each.pk,
            instance=str(each.instance_id),
            user=str(each.user_id),
            mode=SessionMode(each.mode),
            accepting_jobs=each.accepting_jobs,
            interactive_ttl=each.interactive_ttl,
            max_ttl=each.max_ttl,
            ends_at=max_ttl_deadline(each.facts()),
        )
        for each in waiting.distinct()[:HORIZON]
    ]
