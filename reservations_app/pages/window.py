"""The page of one window: its facts, what happened to it, and what can be done with it."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import User
from quantumsvc.accounts.pages import reader_of
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import Window
from reservations_app.models.windows import STANDING
from reservations_app.services.policies import manages
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import one_of, settled_now
from sessions_app.pages.strips import KINDS
from sessions_app.pages.words import duration

PARTS = {"reservation-now": "reservations/_window.html"}
LOOKS = {
    WindowState.SCHEDULED: "queued",
    WindowState.MISSED: "failed",
}
# So many earlier times of a window that was moved again and again are told.
SHOWN_MOVES = 20


def visible_windows(user: User) -> QuerySet[Window]:
    """The windows that the user may see, with what their page tells of their surroundings."""
    rows = Window.objects.visible_to(user).defer("backend__configuration")
    return rows.select_related(
        "backend", "instance", "created_by", "cancelled_by", "series", "series__successor", "successor"
    )


@require_safe
@login_required
def reservation_page(request: HttpRequest, ident: str) -> HttpResponse:
    """All that is known of one window."""
    user, now = reader_of(request), settled_now()
    window = one_of(visible_windows(user), ident)
    state = window.state_at(now)
    stands = state in STANDING and manages(user, window.instance)
    context = {
        "window": window,
        "kind": KINDS[window.kind],
        "state": state,
        "look": LOOKS.get(state, state.value),
        "length": duration(window.length.total_seconds()),
        "members": list(window.users.all()),
        "events": list(window.events.select_related("by")),
        "earlier": _earlier(window),
        "may_move": stands,
        "may_cancel": stands and (window.starts_at > now or user.is_operator),
        "may_release": stands and window.starts_at <= now < window.ends_at,
        "siblings": _siblings(window, now),
    }
    return live_page(request, "reservations/window.html", context, PARTS)


def _earlier(window: Window) -> list[Window]:
    """The windows that this one took the place of, the latest first."""
    found: list[Window] = []
    ident = window.pk
    for _ in range(SHOWN_MOVES):
        before = Window.objects.filter(successor=ident).select_related("cancelled_by", "backend").first()
        if before is None:
            break
        found.append(before)
        ident = before.pk
    return found


def _siblings(window: Window, now: datetime) -> Sequence[Window]:
    """The next dates of its series."""
    if window.series_id is None:
        return ()
    rows = Window.objects.filter(series=window.series_id).exclude(state=WindowState.CANCELLED)
    return list(rows.exclude(pk=window.pk).filter(starts_at__gt=now).order_by("starts_at")[:5])
