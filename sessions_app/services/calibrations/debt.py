"""How overdue a calibration is, and what held the device meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JobState, SessionState, WindowState
from quantumsvc.wire.times import iso_z
from reservations_app.models import Window
from sessions_app.models import CalibrationRun, Job, Session

MOST_HOLDS = 50


@dataclass(frozen=True, slots=True)
class Hold:
    """What had the device for a while. ``instance`` is whose it was; ``None``: the operator's."""

    what: str
    ident: str
    instance: int | None
    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """For how long."""
        return (self.until - self.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Debt:
    """A calibration was due at ``due_at`` and had not begun until ``until``."""

    due_at: datetime
    until: datetime
    holds: tuple[Hold, ...]

    @property
    def seconds(self) -> float:
        """How overdue it is, or was when it began; 0 while it is not due."""
        return max((self.until - self.due_at).total_seconds(), 0.0)

    def told(self, visible: set[int]) -> dict[str, Any]:
        """For a reader who sees the instances in ``visible``: of others, that they had it and how long."""
        return {
            "seconds": round(self.seconds, 3),
            "held_by": [
                _told(hold, hold.instance is None or hold.instance in visible) for hold in self.holds
            ],
        }


def _told(hold: Hold, seen: bool) -> dict[str, Any]:
    return {
        "what": hold.what,
        "id": hold.ident if seen else None,
        "since": iso_z(hold.since),
        "until": iso_z(hold.until),
        "seconds": round(hold.seconds, 3),
    }


def debt_of(run: CalibrationRun, now: datetime) -> Debt:
    """The debt of one calibration; one that was given up owes until then."""
    job = run.job
    until = min(job.started_at or job.finished_at or now, now)
    if until <= run.due_at:
        return Debt(run.due_at, until, ())
    found = [
        *_jobs(run, until),
        *_sessions(run.backend, run.due_at, until),
        *_windows(run, until),
        *_closed(run, until),
    ]
    clipped = sorted(found, key=lambda hold: (hold.since, hold.what))
    return Debt(run.due_at, until, tuple(clipped[:MOST_HOLDS]))


def _clip(
    what: str,
    ident: str,
    instance: int | None,
    span: tuple[datetime, datetime | None],
    run: tuple[datetime, datetime],
) -> Hold:
    since, until = max(span[0], run[0]), min(span[1] or run[1], run[1])
    return Hold(what, ident, instance, since, until)


def _jobs(run: CalibrationRun, until: datetime) -> list[Hold]:
    rows = Job.objects.filter(backend_id=run.backend_id, started_at__lt=until).exclude(pk=run.job_id)
    ran = rows.filter(Q(finished_at__gt=run.due_at) | Q(state=JobState.RUNNING)).order_by("started_at")
    return [
        _clip(
            "calibration" if job.is_system else "job",
            job.pk,
            None if job.is_system else job.instance_id,
            (job.started_at, job.finished_at),
            (run.due_at, until),
        )
        for job in ran[:MOST_HOLDS]
        if job.started_at is not None
    ]


def _sessions(backend: Backend, since: datetime, until: datetime) -> list[Hold]:
    rows = Session.objects.filter(backend=backend, started_at__lt=until, mode="dedicated")
    open_then = rows.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=since)).prefetch_related("events")
    return [
        _clip("session", session.pk, session.instance_id, span, (since, until))
        for session in open_then[:MOST_HOLDS]
        for span in _active_spans(session)
        if span[0] < until and (span[1] is None or span[1] > since)
    ]


def _active_spans(session: Session) -> list[tuple[datetime, datetime | None]]:
    spans: list[tuple[datetime, datetime | None]] = []
    began: datetime | None = None
    for event in session.events.all():
        if event.target == SessionState.ACTIVE:
            began = event.at
        elif began is not None:
            spans.append((began, event.at))
            began = None
    return [*spans, (began, None)] if began is not None else spans


def _windows(run: CalibrationRun, until: datetime) -> list[Hold]:
    """Not the calibration's own window, which nobody else had."""
    rows = Window.objects.filter(backend_id=run.backend_id).exclude(state=WindowState.CANCELLED)
    held = rows.exclude(pk=run.window_id or "").overlapping(run.due_at, until).order_by("starts_at")
    return [
        _clip(
            window.kind,
            window.pk,
            window.instance_id,
            (window.starts_at, window.released_at or window.ends_at),
            (run.due_at, until),
        )
        for window in held[:MOST_HOLDS]
    ]


def _closed(run: CalibrationRun, until: datetime) -> list[Hold]:
    """That the backend is offline is known for the present only."""
    if run.job.state != JobState.QUEUED or run.backend.is_online:
        return []
    return [Hold("offline", run.backend.name, None, run.due_at, until)]
