"""What the templates show of a job or a session, worked out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db.models import Count, Q, Sum

from quantumsvc.scheduling.states import JobState, SessionState, session_words
from sessions_app.models import Job, JobEvent, Session, SessionEvent
from sessions_app.pages.words import cause_words, duration


@dataclass(frozen=True)
class JobRow:
    """One job in a table. Durations are words; empty when there is none.

    ``used`` is what it is charged; ``calibration`` is the set that it ran under, or while it waits the one
    under which it was sent.
    """

    job: Job
    waited: str
    ran: str
    limit: str
    used: str
    calibration: str


def job_row(job: Job, now: datetime) -> JobRow:
    """The job as it is at ``now``; how long it waited is told of the attempt that counts."""
    waited_until = job.started_at or job.finished_at or now
    ran = (job.finished_at or now) - job.started_at if job.started_at else None
    return JobRow(
        job=job,
        waited=duration((waited_until - job.created_at).total_seconds()),
        ran=duration(ran.total_seconds()) if ran is not None else "",
        limit=duration(job.max_seconds),
        used=duration(job.quantum_seconds) if job.quantum_seconds else "",
        calibration=job.calibration_run_id or job.calibration_submitted_id or "",
    )


def job_rows(jobs: Iterable[Job], now: datetime) -> list[JobRow]:
    return [job_row(job, now) for job in jobs]


@dataclass(frozen=True)
class Step:
    """One change of state: when, from what to what, and why. ``lasted`` is how long that state held."""

    event: JobEvent | SessionEvent
    cause: str
    lasted: str


def steps(events: Sequence[JobEvent | SessionEvent]) -> list[Step]:
    """A history, oldest first."""
    lasted = [duration((after.at - before.at).total_seconds()) for before, after in pairwise(events)]
    return [Step(event, cause_words(event), held) for event, held in zip(events, [*lasted, ""], strict=False)]


@dataclass(frozen=True)
class SessionRow:
    """One session in a table, with how many of its jobs wait, run and have ended, and what they used."""

    session: Session
    words: str
    queued: int = 0
    running: int = 0
    ended: int = 0
    quantum_seconds: float = 0.0


# What a deleted job used still counts; it itself does not.
_KEPT = Count("pk", filter=Q(deleted_at__isnull=True))


def session_rows(sessions: Sequence[Session]) -> list[SessionRow]:
    """The rows, counted with one query for all."""
    counts: dict[str, dict[str, int]] = {each.pk: {} for each in sessions}
    used: defaultdict[str, float] = defaultdict(float)
    found = Job.objects.filter(session__in=list(counts)).order_by()
    states = found.values_list("session_id", "state")
    for ident, state, number, seconds in states.annotate(number=_KEPT, seconds=Sum("quantum_seconds")):
        if ident is not None:
            counts[ident][state] = number
            used[ident] += seconds
    return [_session_row(each, counts[each.pk], used[each.pk]) for each in sessions]


def _session_row(session: Session, counts: dict[str, int], used: float) -> SessionRow:
    queued, running = counts.get(JobState.QUEUED, 0), counts.get(JobState.RUNNING, 0)
    return SessionRow(
        session=session,
        words=session_words(SessionState(session.state), session.accepting_jobs),
        queued=queued,
        running=running,
        ended=sum(counts.values()) - queued - running,
        quantum_seconds=used,
    )
