"""The runtime API's calls about backends and what an instance has used."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import (
    api_version,
    bool_parameter,
    chosen_order,
    encode_json,
    int_parameter,
    listed,
    page_of,
    require_instance,
    time_parameter,
    word_parameter,
)
from quantumsvc.backends.models import Backend, BackendKind, CalibrationSet
from quantumsvc.conventions.etags import is_known, mark_of, marked, unchanged
from quantumsvc.errors import NotFound, UnknownBackend
from quantumsvc.openapi.operations import (
    UNCHANGED,
    described,
    moment,
    number,
    one_of,
    paged,
    sortable,
    text,
    yes_no,
)
from quantumsvc.wire.times import parse_day
from sessions_app import shapes
from sessions_app.bodies import backend_body, backend_status
from sessions_app.services.ledger import WINDOW
from sessions_app.services.lives import settle_overdue
from sessions_app.services.load import Load, loads
from sessions_app.services.usage import used_seconds

JSON = "application/json"
# Clients that know no newer version expect a list of names.
NAMES_ONLY_UNTIL = parse_day("2024-01-01")
PAGING = {each.name for each in paged()}
MOST_QUBITS = 100_000
ORDERS = {"name": ("name",), "qubits": ("qubits", "name"), "created": ("created_at", "name")}
STATUSES: dict[str, dict[str, bool]] = {
    "online": {"is_online": True, "is_paused": False},
    "paused": {"is_online": True, "is_paused": True},
    "offline": {"is_online": False},
}
LIST_WORDS = (
    yes_no("include_mocks", "Also those for dry runs."),
    one_of("status", "Only those that are so.", [*STATUSES]),
    yes_no("simulator", "Only simulators, or only devices."),
    number("min_qubits", "Only those with so many qubits or more.", minimum=0, maximum=MOST_QUBITS),
    *paged(50),
    sortable(*ORDERS),
)


def backend_of(request: Request, name: str, *, without: tuple[str, ...] = ()) -> Backend:
    """The backend of that name, if the caller's instance may use it. Raises :class:`UnknownBackend`.

    Fields ``without`` are left in the database. To say so takes longer than to read a document that is short.
    """
    rows = Backend.objects.usable_by(require_instance(request))
    rows = rows.defer(*without) if without else rows
    backend = rows.filter(name=name).first() if "\0" not in name else None
    if backend is None:
        raise UnknownBackend("There is no backend of that name that this instance may use.")
    return backend


class BackendsView(APIView):
    """``GET /backends``"""

    @described("List backends", query=LIST_WORDS, answer=(shapes.Backends, shapes.BackendsPage))
    def get(self, request: Request) -> Response:
        """The backends this instance may use: names for old clients, descriptions for the others.

        All of them, unless the query asks for a part with `limit`, `offset` or `cursor`; the answer then says
        which part it is.
        """
        rows = _asked(request)
        if not PAGING & request.query_params.keys():
            return Response({"devices": _devices(request, rows)})
        page = page_of(request, default=50)
        part = page.of(rows)
        return Response(listed("devices", _devices(request, part.rows), rows.count(), page, part))


def _asked(request: Request) -> QuerySet[Backend]:
    rows = Backend.objects.usable_by(require_instance(request)).defer("configuration")
    if not bool_parameter(request, "include_mocks"):
        rows = rows.exclude(kind=BackendKind.MOCK.value)
    if status := word_parameter(request, "status", STATUSES):
        rows = rows.filter(**STATUSES[status])
    simulator = bool_parameter(request, "simulator")
    if simulator is not None:
        rows = rows.filter(Q(kind=BackendKind.SIMULATOR.value) if simulator else ~Q(kind="simulator"))
    if least := int_parameter(request, "min_qubits", 0, minimum=0, maximum=MOST_QUBITS):
        rows = rows.filter(qubits__gte=least)
    return chosen_order(request, rows, ORDERS)


def _devices(request: Request, backends: Iterable[Backend]) -> list[Any]:
    if api_version(request) <= NAMES_ONLY_UNTIL:
        return [backend.name for backend in backends]
    found = list(backends)
    known = loads([each.pk for each in found])
    return [backend_body(each, known.get(each.pk, Load())) for each in found]


class ConfigurationView(APIView):
    """``GET /backends/{name}/configuration``"""

    @described(
        "Read a backend's configuration",
        query=(text("calibration_id", "A calibration set of the backend."),),
        answer=dict[str, Any],
        also=UNCHANGED,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """The stored document, as it is."""
        backend = backend_of(request, name, without=_unread(request, "configuration"))
        mark = mark_of(backend.configuration_version)
        if ident := request.query_params.get("calibration_id"):
            known_set(backend, ident)
        return _document(request, mark, lambda: backend.configuration)


class PropertiesView(APIView):
    """``GET /backends/{name}/properties``"""

    @described(
        "Read a backend's properties",
        query=(
            text("calibration_id", "The values of this calibration set."),
            moment("updated_before", "The values that were in force at that time."),
        ),
        answer=dict[str, Any],
        also=UNCHANGED,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """The set asked for, or the newest one not later than ``updated_before``, or the current one."""
        backend = backend_of(request, name)
        if ident := request.query_params.get("calibration_id"):
            found: CalibrationSet | None = known_set(backend, ident)
        else:
            at = time_parameter(request, "updated_before") or clock.now()
            found = CalibrationSet.objects.defer(*_unread(request, "properties")).in_force(backend, at)
        if found is None:
            return HttpResponse("{}", content_type=JSON)
        # A set never changes.
        return _document(request, mark_of(found.pk), lambda: found.properties)


def _unread(request: Request, field: str) -> tuple[str, ...]:
    """The document, which is left in the database until it is sure that it is wanted."""
    return (field,) if "HTTP_IF_NONE_MATCH" in request.META else ()


def _document(request: Request, mark: str, text: Callable[[], str]) -> HttpResponse:
    """A document of that mark, or that the caller has it."""
    if is_known(request.META.get("HTTP_IF_NONE_MATCH"), mark):
        return unchanged(mark)
    return marked(HttpResponse(text(), content_type=JSON), mark)


def known_set(backend: Backend, ident: str) -> CalibrationSet:
    """The backend's calibration set of that id. Raises :class:`NotFound`."""
    found = CalibrationSet.objects.filter(backend=backend, pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise NotFound("The backend has no calibration set of that id.")
    return found


class DefaultsView(APIView):
    """``GET /backends/{name}/defaults``: old clients ask for pulse defaults; there are none."""

    @described("Read pulse defaults", answer=dict[str, Any], refuses=(1007,))
    def get(self, request: Request, name: str) -> Response:
        backend_of(request, name)
        return Response({})


class StatusView(APIView):
    """``GET /backends/{name}/status``"""

    @described("Read a backend's status", answer=shapes.BackendStatus, also=UNCHANGED, refuses=(1007,))
    def get(self, request: Request, name: str) -> HttpResponse:
        """Whether the backend is on, and how many jobs are before a new one."""
        backend = backend_of(request, name)
        load = loads([backend.pk]).get(backend.pk, Load())
        body = encode_json(backend_status(backend, load.jobs))
        return _document(request, mark_of(body), body.decode)


class InstanceUsageView(APIView):
    """``GET /instances/usage``"""

    @described("Read what the instance has used", answer=shapes.InstanceUsage)
    def get(self, request: Request) -> Response:
        """Seconds charged in the last 28 days, and what is allowed; limits that don't exist are left out."""
        instance = require_instance(request)
        now = clock.now()
        settle_overdue(now)
        used = used_seconds(instance, now)
        limit = instance.usage_limit_seconds
        body = {
            "instance_id": instance.crn,
            "plan_id": instance.catalogue_entry.id,
            "usage_consumed_seconds": round(used),
            "usage_period": {
                "start_time": (now - WINDOW).date().isoformat(),
                "end_time": now.date().isoformat(),
            },
            "usage_limit_reached": limit is not None and used >= limit,
        }
        if instance.usage_allocation_seconds is not None:
            body["usage_allocation_seconds"] = instance.usage_allocation_seconds
        if limit is not None:
            body["usage_limit_seconds"] = limit
        return Response(body)
