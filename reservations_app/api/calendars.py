"""Free time, utilisation, and calendars that other programs read."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from icalendar import Calendar, Event
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.models import Instance
from quantumsvc.api import api_not_found, caller_of, int_parameter, time_parameter
from quantumsvc.backends.models import Backend
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.openapi.operations import Operation, described, functions, number, text
from quantumsvc.scheduling.states import WindowState
from reservations_app import shapes
from reservations_app.api import reading
from reservations_app.api.bodies import span_body
from reservations_app.api.windows import RANGE
from reservations_app.models import CalendarFeed, Window, WindowKind
from reservations_app.models.windows import WindowQuerySet
from reservations_app.services import feeds
from reservations_app.services.rules import Span
from reservations_app.services.slots import free_slots
from sessions_app.services.utilisation import utilisation

DAY = 86_400
# What a feed holds, before and after now.
PAST, FUTURE = timedelta(days=30), timedelta(days=366)


class FreeSlotsView(APIView):
    """``GET /backends/{name}/free-slots?duration=``"""

    @described(
        "Find free time",
        query=(
            *RANGE,
            number("duration", "How long, in seconds.", minimum=1, maximum=366 * DAY, default=3600),
            number("limit", "How many stretches at most.", minimum=1, maximum=100, default=10),
        ),
        answer=shapes.FreeSlots,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> Response:
        """The earliest time of ``duration`` seconds in each free stretch that the rules allow the caller."""
        caller, now = caller_of(request), clock.now()
        backend = reading.backend_named(caller, name)
        length = int_parameter(request, "duration", 3600, minimum=1, maximum=366 * DAY)
        asked = reading.range_of(time_parameter(request, "start"), time_parameter(request, "end"), now)
        found = free_slots(
            backend,
            caller.instance,
            timedelta(seconds=length),
            Span(asked.start, asked.end),
            by=caller.user,
            now=now,
            most=int_parameter(request, "limit", 10, minimum=1, maximum=100),
        )
        return Response({"slots": [span_body(each) for each in found]})


class UtilisationView(APIView):
    """``GET /reservations/utilisation``"""

    @described(
        "Read the utilisation of reservations",
        query=(*RANGE, text("backend", "Only the backend of this name.")),
        answer=shapes.Utilisation,
        refuses=(1007,),
    )
    def get(self, request: Request) -> Response:
        """Of the past four weeks, or of ``start`` to ``end``: what each instance booked, used, missed."""
        caller, now = caller_of(request), clock.now()
        begins = time_parameter(request, "start") or now - timedelta(days=28)
        asked = reading.range_of(begins, time_parameter(request, "end") or now, now)
        backends = Backend.objects.visible_to(caller.user)
        if name := request.query_params.get("backend"):
            backends = backends.filter(pk=reading.backend_named(caller, name).pk)
        instances = {each.pk: each for each in Instance.objects.visible_to(caller.user)}
        found = utilisation(
            instances=list(instances),
            backends=list(backends.values_list("pk", flat=True)),
            start=asked.start,
            end=asked.end,
            now=now,
        )
        rows = [
            {
                "instance": instances[each.instance].crn,
                "name": instances[each.instance].name,
                "windows": each.windows,
                "missed": each.missed,
                "booked_seconds": round(each.booked, 3),
                "used_seconds": round(each.used, 3),
                "idle_seconds": round(each.idle, 3),
            }
            for each in found
        ]
        return Response({"start": asked.start, "end": asked.end, "instances": rows})


class FeedsView(APIView):
    """``/calendar-feeds``"""

    @described(
        "Make the address of a calendar",
        body=reading.FeedBody,
        body_required=False,
        answer=shapes.Feed,
        status=201,
        refuses=(1007,),
    )
    @idempotent(keeps_answer=False)
    def post(self, request: Request) -> Response:
        """A secret address of the calendar of a backend, or of the instance; earlier ones become useless."""
        caller = caller_of(request)
        fields = reading.read(request, reading.FeedBody)
        backend = reading.backend_named(caller, fields["backend"]) if "backend" in fields else None
        instance = None if backend else caller.require_instance()
        secret = feeds.rotate(user=caller.user, instance=instance, backend=backend, now=clock.now())
        return Response({"url": f"{settings.PUBLIC_URL}/api/v1/calendars/{secret}.ics"}, status=201)

    @described("Withdraw the addresses of calendars", status=204)
    def delete(self, request: Request) -> HttpResponse:
        """Make all addresses of the caller useless."""
        now = clock.now()
        for feed in CalendarFeed.objects.visible_to(caller_of(request).user):
            feeds.withdraw(feed, now=now)
        return HttpResponse(status=204)


@functions(get=Operation("Read a calendar as iCalendar", answer=str, media="text/calendar", open_to_all=True))
def calendar(request: HttpRequest, secret: str) -> HttpResponse:
    """``GET /calendars/{secret}.ics``: who knows the address reads what its owner may see."""
    feed = feeds.feed_at(secret) if request.method in {"GET", "HEAD"} else None
    if feed is None:
        return api_not_found(request)
    body = ical_of(feed, clock.now())
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)


def ical_of(feed: CalendarFeed, now: datetime) -> bytes:
    """The calendar as iCalendar writes it."""
    found = Calendar()
    found.add("prodid", "-//quantumsvc//reservations//EN")
    found.add("version", "2.0")
    found.add("x-wr-calname", str(feed.instance or feed.backend))
    rows = _windows(feed).overlapping(now - PAST, now + FUTURE).exclude(state=WindowState.CANCELLED)
    visible = set(Window.objects.visible_to(feed.user).values_list("pk", flat=True).filter(pk__in=rows))
    for window in rows.select_related("backend", "instance").order_by("starts_at"):
        found.add_component(_event(window, window.pk in visible, now))
    return bytes(found.to_ical())


def _windows(feed: CalendarFeed) -> WindowQuerySet:
    if feed.backend is not None:
        return Window.objects.known_to(feed.user).filter(backend=feed.backend)
    return Window.objects.visible_to(feed.user).filter(instance=feed.instance)


def _event(window: Window, visible: bool, now: datetime) -> Event:
    event = Event()
    # An id that lasts, and tells a stranger nothing of the window's own.
    event.add("uid", f"{hashlib.sha256(window.pk.encode()).hexdigest()[:32]}@quantumsvc")
    event.add("dtstamp", now)
    event.add("dtstart", window.starts_at)
    event.add("dtend", window.until)
    event.add("sequence", window.version)
    event.add("summary", _summary(window) if visible else f"{window.backend.name}: reserved")
    if visible and window.note:
        event.add("description", window.note)
    return event


def _summary(window: Window) -> str:
    if window.kind != WindowKind.RESERVATION or window.instance is None:
        return f"{window.backend.name}: {window.kind}"
    return f"{window.backend.name}: {window.instance.name} ({window.mode})"
