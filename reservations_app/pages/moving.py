"""Moving, resizing and changing a window, or its series from a date on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from quantumsvc.accounts.pages import reader_of
from reservations_app.models import Series, Window
from reservations_app.models.windows import STANDING
from reservations_app.pages.booking import instant_in, methods, refused
from reservations_app.pages.entries import Reader, reader_for
from reservations_app.pages.forms import MoveForm, Scope
from reservations_app.pages.preview import (
    Preview,
    attempted,
    mark_of,
    preview_of,
    series_preview,
    was_shown,
)
from reservations_app.pages.window import visible_windows
from reservations_app.services import changing, series
from reservations_app.services.policies import manages
from reservations_app.services.series import SeriesChange
from sessions_app.pages.reading import one_of, settled_now

MANAGERS_ONLY = "Only managers of the instance and operators may change this window."


@methods
@login_required
def move_reservation_page(request: HttpRequest, ident: str) -> HttpResponse:
    """The form with the window as it is, or as it was drawn anew; "Check" first, then "Book"."""
    now, user = settled_now(), reader_of(request)
    window = one_of(visible_windows(user), ident)
    if not manages(user, window.instance):
        return refused(request, MANAGERS_ONLY)
    move = _Move(window, reader_for(user), now)
    if request.method != "POST" or window.state_at(now) not in STANDING:
        form = MoveForm(initial=_initial(request, window), reader=move.reader, window=window)
        return _page(request, window, now, form=form)
    form = MoveForm(request.POST, reader=move.reader, window=window)
    if not form.is_valid():
        return _page(request, window, now, 400, form=form)
    if was_shown(request):
        made, faults, status = attempted(lambda: move.do(form))
        if made is not None:
            messages.success(request, "It is changed.")
            return redirect("reservation", ident=made.pk)
        return _page(request, window, now, status, form=form, faults=faults)
    shown, faults, status = attempted(lambda: move.preview(form))
    return _page(request, window, now, status, form=form, faults=faults, preview=shown, mark=mark_of(request))


def _page(
    request: HttpRequest, window: Window, now: datetime, status: int = 200, **context: Any
) -> HttpResponse:
    stands = window.state_at(now) in STANDING
    context |= {"window": window, "stands": stands, "begun": window.starts_at <= now}
    return render(request, "reservations/move.html", context, status=status)


def _initial(request: HttpRequest, window: Window) -> dict[str, Any]:
    zone = timezone.get_current_timezone()
    start = instant_in(request.GET, "start") or window.starts_at
    end = instant_in(request.GET, "end") or window.ends_at
    return {
        "start": start.astimezone(zone).replace(tzinfo=None),
        "end": end.astimezone(zone).replace(tzinfo=None),
        "zone": timezone.get_current_timezone_name(),
        "mode": window.mode,
        "end_policy": window.end_policy,
        "members": ", ".join(sorted(each.username for each in window.users.all())),
        "note": window.note,
        "scope": Scope.THIS,
    }


@dataclass(frozen=True)
class _Move:
    """What becomes of a window by a form."""

    window: Window
    reader: Reader
    now: datetime

    def preview(self, form: MoveForm) -> Preview:
        """What it would do."""
        if form.changes == Scope.THIS or self.window.series is None:
            wish = changing.changed(self.window, form.change)
            changing.require_movable(self.window, wish, self.now)
            return preview_of(wish, self.reader, self.now, [self.window.pk])
        change, since = self._series_change(form, self.window.series)
        edit, fit = series.try_edit(
            self.window.series.pk, change, since=since, by=self.reader.user, now=self.now
        )
        return series_preview(edit.pattern, fit, self.reader, self.now, edit.gone)

    def do(self, form: MoveForm) -> Window | None:
        """Move it; the window that took its place."""
        by = self.reader.user
        if form.changes == Scope.THIS or self.window.series is None:
            return changing.move(self.window.pk, form.change, by=by, now=self.now)
        change, since = self._series_change(form, self.window.series)
        new = series.edit(self.window.series.pk, change, since=since, by=by, now=self.now)
        after = new.windows.filter(starts_at__gte=self.window.starts_at).order_by("starts_at").first()
        return after or new.windows.order_by("starts_at").first()

    def _series_change(self, form: MoveForm, old: Series) -> tuple[SeriesChange, datetime | None]:
        """The same shift for every date: the first that changes is moved as far as this one was."""
        zone = ZoneInfo(old.time_zone)
        since = self.window.occurrence if form.changes == Scope.FOLLOWING else None
        begins = since or self._next(old) or self.window.starts_at
        shift = _wall(form.span.start, zone) - _wall(self.window.starts_at, zone)
        change = SeriesChange(
            rule=form.cleaned_data["rule"] or None,
            first=_wall(begins, zone) + shift,
            length=form.span.length,
            skip_taken=form.cleaned_data["skip_taken"],
            **form.shared,
        )
        return change, since

    def _next(self, old: Series) -> datetime | None:
        rows = old.windows.filter(state="scheduled", starts_at__gt=self.now).order_by("occurrence")
        return rows.values_list("occurrence", flat=True).first()


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock of the zone shows."""
    return at.astimezone(zone).replace(tzinfo=None)
