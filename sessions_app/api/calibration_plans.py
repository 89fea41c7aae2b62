"""The runtime API's calls about recurring calibrations, the operator's thresholds, and alerts."""

from typing import Annotated, Any

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import (
    bool_parameter,
    caller_of,
    chosen_order,
    listed,
    page_of,
    require_instance,
    word_parameter,
)
from quantumsvc.backends.models import Backend
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import NotFound
from quantumsvc.openapi.operations import described, one_of, paged, sortable, text, yes_no
from quantumsvc.scheduling.calibrations import AlertKind
from quantumsvc.wire.envelope import plain_text, read
from quantumsvc.wire.times import iso_z
from sessions_app.api.backends import backend_of
from sessions_app.api.calibrations import Deferral, Minutes, Moment, Qubits
from sessions_app.api.operating import reason_of
from sessions_app.bodies import instant
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationSchedule
from sessions_app.services.calibrations.alerts import note_seen
from sessions_app.services.calibrations.concluding import policy_of
from sessions_app.services.calibrations.planning import (
    FIELDS,
    change_schedule,
    create_schedule,
    delete_schedule,
    next_due,
)
from sessions_app.services.calibrations.policies import POLICY_SETTINGS, change_calibration_policy
from sessions_app.shapes import calibrations as shapes

SCHEDULE_ORDERS = {"backend": ("backend__name", "name", "id"), "name": ("name", "id")}
ALERT_ORDERS = {"at": ("at", "id")}
KINDS = [each.value for each in AlertKind]
Text = Annotated[str, Meta(max_length=500)]


class SchedulePatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``PATCH /calibration-schedules/{id}``: what is left out stays."""

    name: Text | msgspec.UnsetType = msgspec.UNSET
    rrule: Text | msgspec.UnsetType = msgspec.UNSET
    time_zone: Text | msgspec.UnsetType = msgspec.UNSET
    starts_at: Moment | msgspec.UnsetType = msgspec.UNSET
    deferral_seconds: Deferral | msgspec.UnsetType = msgspec.UNSET
    window_minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    qubits: Qubits | msgspec.UnsetType = msgspec.UNSET
    experiments: list[Text] | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class ScheduleEnvelope(SchedulePatch, kw_only=True, forbid_unknown_fields=True):
    """``POST /calibration-schedules``. ``time_zone`` is the operator's own if none is given."""

    backend: str
    name: Text
    rrule: Text


class PolicyPatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``PATCH /backends/{name}/calibration-policy``: what is left out stays."""

    lifetime_drop: float | msgspec.UnsetType = msgspec.UNSET
    error_rise: float | msgspec.UnsetType = msgspec.UNSET
    pause_on_drift: bool | msgspec.UnsetType = msgspec.UNSET
    deferral_seconds: Deferral | msgspec.UnsetType = msgspec.UNSET
    overdue_seconds: Annotated[int, Meta(ge=0, le=2**31 - 1)] | msgspec.UnsetType = msgspec.UNSET


def given(sent: msgspec.Struct) -> dict[str, Any]:
    """The fields that the body has, each refused if it holds what the database can't keep."""
    fields = {name: getattr(sent, name) for name in sent.__struct_fields__}
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                plain_text(name, each, limit=500)
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


def schedules_of(request: Request) -> QuerySet[CalibrationSchedule]:
    """The schedules of the backends that the caller's instance may use."""
    usable = Backend.objects.usable_by(require_instance(request))
    rows = CalibrationSchedule.objects.visible_to(caller_of(request).user).filter(backend__in=usable)
    return rows.select_related("backend").defer("backend__configuration")


def schedule_of(request: Request, ident: str) -> CalibrationSchedule:
    """One of them. Raises :class:`NotFound`."""
    found = schedules_of(request).filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise NotFound("There is no calibration schedule of that id.")
    return found


