"""Giving time back: cancelling a window, a date or a series, and releasing what is left."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from quantumsvc import clock
from quantumsvc.accounts.pages import reader_of
from reservations_app.models import Window
from reservations_app.models.windows import STANDING
from reservations_app.pages.booking import methods, refused
from reservations_app.pages.forms import Scope
from reservations_app.pages.moving import MANAGERS_ONLY
from reservations_app.pages.preview import attempted
from reservations_app.pages.window import visible_windows
from reservations_app.services import changing, series
from reservations_app.services.policies import manages
from sessions_app.pages.reading import one_of, settled_now

MAX_REASON = 300


@methods
@login_required
def cancel_reservation_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Say what becomes of it, ask why, and cancel the window or all that is left of its series."""
    return _act(request, ident, "reservations/cancel.html", _cancel, "It was cancelled.")


@methods
@login_required
def release_reservation_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Give back what is left of a window that has begun."""
    return _act(request, ident, "reservations/release.html", _release, "What was left was given back.")


def _act(
    request: HttpRequest, ident: str, template: str, deed: Callable[[HttpRequest, Window], object], done: str
) -> HttpResponse:
    now, user = settled_now(), reader_of(request)
    window = one_of(visible_windows(user), ident)
    if not manages(user, window.instance):
        return refused(request, MANAGERS_ONLY)
    context = {
        "window": window,
        "stands": window.state_at(now) in STANDING,
        "begun": window.starts_at <= now,
        "is_own": window.created_by_id == user.pk,
        "sent": request.POST,
    }
    if request.method != "POST":
        return render(request, template, context)
    _, faults, status = attempted(lambda: deed(request, window))
    if not faults:
        messages.success(request, done)
        return redirect("reservation", ident=window.pk)
    return render(request, template, {**context, "faults": faults}, status=status)


def _cancel(request: HttpRequest, window: Window) -> None:
    by, now = reader_of(request), clock.now()
    reason, override = (_text(request, name) for name in ("reason", "override_reason"))
    if window.series_id and request.POST.get("scope") == Scope.ALL:
        series.end(window.series_id, by=by, now=now, reason=reason)
    else:
        changing.cancel(window.pk, by=by, now=now, reason=reason, override_reason=override)


def _release(request: HttpRequest, window: Window) -> None:
    reason = _text(request, "reason")
    changing.release(window.pk, by=reader_of(request), now=clock.now(), reason=reason)


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()[:MAX_REASON]
