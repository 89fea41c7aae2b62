"""Work as its users think of it: a session with all its jobs is one thing, a job in no session another.

Both kinds are read along their own index, newest or oldest first, and merged.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from django.db.models import CharField, Func, Q, QuerySet, Sum

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import BackendKind
from quantumsvc.scheduling.states import Cause, JobState, SessionMode, SessionState
from sessions_app.models import Job, Session

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9A-Za-z_-]{1,36})")


class Mode(StrEnum):
    """What a workload is."""

    JOB = "job"
    SESSION = "session"
    BATCH = "batch"


class Status(StrEnum):
    """How it stands with a workload."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"


_CANCELLED = Q(close_cause=Cause.SESSION_CANCELLED.value) | Q(close_cause=Cause.FIRST_JOB_CANCELLED.value)
_CLOSED = Q(state=SessionState.CLOSED.value)
_JOBS = {
    Status.PENDING: Q(state=JobState.QUEUED.value),
    Status.IN_PROGRESS: Q(state=JobState.RUNNING.value),
    Status.COMPLETED: Q(state=JobState.COMPLETED.value),
    Status.CANCELED: Q(state=JobState.CANCELLED.value),
    Status.FAILED: Q(state=JobState.FAILED.value),
}
# A session does not fail; its jobs do.
_SESSIONS = {
    Status.PENDING: Q(state=SessionState.OPEN.value) | Q(state=SessionState.INACTIVE.value),
    Status.IN_PROGRESS: Q(state=SessionState.ACTIVE.value),
    Status.COMPLETED: _CLOSED & ~_CANCELLED,
    Status.CANCELED: _CLOSED & _CANCELLED,
}
_MODES = {Mode.SESSION: SessionMode.DEDICATED, Mode.BATCH: SessionMode.BATCH}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workload stands among the others: by when it was made, then by its id."""

    at: datetime
    ident: str

    @classmethod
    def read(cls, cursor: str) -> Self:
        """The place that a cursor names. Raises ValueError."""
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise ValueError
        return cls(_EPOCH + timedelta(microseconds=int(match[1])), match[2])

    @property
    def cursor(self) -> str:
        """As it is written in an address."""
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.ident}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which workloads of an instance are asked for; an empty filter lets everything in.

    ``since`` and ``until`` are about when they were made, both included. A session has the tags of its jobs.
    """

    instance: Instance
    reader: User
    mine: bool = False
    statuses: Sequence[Status] = ()
    modes: Sequence[Mode] = ()
    tags: Sequence[str] = ()
    backend: str = ""
    search: str = ""
    since: datetime | None = None
    until: datetime | None = None
    mocks: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One of them; ``seconds`` is what it has used of the backend until now."""

    row: Job | Session
    tags: Sequence[str]
    seconds: float

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.row.created_at, self.row.pk)

    @property
    def mode(self) -> Mode:
        """What it is."""
        if isinstance(self.row, Job):
            return Mode.JOB
        return Mode.BATCH if self.row.mode == SessionMode.BATCH else Mode.SESSION

    @property
    def status(self) -> Status:
        """How it stands with it."""
        if isinstance(self.row, Job):
            return _STATUS_OF_JOB[JobState(self.row.state)]
        if self.row.state != SessionState.CLOSED:
            active = self.row.state == SessionState.ACTIVE
            return Status.IN_PROGRESS if active else Status.PENDING
        cancelled = self.row.close_cause in (Cause.SESSION_CANCELLED, Cause.FIRST_JOB_CANCELLED)
        return Status.CANCELED if cancelled else Status.COMPLETED


_STATUS_OF_JOB = {
    JobState.QUEUED: Status.PENDING,
    JobState.RUNNING: Status.IN_PROGRESS,
    JobState.COMPLETED: Status.COMPLETED,
    JobState.CANCELLED: Status.CANCELED,
    JobState.FAILED: Status.FAILED,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, in the order asked for, and whether there is more on either side."""

    found: list[Workload]
    more_before: bool
    more_after: bool


def count_of(asked: Question) -> int:
    """How many there are in all."""
    return _jobs(asked).count() + _sessions(asked).count()


def part_of(
    asked: Question, *, limit: int, now: datetime, oldest_first: bool, place: Place | None, back: bool = False
) -> Part:
    """Those next to ``place``, after it or, going ``back``, before it; without one, the first."""
    ascending = oldest_first != back
    keys = [key for rows in (_jobs(asked), _sessions(asked)) for key in _keys(rows, place, ascending, limit)]
    keys.sort(reverse=not ascending)
    beyond = len(keys) > limit
    chosen = keys[:limit][::-1] if back else keys[:limit]
    found = _read([ident for _, ident in chosen], now)
    if back:
        return Part(found, beyond, True)
    return Part(found, place is not None, beyond)


