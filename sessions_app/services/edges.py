"""What the edges of windows do: begin and end on time, and to whom the backend belongs (W2-W7).

Each edge is carried out in one transaction that holds the backend's lease row, so that nobody starts or
ends a job meanwhile. The order of locks is lease, window, session, job. Everything is guarded: who comes
second finds nothing left to do.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Min

from quantumsvc import clock
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import backend_channel, ring
from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.overrun import next_overrun
from quantumsvc.scheduling.snapshot import RunningJob
from quantumsvc.scheduling.states import JobState, SessionState, WindowState
from quantumsvc.scheduling.windows import Window as HeldTime
from quantumsvc.scheduling.windows import WindowMode
from quantumsvc.statements import run
from reservations_app.models import Window, WindowCause
from reservations_app.services import life
from sessions_app.models import ChargeKind, Job, JobEvent, Session
from sessions_app.services.endings import make_way
from sessions_app.services.held import drains, window_from, windows_of
from sessions_app.services.leases import look_at
from sessions_app.services.ledger import Charge, charge
from sessions_app.services.lives import foresee, settle, settle_overdue
from sessions_app.services.usage import unused_seconds

logger = logging.getLogger(__name__)


def keep_windows(now: datetime) -> None:
    """Carry out every edge that is due, stop what fills a window for too long, release what is unused."""
    edge = life.next_edge()
    if edge is None:
        return
    due = [*life.due_to_begin(now), *life.due_to_finish(now)] if edge <= now else []
    lasting = Window.objects.filter(state=WindowState.ACTIVE, ends_at__gt=now).select_related("backend")
    for backend_id in {window.backend_id for window in due}:
        pass_edges(backend_id, now)
    for window in lasting:
        _look_after(window, now)


@transaction.atomic
def pass_edges(backend_id: int, now: datetime) -> None:
    """Begin and end the windows of a backend whose time has come, and clear it for whom it now belongs to."""
    look_at(backend_id, now)
    settle_overdue(now, backend_id=backend_id)
    backend = Backend.objects.get(pk=backend_id)
    for window in life.due_to_begin(now, backend_id):
        with _unless_changed():
            life.begin(window.pk, at=now)
    _clear(backend, now)
    for window in life.due_to_finish(now, backend_id):
        with _unless_changed():
            life.finish(window.pk, at=now)


@contextmanager
def _unless_changed() -> Iterator[None]:
    """A window that somebody has cancelled or ended meanwhile needs nothing more."""
    try:
        yield
    except StaleTransition as error:
        logger.info("a window was changed by somebody else: %s", error)


def clear(backend: Backend, now: datetime) -> datetime | None:
    """W2: stop what runs in time that is held for others, if something does. Nothing is lost by it.

    Returns when what runs will have to be stopped, if that is to come.
    """
    _, at = _must_give_way(backend, now)
    if at is None or at > now:
        return at
    with transaction.atomic():
        look_at(backend.pk, now)
        _clear(backend, now)
    return None


def _clear(backend: Backend, now: datetime) -> None:
    job, at = _must_give_way(backend, now)
    if job is not None and at is not None and at <= now:
        ring(backend_channel(backend.pk), f"stop {job.pk}")
        make_way(job, now)


def _must_give_way(backend: Backend, now: datetime) -> tuple[Job | None, datetime | None]:
    """What runs, and from when on it is in the way of a window."""
    job = Job.objects.filter(backend=backend, state=JobState.RUNNING).first()
    if job is None:
        return None, None
    return job, gives_way_at(job, backend, windows_of(backend, now), now)


def gives_way_at(job: Job, backend: Backend, windows: tuple[HeldTime, ...], now: datetime) -> datetime | None:
    """W2: from when on a running job is in the way of one of these windows; ``None``: it may go on."""
    if job.started_at is None or job.is_system or drains(backend):
        return None
    running = RunningJob(
        id=job.pk, started_at=job.started_at, instance=str(job.instance_id), user=str(job.user_id)
    )
    overrun = next_overrun(running, windows, now)
    return overrun.at if overrun else None


def _look_after(window: Window, now: datetime) -> None:
    """A window that lasts: what fills it for too long is stopped; unused, it is released by itself."""
    if window.mode == WindowMode.DEDICATED:
        clear(window.backend, now)
    note_first_job(window)
    deadline = unused_deadline(window, now)
    if deadline is not None and deadline <= now:
        with transaction.atomic():
            look_at(window.backend_id, now)
            with _unless_changed():
                life.release(window.pk, at=now, cause=WindowCause.UNUSED)


def unused_deadline(window: Window, now: datetime) -> datetime | None:
    """When the window is released if nothing runs in it until then; ``None``: not, as things are."""
    minutes = window.backend.release_after_minutes
    if not minutes or window.instance_id is None:
        return None
    jobs = Job.objects.filter(backend_id=window.backend_id, instance_id=window.instance_id)
    if jobs.filter(state=JobState.RUNNING).exists():
        return None
    last = jobs.filter(finished_at__gt=window.starts_at).aggregate(last=Max("finished_at"))["last"]
    return life.unused_deadline(window, last, minutes)


def note_first_job(window: Window, **about: object) -> None:
    """W6: write down when the window's instance started its first job inside, if it has."""
    if window.instance_id is None or window.first_job_at is not None:
        return
    starts = JobEvent.objects.filter(
        job__backend_id=window.backend_id,
        job__instance_id=window.instance_id,
        target=JobState.RUNNING,
        at__gte=window.starts_at,
        at__lt=window.ends_at,
    )
    first = starts.aggregate(first=Min("at"))["first"]
    if first is not None:
        life.note_job(window.pk, at=first)


def follow(window: Window, **about: object) -> None:
    """A window was booked or changed: tell the active session what will become of it, and charge what ended.

    Called within the transaction that changed the window.
    """
    now = clock.now()
    found = Session.objects.select_for_update(of=("self",)).filter(
        backend_id=window.backend_id, state=SessionState.ACTIVE
    )
    for session in found:
        settle(session, now)
        if session.state == SessionState.ACTIVE:
            _foresee_with(session, window, now)
    if _is_over(window):
        charge_rest(window)


def _is_over(window: Window) -> bool:
    """Whether its time has passed; of one that was moved, the successor has it, of a cancelled one a part."""
    if window.state == WindowState.CANCELLED:
        return window.successor_id is None and window.until > window.starts_at
    return window.state in (WindowState.COMPLETED, WindowState.MISSED)


def _foresee_with(session: Session, window: Window, now: datetime) -> None:
    backend = Backend.objects.get(pk=window.backend_id)
    windows = windows_of(backend, now)
    if window.released_at is not None:
        windows = (window_from(window, backend), *windows)
    foresee(session, windows)
    settle(session, now)


def charge_rest(window: Window) -> None:
    """W7: of a dedicated reservation the instance pays all the time, so also what it left unused.

    When it was cancelled after it had begun, that is the time until then.
    Its jobs and sessions have paid their own, so that its users keep their places (F3).
    """
    if window.instance_id is None or window.mode != WindowMode.DEDICATED or not window.counts_as_used:
        return
    end = window.until
    what = Charge(
        kind=ChargeKind.RESERVATION,
        subject=window.pk,
        backend=window.backend_id,
        instance=window.instance_id,
        user=window.created_by_id,
        since=window.starts_at,
        at=end,
        seconds=unused_seconds(window, end),
    )
    run(*charge(what))
