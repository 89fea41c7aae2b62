"""The API's calls about windows that recur."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import caller_of, chosen_order, listed, page_of
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import NotAllowed, NotFound
from quantumsvc.openapi.operations import described, paged, sortable, text
from quantumsvc.wire.times import iso_z
from reservations_app import shapes
from reservations_app.api import reading
from reservations_app.api.bodies import series_body, violations_body
from reservations_app.api.windows import DRY, RULES, dry
from reservations_app.models import Series
from reservations_app.services import booking, series
from reservations_app.services.patterns import fit, reach
from reservations_app.services.policies import manages

ORDERS = {"created": ("created_at", "id"), "backend": ("backend__name", "id")}


def series_of(request: Request, ident: str) -> Series:
    """One of the caller's series. Raises :class:`NotFound` for any other."""
    rows = Series.objects.visible_to(caller_of(request).user).select_related("backend", "instance")
    found = rows.filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise NotFound("There is no series of that id that you may see.")
    return found


def changeable(request: Request, ident: str) -> Series:
    """The same, for a caller who may change it."""
    found = series_of(request, ident)
    if not manages(caller_of(request).user, found.instance):
        raise NotAllowed("Only managers of the instance and operators may change this series.")
    return found


class SeriesListView(APIView):
    """``/reservation-series``"""

    @described(
        "List series",
        query=(*paged(50), text("backend", "Only series of the backend of this name."), sortable(*ORDERS)),
        refuses=(1007,),
        answer=shapes.SeriesList,
    )
    def get(self, request: Request) -> Response:
        """The caller's series, newest first."""
        rows = Series.objects.visible_to(caller_of(request).user).select_related("backend", "instance")
        if name := request.query_params.get("backend"):
            rows = rows.filter(backend=reading.backend_named(caller_of(request), name))
        rows = chosen_order(request, rows, ORDERS)
        page = page_of(request, default=50)
        part = page.of(rows)
        found = [series_body(each) for each in part.rows]
        return Response(listed("series", found, rows.count(), page, part))

    @described(
        "Book a series",
        body=reading.SeriesBody,
        query=(DRY,),
        answer=shapes.Series,
        status=201,
        answers={200: shapes.SeriesDryRun},
        refuses=(1007, 1291, *RULES),
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Book a series; with ``dry_run``, only tell its occurrences and what stands against them."""
        now = clock.now()
        pattern = reading.pattern(request, reading.read(request, reading.SeriesBody), now)
        by = caller_of(request).user
        if not dry(request):
            return Response(series_body(series.book_series(pattern, by=by, now=now)), status=201)
        booking.require_sound(pattern.wish, by)
        before = reach(pattern.wish.backend, pattern.wish.instance, now)
        found = fit(pattern, by=by, now=now, since=now, before=before)
        return Response(
            {
                "possible": not found.broken and bool(found.free),
                "violations": violations_body(found.broken, by),
                "occurrences": [{"local": each.key, "start": iso_z(each.at)} for each in found.free],
                "skipped": [each.key for each in found.taken],
            }
        )


class SeriesView(APIView):
    """``/reservation-series/{id}``"""

    @described("Read a series", answer=shapes.Series)
    def get(self, request: Request, ident: str) -> Response:
        """The series; its windows are listed by ``/reservations?series=``."""
        return Response(series_body(series_of(request, ident)))

    @described("Change a series", body=reading.SeriesEditBody, answer=shapes.Series, refuses=(1409, *RULES))
    def patch(self, request: Request, ident: str) -> Response:
        """Change the occurrence at ``since`` and all that follow, or all; the answer is the new series."""
        found = changeable(request, ident)
        fields = reading.read(request, reading.SeriesEditBody)
        change = reading.series_change_of(request, fields)
        by = caller_of(request).user
        new = series.edit(found.pk, change, since=fields.get("since"), by=by, now=clock.now())
        return Response(series_body(new))


class SeriesSkipView(APIView):
    """``POST /reservation-series/{id}/skip``"""

    @described(
        "Skip one date of a series", body=reading.SkipBody, answer=shapes.Series, refuses=(1409, *RULES)
    )
    def post(self, request: Request, ident: str) -> Response:
        """Leave out one date."""
        found = changeable(request, ident)
        fields = reading.read(request, reading.SkipBody)
        by = caller_of(request).user
        skipped = series.skip(found.pk, fields["occurrence"], by=by, now=clock.now(), reason=fields["reason"])
        return Response(series_body(skipped))


class SeriesEndView(APIView):
    """``POST /reservation-series/{id}/end``"""

    @described(
        "End a series",
        body=reading.ReasonBody,
        body_required=False,
        answer=shapes.Series,
        refuses=(1409, *RULES),
    )
    def post(self, request: Request, ident: str) -> Response:
        """Cancel all that has not begun, and make no more."""
        found = changeable(request, ident)
        fields = reading.read(request, reading.ReasonBody)
        ended = series.end(found.pk, by=caller_of(request).user, now=clock.now(), reason=fields["reason"])
        return Response(series_body(ended))
