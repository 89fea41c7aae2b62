"""The API's calls about single windows."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.api import (
    bool_parameter,
    caller_of,
    chosen_order,
    listed,
    page_of,
    time_parameter,
    word_parameter,
)
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import NotAllowed, NotFound
from quantumsvc.openapi.operations import described, moment, one_of, paged, sortable, text, yes_no
from quantumsvc.scheduling.states import WindowState
from quantumsvc.scheduling.windows import WindowMode
from reservations_app import shapes
from reservations_app.api import reading
from reservations_app.api.bodies import history_body, known_body, violations_body, window_body
from reservations_app.impact import impact_body
from reservations_app.models import Window, WindowKind
from reservations_app.services import booking, changing
from reservations_app.services.policies import manages
from reservations_app.services.rules import Rule

ORDERS = {"start": ("starts_at", "id"), "end": ("ends_at", "id")}
KINDS = [each.value for each in WindowKind]
MODES = [each.value for each in WindowMode]
RULES = tuple(rule.code for rule in Rule)
RANGE = (
    moment("start", "From when on; now if left out."),
    moment("end", "Until when; four weeks later if left out."),
)
DRY = yes_no("dry_run", "Only tell what would happen.")


def visible_windows(user: User) -> QuerySet[Window]:
    """The windows that a user may see, with what their bodies tell."""
    rows = Window.objects.visible_to(user)
    return rows.select_related("backend", "instance", "cancelled_by").prefetch_related("users")


def window_of(request: Request, ident: str) -> Window:
    """One of the caller's windows. Raises :class:`NotFound` for any other."""
    rows = visible_windows(caller_of(request).user)
    window = rows.filter(pk=ident).first() if "\0" not in ident else None
    if window is None:
        raise NotFound("There is no reservation of that id that you may see.")
    return window


def changeable(request: Request, ident: str) -> Window:
    """The same, for a caller who may change it."""
    window = window_of(request, ident)
    if not manages(caller_of(request).user, window.instance):
        raise NotAllowed("Only managers of the instance and operators may change this window.")
    return window


def dry(request: Request) -> bool:
    """Whether the caller only asks what would happen."""
    return bool(bool_parameter(request, "dry_run"))


