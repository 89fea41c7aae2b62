"""Time that is reserved for a calibration, so that nothing else runs when it is due (W9)."""

import logging
from datetime import datetime

from django.db import transaction

from quantumsvc.accounts.models import User
from quantumsvc.accounts.system import system_user
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import Window, WindowCause, WindowKind
from reservations_app.services import life
from reservations_app.services.booking import TimeTaken, Wish, book, lock_calendar, take
from reservations_app.services.rules import Span

logger = logging.getLogger(__name__)


def reserve(backend: Backend, span: Span, *, by: User, now: datetime, note: str) -> Window:
    """Book the time for an operator. Raises what booking raises, having booked nothing."""
    return book(_wish(backend, span, note), by=by, now=now)


@transaction.atomic
def reserve_if_free(
    backend: Backend, span: Span, *, by: User | None, now: datetime, note: str
) -> Window | None:
    """Book the time for a schedule; where it is taken, the calibration waits for a free moment instead."""
    lock_calendar(backend)
    try:
        return take(_wish(backend, span, note), by=by or system_user(), now=now)
    except TimeTaken:
        logger.warning("the time of the calibration %r on %s is taken at %s", note, backend.name, span.start)
        return None


def _wish(backend: Backend, span: Span, note: str) -> Wish:
    return Wish(
        backend=backend, instance=None, span=span, kind=WindowKind.CALIBRATION, note=note or "Calibration"
    )


def give_back(window_id: str | None, *, now: datetime, by: User | None = None) -> None:
    """Free what is left of a calibration's time: it has ended, or will not be."""
    window = Window.objects.filter(pk=window_id).first() if window_id else None
    if window is None:
        return
    if window.state == WindowState.ACTIVE and now < window.ends_at:
        life.release(window.pk, at=now, by=by)
    elif window.state == WindowState.SCHEDULED:
        actor = by or system_user()
        life.move(
            window.pk,
            WindowState.CANCELLED,
            at=now,
            cause=WindowCause.CANCELLED,
            by=actor,
            cancelled_at=now,
            cancelled_by=actor,
            cancel_reason="The calibration was given up.",
        )