class SchedulesView(APIView):
    """``/calibration-schedules``"""

    @described(
        "List calibration schedules",
        query=(
            *paged(50),
            text("backend", "Only those of the backend of this name."),
            yes_no("active", "Only those that run, or only the others."),
            sortable(*SCHEDULE_ORDERS),
        ),
        refuses=(1007,),
        answer=shapes.CalibrationSchedules,
    )
    def get(self, request: Request) -> Response:
        """What is planned, by backend and name."""
        rows = schedules_of(request).order_by("backend__name", "name", "id")
        if name := request.query_params.get("backend"):
            rows = rows.filter(backend=backend_of(request, name))
        active = bool_parameter(request, "active")
        if active is not None:
            rows = rows.filter(is_active=active)
        rows = chosen_order(request, rows, SCHEDULE_ORDERS)
        page = page_of(request, default=50)
        part = page.of(rows)
        found = [schedule_body(each) for each in part.rows]
        return Response(listed("schedules", found, rows.count(), page, part))

    @described(
        "Plan calibrations",
        body=ScheduleEnvelope,
        answer=shapes.CalibrationSchedule,
        status=201,
        refuses=(1007, 1409),
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Plan calibrations that recur; operators may."""
        fields = given(read(request._request.body, ScheduleEnvelope))
        backend = backend_of(request, fields.pop("backend"))
        operator = caller_of(request).require_operator()
        now = clock.now()
        usual = {"time_zone": operator.time_zone, "starts_at": now}
        made = create_schedule(backend=backend, fields={**usual, **fields}, by=operator, now=now)
        return Response(schedule_body(made), status=201)


class ScheduleView(APIView):
    """``/calibration-schedules/{id}``"""

    @described("Read a calibration schedule", answer=shapes.CalibrationSchedule)
    def get(self, request: Request, ident: str) -> Response:
        return Response(schedule_body(schedule_of(request, ident)))

    @described(
        "Change a calibration schedule",
        body=SchedulePatch,
        answer=shapes.CalibrationSchedule,
        refuses=(1409,),
    )
    def patch(self, request: Request, ident: str) -> Response:
        """Change what is given; the run that waits is planned anew. Operators may."""
        schedule = schedule_of(request, ident)
        operator = caller_of(request).require_operator()
        fields = given(read(request._request.body, SchedulePatch))
        changed = change_schedule(schedule=schedule, fields=fields, by=operator, now=clock.now())
        return Response(schedule_body(changed))

    @described("Delete a calibration schedule", status=204)
    def delete(self, request: Request, ident: str) -> HttpResponse:
        """Plan no more of it. Operators may."""
        schedule = schedule_of(request, ident)
        operator = caller_of(request).require_operator()
        reason = reason_of(request, required=False)
        delete_schedule(schedule=schedule, by=operator, now=clock.now(), reason=reason)
        return HttpResponse(status=204)


def schedule_body(schedule: CalibrationSchedule) -> dict[str, Any]:
    """One schedule, with the first occurrence from now on."""
    following = next_due(schedule, clock.now()) if schedule.is_active else None
    fields = {name: getattr(schedule, name) for name in FIELDS}
    return {
        "id": schedule.pk,
        "backend": schedule.backend.name,
        **fields,
        "starts_at": iso_z(schedule.starts_at),
        "next_due": instant(following),
    }


class PolicyView(APIView):
    """``/backends/{name}/calibration-policy``"""

    @described("Read the calibration policy", answer=shapes.CalibrationPolicy, refuses=(1007,))
    def get(self, request: Request, name: str) -> Response:
        return Response(policy_body(policy_of(backend_of(request, name))))

    @described(
        "Change the calibration policy", body=PolicyPatch, answer=shapes.CalibrationPolicy, refuses=(1007,)
    )
    def patch(self, request: Request, name: str) -> Response:
        """Change thresholds and what follows; operators may."""
        backend = backend_of(request, name)
        operator = caller_of(request).require_operator()
        settings = given(read(request._request.body, PolicyPatch))
        changed = change_calibration_policy(
            backend=backend, settings=settings, now=clock.now(), actor=operator
        )
        return Response(policy_body(changed))


def policy_body(policy: CalibrationPolicy) -> dict[str, Any]:
    """The operator's settings for a backend's calibrations."""
    return {name: getattr(policy, name) for name in POLICY_SETTINGS}


class AlertsView(APIView):
    """``GET /backends/{name}/alerts``"""

    @described(
        "List alerts",
        query=(
            *paged(50),
            yes_no("seen", "Only those that were seen, or only the others."),
            one_of("kind", "Only those of this kind.", KINDS),
            sortable(*ALERT_ORDERS),
        ),
        answer=shapes.Alerts,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> Response:
        """What operators should know of a backend, newest first; ``seen=false`` leaves out what was seen."""
        rows = BackendAlert.objects.filter(backend=backend_of(request, name)).select_related("seen_by")
        seen = bool_parameter(request, "seen")
        if seen is not None:
            rows = rows.filter(seen_at__isnull=not seen)
        if kind := word_parameter(request, "kind", KINDS):
            rows = rows.filter(kind=kind)
        rows = chosen_order(request, rows, ALERT_ORDERS)
        page = page_of(request, default=50)
        part = page.of(rows)
        found = [alert_body(each) for each in part.rows]
        return Response(listed("alerts", found, rows.count(), page, part))


class AlertSeenView(APIView):
    """``POST /backends/{name}/alerts/{id}/seen``"""

    @described("Mark an alert as seen", answer=shapes.Alert, refuses=(1007, 1409))
    def post(self, request: Request, name: str, ident: str) -> Response:
        """Say that somebody has looked at it; operators may."""
        backend = backend_of(request, name)
        found = BackendAlert.objects.filter(backend=backend, pk=ident).first() if "\0" not in ident else None
        if found is None:
            raise NotFound("The backend has no alert of that id.")
        operator = caller_of(request).require_operator()
        note_seen(alert=found, by=operator, now=clock.now())
        return Response(alert_body(found))


def alert_body(alert: BackendAlert) -> dict[str, Any]:
    """One alert."""
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "at": iso_z(alert.at),
        "text": alert.text,
        "details": alert.details,
        "calibration": alert.run_id,
        "seen_at": instant(alert.seen_at),
    }
