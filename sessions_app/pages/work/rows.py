"""What a row of the Jobs page shows, read with a few statements for all rows."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from quantumsvc.accounts.models import Instance, User
from quantumsvc.scheduling.forecast import Expectation
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.scheduling.timers import max_ttl_deadline
from quantumsvc.scheduling.words import sentence
from reservations_app.models import Window, WindowKind
from sessions_app.bodies import used_seconds
from sessions_app.models import Job, Session
from sessions_app.pages.reading import visible_jobs, visible_sessions
from sessions_app.pages.rows import JobRow, SessionRow, job_row, session_rows
from sessions_app.pages.strips import windows_of
from sessions_app.pages.words import duration
from sessions_app.pages.work.filters import JOBS, SESSIONS
from sessions_app.pages.work.finding import Found
from sessions_app.services.waiting import lineup, reasons


@dataclass(frozen=True)
class JobLine:
    """One job. ``why`` says why it waits, without names that the reader may not see; else it is empty.

    ``expected`` tells nothing of a job that does not wait, and when nobody asked for forecasts.
    """

    row: JobRow
    why: str
    may_cancel: bool
    expected: Expectation
    kind: str = "job"


@dataclass(frozen=True)
class SessionLine:
    """One session or batch. Moments are None while their timer does not run."""

    row: SessionRow
    holder: str
    idles_at: datetime | None
    closes_at: datetime | None
    limit: str
    used: str
    kind: str = "session"


Line = JobLine | SessionLine


@dataclass(frozen=True)
class Reader:
    """Who reads: the instances they see, those in which they may change something, if they want forecasts."""

    user: User
    instances: Sequence[Instance]
    writes_in: Collection[int]
    wants_forecasts: bool = False

    @property
    def visible(self) -> set[str]:
        return {str(each.pk) for each in self.instances}


def lines(found: Sequence[Found], reader: Reader, now: datetime) -> list[Line]:
    """The rows of a page in its order; one that vanished since it was found is left out."""
    of_jobs, of_sessions = _idents(found, JOBS), _idents(found, SESSIONS)
    jobs = list(visible_jobs(reader.user).filter(pk__in=of_jobs)) if of_jobs else []
    sessions = list(visible_sessions(reader.user).filter(pk__in=of_sessions)) if of_sessions else []
    job_lines, session_lines = _job_lines(jobs, reader, now), _session_lines(sessions, reader, now)
    known: dict[str, dict[str, Any]] = {JOBS: job_lines, SESSIONS: session_lines}
    return [known[each.kind][each.ident] for each in found if each.ident in known[each.kind]]


def _idents(found: Iterable[Found], wanted: str) -> list[str]:
    return [each.ident for each in found if each.kind == wanted]


def _job_lines(jobs: Collection[Job], reader: Reader, now: datetime) -> dict[str, JobLine]:
    queued = [job for job in jobs if job.state == JobState.QUEUED]
    waiting = reasons(queued, now)
    expected = _expectations(queued, now) if reader.wants_forecasts else {}
    zone = timezone.get_current_timezone()
    visible = reader.visible
    why = {ident: sentence(each, visible, now, zone) for ident, each in waiting.items()}
    return {
        job.pk: JobLine(
            job_row(job, now),
            why.get(job.pk, ""),
            may_cancel=not job.is_terminal and job.instance_id in reader.writes_in,
            expected=expected.get(job.pk, Expectation()),
        )
        for job in jobs
    }


def _expectations(queued: Iterable[Job], now: datetime) -> dict[str, Expectation]:
    """When each of them starts, by one forecast for each backend among them (E1)."""
    backends = {job.backend_id: job.backend for job in queued}.values()
    lines = [entry for backend in backends for entry in lineup(backend, now).jobs]
    return {entry.id: told.expectation for entry, told in lines}


def _session_lines(sessions: Sequence[Session], reader: Reader, now: datetime) -> dict[str, SessionLine]:
    wanted = {each.backend_id for each in sessions if each.state != SessionState.CLOSED}
    holders = _holders(wanted, reader, now)
    return {row.session.pk: _session_line(row, holders, now) for row in session_rows(sessions)}


def _session_line(row: SessionRow, holders: dict[int, str], now: datetime) -> SessionLine:
    session = row.session
    is_open = session.state != SessionState.CLOSED
    own = session.state == SessionState.ACTIVE
    return SessionLine(
        row,
        holder=(_holds(session) if own else holders.get(session.backend_id, "free")) if is_open else "",
        idles_at=session.interactive_deadline if is_open else None,
        closes_at=max_ttl_deadline(session.facts()) if is_open else None,
        limit=duration(session.max_ttl),
        used=duration(used_seconds(session, now, row.quantum_seconds)),
    )


def _holds(session: Session) -> str:
    return "held by this session" if session.mode == SessionMode.DEDICATED else "this batch goes first"


def _holders(backends: Collection[int], reader: Reader, now: datetime) -> dict[int, str]:
    """Who has each backend at this moment, as far as the reader may know."""
    if not backends:
        return {}
    visible = {each.pk for each in reader.instances}
    running = Job.objects.filter(backend__in=backends, state=JobState.RUNNING).order_by()
    active = Session.objects.filter(backend__in=backends, state=SessionState.ACTIVE).order_by()
    windows = windows_of(list(backends), reader.user, now, now + timedelta(microseconds=1))
    told = {window.backend_id: _kept_for(window, visible) for window in windows}
    for kind, rows in (("job", running), ("session", active)):
        for backend, ident, instance in rows.values_list("backend_id", "pk", "instance_id"):
            whose = f"{kind} {ident}" if instance in visible else f"a {kind} of another instance"
            told[backend] = f"busy with {whose}"
    return told


def _kept_for(window: Window, visible: Collection[int]) -> str:
    if window.instance is None:
        return "offline" if window.kind == WindowKind.OFFLINE else f"in {window.get_kind_display().lower()}"
    return f"reserved for {window.instance.name if window.instance_id in visible else 'another instance'}"
