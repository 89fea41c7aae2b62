"""The calendar of all backends."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.models import Backend
from quantumsvc.wire.times import iso_z
from reservations_app.pages.chart import chart_of
from reservations_app.pages.entries import MOST, Reader, entries_of, reader_for, windows_in
from reservations_app.pages.sight import ZOOMS, Layer, Sight, View, sight_of
from reservations_app.pages.utilisation import FIGURES, utilisation
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import settled_now
from sessions_app.pages.tables import csv_file, plain

PARTS = {"reservations-now": "reservations/_now.html"}


@require_safe
@login_required
def reservations_page(request: HttpRequest) -> HttpResponse:
    """Who has which backend when, as a drawing and as a table; strangers' time has no name."""
    now = settled_now()
    reader = reader_for(reader_of(request))
    sight = sight_of(request.GET, timezone.get_current_timezone(), now)
    known, shown = _backends(reader, sight)
    context = {
        **_choices(request.GET, sight, now),
        "asked": request.GET.urlencode(),
        "backends": known,
        "backend": shown[0] if sight.backend and len(shown) == 1 else None,
        "reader": reader,
        **_contents(reader, shown, sight, now),
    }
    return live_page(request, "reservations/calendar.html", context, PARTS)


@require_safe
@login_required
def utilisation_file(request: HttpRequest) -> HttpResponse:
    """The utilisation that the calendar shows for the same address, as CSV, in seconds."""
    now = settled_now()
    reader = reader_for(reader_of(request))
    sight = sight_of(request.GET, timezone.get_current_timezone(), now)
    _, shown = _backends(reader, sight)
    shares = utilisation(reader, windows_in(reader, shown, sight, most=None), sight, now)
    time = (iso_z(sight.start), iso_z(sight.end))
    rows = ((plain(each.name), *time, *(f"{value:.3f}" for value in each.figures)) for each in shares)
    return csv_file("utilisation.csv", ("instance", "from", "until", *FIGURES), rows)


def _backends(reader: Reader, sight: Sight) -> tuple[list[Backend], list[Backend]]:
    """All backends that the reader may see, and those that the address asks for."""
    known = list(Backend.objects.visible_to(reader.user).defer("configuration").order_by("name"))
    return known, [each for each in known if each.name == sight.backend] or known


def _contents(reader: Reader, shown: list[Backend], sight: Sight, now: datetime) -> dict[str, Any]:
    windows = windows_in(reader, shown, sight)
    entries = entries_of(reader, shown, windows[:MOST], sight, now)
    names = [each.name for each in shown]
    return {
        "shown": shown,
        "entries": entries,
        "chart": chart_of(sight, names, entries, now),
        "shares": utilisation(reader, windows[:MOST], sight, now),
        "is_cut": len(windows) > MOST,
        "now": now,
    }


def _choices(query: QueryDict, sight: Sight, now: datetime) -> dict[str, Any]:
    """Where the reader can go from here: each choice keeps the others."""
    today = now.astimezone(sight.zone).date()
    return {
        "sight": sight,
        "zone": timezone.get_current_timezone_name(),
        "views": [(each.value, _link(query, view=each.value), each is sight.view) for each in View],
        "layers": [(each.value, each in sight.layers) for each in Layer],
        "zooms": [(each, each == sight.zoom) for each in ZOOMS] if sight.view is View.TIMELINE else (),
        "steps": list(_steps(query, sight, today)),
    }


def _steps(query: QueryDict, sight: Sight, today: date) -> Iterator[tuple[str, str]]:
    for word, day in (("Previous", sight.before), ("Today", today), ("Next", sight.after)):
        yield word, _link(query, date=day.isoformat())


def _link(query: QueryDict, **over: str) -> str:
    asked = query.copy()
    for name, value in over.items():
        asked[name] = value
    return f"?{asked.urlencode()}"
