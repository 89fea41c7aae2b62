"""The life of windows: guarded changes of state, each with its event and its bell.

Every change must run inside a transaction, and raises :class:`StaleTransition`, having changed nothing, when
the window is in no state that it may be made from. What the change means for jobs and sessions is the
business of whoever calls.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, Q, QuerySet

from quantumsvc.accounts.models import User
from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.states import WindowState, window_sources
from reservations_app.events import ending, tell
from reservations_app.models import Window, WindowCause, WindowEvent


def standing(backend_id: int, now: datetime) -> QuerySet[Window]:
    """The windows of a backend that have not ended by ``now``, in order, whatever was written down."""
    return Window.objects.standing().filter(backend_id=backend_id, ends_at__gt=now).order_by("starts_at")


def due_to_begin(now: datetime, backend_id: int | None = None) -> QuerySet[Window]:
    """Windows whose start has come and that nobody has begun, oldest first; their end may have come too."""
    return _of(backend_id).filter(state=WindowState.SCHEDULED, starts_at__lte=now).order_by("starts_at")


def due_to_finish(now: datetime, backend_id: int | None = None) -> QuerySet[Window]:
    """Windows whose end has come and that nobody has finished, oldest first; those to begin come before."""
    return _of(backend_id).filter(state=WindowState.ACTIVE, ends_at__lte=now).order_by("ends_at")


def next_edge() -> datetime | None:
    """When the next window is to begin or to end; in the past while something is due."""
    begins = Min("starts_at", filter=Q(state=WindowState.SCHEDULED))
    ends = Min("ends_at", filter=Q(state=WindowState.ACTIVE))
    found = Window.objects.standing().aggregate(begins=begins, ends=ends)
    return min((edge for edge in found.values() if edge is not None), default=None)


def begin(ident: str, *, at: datetime) -> Window:
    """W2: the window's time has come; ``at`` is when that is carried out, which tells its lateness."""
    return move(ident, WindowState.ACTIVE, at=at, cause=WindowCause.BEGAN)


def finish(ident: str, *, at: datetime) -> Window:
    """The window's end has come: completed, or missed when its instance started no job in it (W6)."""
    return move(ident, _ending(_locked(ident)), at=at, cause=WindowCause.ENDED)


def release(
    ident: str, *, at: datetime, by: User | None = None, cause: WindowCause = WindowCause.RELEASED
) -> Window:
    """Give back what is left of an active window: it ends at ``at``, and the rest is free."""
    window = _locked(ident)
    at = max(at, window.starts_at)
    return move(ident, _ending(window), at=at, cause=cause, by=by, released_at=at)


def _ending(window: Window) -> WindowState:
    """W6: what the window becomes, when all that ran in it is known."""
    ending.send(Window, window=window)
    window.refresh_from_db(fields=["first_job_at"])
    return window.ending()


def note_job(ident: str, *, at: datetime) -> bool:
    """Write down the first job that the window's instance started inside it; whether this was the first."""
    unused = Window.objects.filter(pk=ident, first_job_at__isnull=True, state__in=_ABLE)
    return unused.update(first_job_at=at) == 1


def unused_deadline(window: Window, last_job_ended: datetime | None, minutes: int) -> datetime | None:
    """When an active reservation in which no job runs is released by itself; ``None``: never.

    ``last_job_ended`` is of the jobs that its instance ran on the backend, ``minutes`` the backend's setting.
    """
    if not minutes or window.instance_id is None:
        return None
    idle_since = max(window.starts_at, last_job_ended or window.starts_at)
    return idle_since + timedelta(minutes=minutes)


_ABLE = (WindowState.ACTIVE.value, WindowState.SCHEDULED.value)


def move(
    ident: str,
    target: WindowState,
    *,
    at: datetime,
    cause: WindowCause,
    by: User | None = None,
    **fields: Any,
) -> Window:
    """The guarded update behind all others; gives the window as it is now."""
    sources = window_sources(target)
    window = _locked(ident)
    source = window.state
    changed = Window.objects.filter(pk=ident, state__in=sources).update(
        state=target, version=F("version") + 1, **fields
    )
    if not changed:
        raise StaleTransition("window", ident, target, frozenset(sources), source)
    WindowEvent.objects.create(window_id=ident, at=at, source=source, target=target, cause=cause, by=by)
    window.refresh_from_db()
    tell(window)
    return window


def _of(backend_id: int | None) -> QuerySet[Window]:
    return Window.objects.all() if backend_id is None else Window.objects.filter(backend_id=backend_id)


def _locked(ident: str) -> Window:
    window = Window.objects.select_for_update().filter(pk=ident).first()
    if window is None:
        raise StaleTransition("window", ident, "anything", frozenset(), None)
    return window