def tags_in_use(jobs: QuerySet[Job], text: str, limit: int) -> list[str]:
    """The tags of these jobs that hold ``text`` in any case, in the order of the alphabet."""
    rows = jobs.filter(tags__icontains=text) if text else jobs.exclude(tags=[])
    each = Func("tags", function="unnest", output_field=CharField(), set_returning=True)
    tags = rows.order_by().annotate(tag=each).values_list("tag", flat=True).distinct()
    # Other tags of the same jobs come with them.
    return sorted(tag for tag in tags if text.lower() in tag.lower())[:limit]


def _keys(
    rows: QuerySet[Job] | QuerySet[Session], place: Place | None, ascending: bool, limit: int
) -> list[tuple[datetime, str]]:
    if place is not None:
        word = "gt" if ascending else "lt"
        same = Q(created_at=place.at, **{f"pk__{word}": place.ident})
        rows = rows.filter(Q(**{f"created_at__{word}": place.at}) | same)
    order = ("created_at", "pk") if ascending else ("-created_at", "-pk")
    return list(rows.order_by(*order).values_list("created_at", "pk")[: limit + 1])


def _jobs(asked: Question) -> QuerySet[Job]:
    rows = Job.objects.visible_to(asked.reader).filter(instance=asked.instance, session=None)
    if asked.modes and Mode.JOB not in asked.modes:
        return rows.none()
    if asked.search:
        rows = rows.filter(Q(pk__icontains=asked.search) | Q(tags__icontains=asked.search))
    if asked.tags:
        rows = rows.filter(tags__contains=list(asked.tags))
    return rows.filter(_common(asked), _in_status(asked, _JOBS))


def _sessions(asked: Question) -> QuerySet[Session]:
    rows = Session.objects.visible_to(asked.reader).filter(instance=asked.instance)
    if asked.modes:
        rows = rows.filter(mode__in=[_MODES[mode].value for mode in asked.modes if mode in _MODES])
    jobs = Job.objects.visible_to(asked.reader).filter(instance=asked.instance, session__isnull=False)
    if asked.search:
        tagged = jobs.filter(tags__icontains=asked.search).values("session_id")
        rows = rows.filter(Q(pk__icontains=asked.search) | Q(pk__in=tagged))
    for tag in asked.tags:
        rows = rows.filter(pk__in=jobs.filter(tags__contains=[tag]).values("session_id"))
    return rows.filter(_common(asked), _in_status(asked, _SESSIONS))


def _in_status(asked: Question, conditions: dict[Status, Q]) -> Q:
    if not asked.statuses:
        return Q()
    found = Q(pk__in=())
    for status in asked.statuses:
        found |= conditions.get(status, Q(pk__in=()))
    return found


def _common(asked: Question) -> Q:
    found = Q() if asked.mocks else ~Q(backend__kind=BackendKind.MOCK.value)
    if asked.mine:
        found &= Q(user=asked.reader)
    if asked.backend:
        found &= Q(backend__name=asked.backend)
    if asked.since:
        found &= Q(created_at__gte=asked.since)
    if asked.until:
        found &= Q(created_at__lte=asked.until)
    return found


def _read(idents: Sequence[str], now: datetime) -> list[Workload]:
    """The rows of these ids, in this order; what sessions hold is read for all of them at once."""
    alone = Job.objects.filter(pk__in=idents, session=None)
    jobs = alone.select_related("backend").defer("backend__configuration").in_bulk()
    others = Session.objects.filter(pk__in=[each for each in idents if each not in jobs])
    sessions = others.select_related("backend").defer("backend__configuration").in_bulk()
    inside = Job.objects.filter(session__in=sessions)
    tags = _tags(inside)
    rows = inside.order_by().values("session_id").annotate(total=Sum("quantum_seconds"))
    ran = {row["session_id"]: float(row["total"] or 0) for row in rows}
    found: list[Workload] = []
    for ident in idents:
        if ident in jobs:
            found.append(Workload(jobs[ident], jobs[ident].tags, jobs[ident].quantum_seconds))
        elif ident in sessions:
            held = sessions[ident]
            found.append(Workload(held, tags[ident], _seconds(held, ran.get(ident, 0.0), now)))
    return found


def _tags(jobs: QuerySet[Job]) -> dict[str, list[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    rows: Iterable[tuple[str | None, list[str]]] = (
        jobs.filter(deleted_at=None).exclude(tags=[]).order_by().values_list("session_id", "tags").distinct()
    )
    for session, tags in rows:
        found[str(session)].update(tags)
    return defaultdict(list, {session: sorted(tags) for session, tags in found.items()})


def _seconds(session: Session, ran: float, now: datetime) -> float:
    """L17: a dedicated session's time while active; a batch's, the time its jobs ran."""
    if session.mode == SessionMode.BATCH:
        return ran
    running = session.state == SessionState.ACTIVE and session.activated_at
    return session.active_seconds + ((now - running).total_seconds() if running else 0.0)
