"""Booking a window or a series: a form, what it would do, and only then the deed."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from quantumsvc.accounts.pages import reader_of
from quantumsvc.accounts.roles import Role
from reservations_app.models import Window
from reservations_app.pages.entries import Reader, reader_for
from reservations_app.pages.forms import BookingForm, Repetition
from reservations_app.pages.preview import (
    Preview,
    attempted,
    mark_of,
    preview_of,
    series_preview,
    was_shown,
)
from reservations_app.services import booking, series
from reservations_app.services.patterns import Pattern, fit, pattern_of, reach
from sessions_app.pages.clocks import YEARS
from sessions_app.pages.reading import settled_now

methods = require_http_methods(["GET", "HEAD", "POST"])
QUARTER = timedelta(minutes=15)


@methods
@login_required
def new_reservation_page(request: HttpRequest) -> HttpResponse:
    """The form; "Check" shows what it would do, and "Book" then does it."""
    now, reader = settled_now(), reader_for(reader_of(request))
    if not reader.books:
        return refused(request, f"Booking needs the role {Role.MANAGER} in an instance.")
    if request.method != "POST":
        form = BookingForm(initial=_initial(request.GET, now), reader=reader)
        return render(request, "reservations/new.html", {"form": form})
    form = BookingForm(request.POST, reader=reader)
    if not form.is_valid():
        return render(request, "reservations/new.html", {"form": form}, status=400)
    if was_shown(request):
        made, faults, status = attempted(lambda: _book(form, reader, now))
        if made is not None:
            messages.success(request, "It is booked.")
            return redirect("reservation", ident=made.pk)
        context: dict[str, Any] = {"form": form, "faults": faults}
        return render(request, "reservations/new.html", context, status=status)
    shown, faults, status = attempted(lambda: _preview(form, reader, now))
    context = {"form": form, "preview": shown, "faults": faults, "mark": mark_of(request)}
    return render(request, "reservations/new.html", context, status=status)


def _initial(query: QueryDict, now: datetime) -> dict[str, Any]:
    """What the address brings along, such as the times that were drawn in the calendar."""
    zone = timezone.get_current_timezone()
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = instant_in(query, "start") or hour
    end = instant_in(query, "end") or start + timedelta(hours=1)
    return {
        "backend": query.get("backend", ""),
        "what": query.get("what", ""),
        "start": start.astimezone(zone).replace(tzinfo=None),
        "end": end.astimezone(zone).replace(tzinfo=None),
        "zone": timezone.get_current_timezone_name(),
    }


def instant_in(query: QueryDict, name: str) -> datetime | None:
    """An instant with its zone that the address brings along; ``None`` for any other text."""
    try:
        found = parse_datetime(query.get(name, "")) or None
    except ValueError:
        return None
    if found is None or found.tzinfo is None or not YEARS[0] < found.year < YEARS[1] - 1:
        return None
    return found


def _preview(form: BookingForm, reader: Reader, now: datetime) -> Preview:
    wish, repetition = form.wish, form.repetition
    if repetition is None:
        return preview_of(wish, reader, now)
    pattern = _pattern(form, repetition)
    booking.require_sound(wish, reader.user)
    before = reach(wish.backend, wish.instance, now)
    found = fit(pattern, by=reader.user, now=now, since=now, before=before)
    return series_preview(pattern, found, reader, now)


def _book(form: BookingForm, reader: Reader, now: datetime) -> Window | None:
    """The window that was booked, or the first of the series."""
    repetition = form.repetition
    if repetition is None:
        return booking.book(form.wish, by=reader.user, now=now)
    made = series.book_series(_pattern(form, repetition), by=reader.user, now=now)
    return made.windows.order_by("starts_at").first()


def _pattern(form: BookingForm, repetition: Repetition) -> Pattern:
    wish = form.wish
    return pattern_of(
        wish,
        rule=repetition.rule,
        first=form.cleaned_data["start"],
        zone=form.cleaned_data["zone"],
        length=wish.span.length,
        skip_taken=repetition.skip_taken,
    )


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """A page that the reader may not use."""
    return render(request, "403.html", {"exception": sentence}, status=403)