class WindowsView(APIView):
    """``/reservations``"""

    @described(
        "Read the calendar",
        query=(
            *RANGE,
            *paged(200, 1000),
            text("backend", "Only the backend of this name."),
            text("series", "Only windows of this series."),
            one_of("kind", "Only windows of this kind; of other tenants' windows, no kind is told.", KINDS),
            one_of("mode", "Only windows of this mode.", MODES),
            sortable(*ORDERS),
            yes_no("include_cancelled", "Also windows that were given up."),
        ),
        answer=shapes.Calendar,
        refuses=(1007,),
    )
    def get(self, request: Request) -> Response:
        """The calendar from ``start`` to ``end``: the caller's windows, and the times that others have."""
        now = clock.now()
        asked = reading.range_of(time_parameter(request, "start"), time_parameter(request, "end"), now)
        rows = self._asked(request).overlapping(asked.start, asked.end)
        page = page_of(request, default=200, maximum=1000)
        part = page.of(rows.select_related("backend", "instance", "cancelled_by").prefetch_related("users"))
        seen = set(self._visible(request, [each.pk for each in part.rows]))
        found = [known_body(each, seen, now) for each in part.rows]
        return Response(listed("reservations", found, rows.count(), page, part))

    @staticmethod
    def _asked(request: Request) -> Any:
        rows = Window.objects.known_to(caller_of(request).user).order_by("starts_at", "id")
        if name := request.query_params.get("backend"):
            rows = rows.filter(backend=reading.backend_named(caller_of(request), name))
        if series := request.query_params.get("series"):
            rows = rows.filter(series_id=series.replace("\0", ""))
            rows = rows.filter(pk__in=Window.objects.visible_to(caller_of(request).user).values("pk"))
        if kind := word_parameter(request, "kind", KINDS):
            visible = Window.objects.visible_to(caller_of(request).user)
            rows = rows.filter(kind=kind, pk__in=visible.values("pk"))
        if mode := word_parameter(request, "mode", MODES):
            rows = rows.filter(mode=mode)
        if not bool_parameter(request, "include_cancelled"):
            rows = rows.exclude(state=WindowState.CANCELLED)
        return chosen_order(request, rows, ORDERS)

    @staticmethod
    def _visible(request: Request, idents: list[str]) -> list[str]:
        rows = Window.objects.visible_to(caller_of(request).user).filter(pk__in=idents)
        return list(rows.values_list("pk", flat=True))

    @described(
        "Book a window",
        body=reading.WindowBody,
        query=(DRY,),
        answer=shapes.Reservation,
        status=201,
        answers={200: shapes.DryRun},
        refuses=(1007, 1291, *RULES),
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Book a window; with ``dry_run``, only tell what stands against it and whom it would delay (E2)."""
        now = clock.now()
        fields = reading.read(request, reading.WindowBody)
        wish = reading.wish_of(request, fields, now)
        by = caller_of(request).user
        if dry(request):
            booking.require_sound(wish, by)
            return Response(dry_run_body(wish, by=by, now=now))
        window = booking.book(wish, by=by, now=now)
        return Response(window_body(window, now), status=201)


class WindowView(APIView):
    """``/reservations/{id}``"""

    @described("Read a window", answer=shapes.ReservationWithHistory)
    def get(self, request: Request, ident: str) -> Response:
        """The window and what happened to it."""
        window = window_of(request, ident)
        return Response({**window_body(window, clock.now()), "history": history_body(window)})

    @described(
        "Move or change a window",
        body=reading.MoveBody,
        query=(DRY,),
        answer=(shapes.Reservation, shapes.DryRun),
        refuses=(1409, *RULES),
    )
    def patch(self, request: Request, ident: str) -> Response:
        """Move, resize or change it; the answer is the window that takes its place."""
        now = clock.now()
        window = changeable(request, ident)
        change = reading.change_of(request, reading.read(request, reading.MoveBody))
        by = caller_of(request).user
        if dry(request):
            wish = changing.changed(window, change)
            booking.require_sound(wish, by)
            return Response(dry_run_body(wish, by=by, now=now, without=[window.pk]))
        return Response(window_body(changing.move(window.pk, change, by=by, now=now), now))


class WindowCancelView(APIView):
    """``POST /reservations/{id}/cancel``"""

    @described(
        "Cancel a window",
        body=reading.ReasonBody,
        body_required=False,
        answer=shapes.Reservation,
        refuses=(1409, *RULES),
    )
    def post(self, request: Request, ident: str) -> Response:
        """Give the window up."""
        now = clock.now()
        window = changeable(request, ident)
        reasons = reading.read(request, reading.ReasonBody)
        gone = changing.cancel(window.pk, by=caller_of(request).user, now=now, **reasons)
        return Response(window_body(gone, now))


class WindowReleaseView(APIView):
    """``POST /reservations/{id}/release``"""

    @described("Release a window", answer=shapes.Reservation, refuses=(1409,))
    def post(self, request: Request, ident: str) -> Response:
        """Give back what is left of a window that has begun."""
        now = clock.now()
        window = changeable(request, ident)
        reason = reading.read(request, reading.ReasonBody)["reason"]
        given = changing.release(window.pk, by=caller_of(request).user, now=now, reason=reason)
        return Response(window_body(given, now))


def dry_run_body(
    wish: booking.Wish, *, by: User, now: datetime, without: list[str] | None = None
) -> dict[str, Any]:
    """The answer to a dry run: every broken rule, and what the window would delay if the time is free."""
    broken = booking.check(wish, by=by, now=now, without=without or [])
    overridden = by.is_operator and bool(wish.override_reason)
    stands = [each for each in broken if not (overridden and each.rule.overridable)]
    placeable = all(each.rule.overridable for each in broken)
    return {
        "possible": not stands,
        "violations": violations_body(broken, by),
        "impact": impact_body(wish, by=by, now=now, without=without or []) if placeable else None,
    }
