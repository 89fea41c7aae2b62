"""The runtime API's calls about calibrations: what was measured, and asking for it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.api import caller_of, chosen_order, listed, page_of, require_instance, word_parameter
from quantumsvc.backends.chipdata.comparing import changes
from quantumsvc.backends.chipdata.properties import TIMES, values_of
from quantumsvc.backends.chipdata.readings import Experiment, Key
from quantumsvc.backends.models import Backend, CalibrationSet, CalibrationSource
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import BadRequest, NotFound
from quantumsvc.openapi.operations import TEXT, described, one_of, paged, sortable, text
from quantumsvc.scheduling.calibrations import Trigger, outcome_of
from quantumsvc.scheduling.states import JobState
from quantumsvc.wire.envelope import plain_text, read
from quantumsvc.wire.times import iso_z
from sessions_app.api.backends import backend_of, known_set
from sessions_app.api.operating import ReasonEnvelope, reason_of
from sessions_app.bodies import instant
from sessions_app.models import CalibrationRun, JobLog
from sessions_app.services.calibrations.concluding import policy_of
from sessions_app.services.calibrations.debt import debt_of
from sessions_app.services.calibrations.requesting import Wish, cancel_calibration, request_calibration
from sessions_app.services.calibrations.uploading import upload_set
from sessions_app.services.calibrations.wishes import current_set
from sessions_app.shapes import calibrations as shapes

MAX_NOTE = 300
SET_ORDERS = {"taken_at": ("taken_at", "id")}
RUN_ORDERS = {"due_at": ("due_at", "id"), "created": ("created_at", "id")}
SOURCES = [each.value for each in CalibrationSource]
TRIGGERS = [each.value for each in Trigger]
MAX_DEFERRAL = 7 * 86_400

Moment = Annotated[datetime, Meta(tz=True)]
Qubits = Annotated[list[Annotated[int, Meta(ge=0, le=99_999)]], Meta(max_length=10_000)]
Minutes = Annotated[int, Meta(ge=0, le=24 * 60)]
Deferral = Annotated[int, Meta(ge=0, le=MAX_DEFERRAL)]


class UploadEnvelope(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``POST /backends/{name}/calibrations``. Without ``taken_at`` the set holds from now on."""

    properties: dict[str, Any]
    taken_at: Moment | None = None
    note: str = ""


class RequestEnvelope(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``POST /calibrations``. Without ``due_at`` it takes the next free moment (S2).

    ``window_minutes`` reserves so much time for it, from when it is due.
    """

    backend: str
    due_at: Moment | None = None
    qubits: Qubits = []
    experiments: list[Experiment] = []
    deferral_seconds: Deferral | None = None
    window_minutes: Minutes = 0
    note: str = ""


# --- Sets ---


class SetsView(APIView):
    """``/backends/{name}/calibrations``"""

    @described(
        "List calibration sets",
        query=(*paged(50), one_of("source", "Only sets from there.", SOURCES), sortable(*SET_ORDERS)),
        answer=shapes.CalibrationSets,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> Response:
        """The backend's sets, newest first, without their values."""
        backend = backend_of(request, name)
        page = page_of(request, default=50)
        rows = chosen_order(request, _sets_of(backend), SET_ORDERS)
        if source := word_parameter(request, "source", SOURCES):
            rows = rows.filter(source=source)
        newest = current_set(backend)
        part = page.of(rows)
        found = [set_body(each, current=each == newest) for each in part.rows]
        return Response(listed("calibrations", found, rows.count(), page, part))

    @described(
        "Upload a calibration set",
        body=UploadEnvelope,
        answer=shapes.CalibrationSet,
        status=201,
        refuses=(1007, 1409),
    )
    @idempotent()
    def post(self, request: Request, name: str) -> Response:
        """Upload a set that was measured elsewhere; operators may."""
        backend = backend_of(request, name)
        operator = caller_of(request).require_operator()
        sent = read(request._request.body, UploadEnvelope)
        plain_text("note", sent.note, limit=MAX_NOTE)
        now = clock.now()
        kept = upload_set(
            backend=backend,
            document=sent.properties,
            taken_at=sent.taken_at or now,
            note=sent.note,
            by=operator,
            now=now,
        )
        return Response(set_body(kept, current=True), status=201)


def _sets_of(backend: Backend) -> QuerySet[CalibrationSet]:
    return CalibrationSet.objects.filter(backend=backend).select_related("run").defer("properties")


class SetView(APIView):
    """``GET /backends/{name}/calibrations/{id}``"""

    @described("Read a calibration set", answer=shapes.CalibrationSetWithValues, refuses=(1007,))
    def get(self, request: Request, name: str, ident: str) -> Response:
        """One set with its values, in seconds and probabilities; ``current`` names the newest."""
        backend = backend_of(request, name)
        found = _named(backend, ident)
        body = set_body(found, current=found == current_set(backend))
        return Response({**body, "values": [_value(key, value) for key, value in _values(found)]})


class CompareView(APIView):
    """``GET /backends/{name}/calibrations/compare?before=&after=``"""

    @described(
        "Compare calibration sets",
        query=(
            text("before", "The earlier set.", required=True),
            text("after", "The later set; the current one if left out."),
        ),
        answer=shapes.CalibrationComparison,
        refuses=(1007,),
    )
    def get(self, request: Request, name: str) -> Response:
        """How each value differs between two sets; without ``after``, from the current one."""
        backend = backend_of(request, name)
        words = request.query_params
        if not words.get("before"):
            raise BadRequest("before must be given.")
        before, after = _named(backend, words["before"]), _named(backend, words.get("after") or "current")
        found = changes(dict(_values(before)), dict(_values(after)))
        return Response(
            {
                "before": set_body(before),
                "after": set_body(after),
                "changes": [
                    {
                        "parameter": each.parameter,
                        "qubits": list(each.qubits),
                        "before": each.before,
                        "after": each.after,
                        "fraction": each.fraction,
                    }
                    for each in found
                ],
            }
        )


def _named(backend: Backend, ident: str) -> CalibrationSet:
    """The set of that id, or the current one. Raises :class:`NotFound`."""
    if ident != "current":
        return known_set(backend, ident)
    found = CalibrationSet.objects.filter(backend=backend).first()
    if found is None:
        raise NotFound("The backend has no calibration set.")
    return found


def _values(found: CalibrationSet) -> list[tuple[Key, float]]:
    return sorted(values_of(msgspec.json.decode(found.properties)).items())


def _value(key: Key, value: float) -> dict[str, Any]:
    parameter, place = key
    unit = "s" if parameter in TIMES else ""
    return {"parameter": parameter, "qubits": list(place), "value": value, "unit": unit}


def set_body(found: CalibrationSet, *, current: bool | None = None) -> dict[str, Any]:
    """One set without its values."""
    run = getattr(found, "run", None)
    body = {
        "id": found.pk,
        "taken_at": iso_z(found.taken_at),
        "source": found.source,
        "note": found.note,
        "calibration": run.pk if run else None,
        "partial": bool(run and run.is_partial),
        "kept_from_before": run.report.get("failures", []) if run else [],
    }
    return body if current is None else {**body, "current": current}


# --- Runs ---


def runs_of(request: Request) -> QuerySet[CalibrationRun]:
    """The calibrations of the backends that the caller's instance may use."""
    usable = Backend.objects.usable_by(require_instance(request))
    rows = CalibrationRun.objects.visible_to(caller_of(request).user).filter(backend__in=usable)
    return rows.select_related("backend", "job", "requested_by").defer("backend__configuration")


def run_of(request: Request, ident: str) -> CalibrationRun:
    """One of them. Raises :class:`NotFound`."""
    found = runs_of(request).filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise NotFound("There is no calibration of that id.")
    return found


class CalibrationsView(APIView):
    """``/calibrations``"""

    @described(
        "List calibrations",
        query=(
            *paged(50),
            text("backend", "Only those of the backend of this name."),
            one_of("trigger", "Only those that were begun so.", TRIGGERS),
            sortable(*RUN_ORDERS),
        ),
        answer=shapes.CalibrationRuns,
        refuses=(1007,),
    )
    def get(self, request: Request) -> Response:
        """Calibrations, the latest due first; of one backend if the query names it."""
        rows = runs_of(request)
        if name := request.query_params.get("backend"):
            rows = rows.filter(backend=backend_of(request, name))
        if trigger := word_parameter(request, "trigger", TRIGGERS):
            rows = rows.filter(trigger=trigger)
        rows = chosen_order(request, rows, RUN_ORDERS)
        page = page_of(request, default=50)
        part = page.of(rows)
        found = [run_body(each, caller_of(request).user) for each in part.rows]
        return Response(listed("calibrations", found, rows.count(), page, part))

    @described(
        "Ask for a calibration",
        body=RequestEnvelope,
        answer=shapes.CalibrationRun,
        status=201,
        refuses=(1007, 1409, 9003),
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Ask for a calibration, at once or at a time; operators may."""
        sent = read(request._request.body, RequestEnvelope)
        backend = backend_of(request, sent.backend)
        operator = caller_of(request).require_operator()
        plain_text("note", sent.note, limit=MAX_NOTE)
        now = clock.now()
        deferral = sent.deferral_seconds
        wish = Wish(
            due_at=max(sent.due_at or now, now),
            qubits=sent.qubits,
            experiments=sent.experiments,
            window_minutes=sent.window_minutes,
            deferral_seconds=policy_of(backend).deferral_seconds if deferral is None else deferral,
            note=sent.note,
        )
        run = request_calibration(backend=backend, wish=wish, now=now, by=operator, reason=sent.note)
        return Response(run_body(run, operator), status=201)


class CalibrationView(APIView):
    """``GET /calibrations/{id}``"""

    @described("Read a calibration", answer=shapes.CalibrationRunInFull)
    def get(self, request: Request, ident: str) -> Response:
        """One calibration, with how overdue it is or was, and what held the device."""
        run, reader = run_of(request, ident), caller_of(request).user
        visible = set(Instance.objects.visible_to(reader).values_list("pk", flat=True))
        debt = debt_of(run, clock.now()).told(visible)
        return Response({**run_body(run, reader), "report": run.report, "debt": debt})


class CalibrationCancelView(APIView):
    """``POST /calibrations/{id}/cancel``"""

    @described("Cancel a calibration", body=ReasonEnvelope, body_required=False, status=204, refuses=(1409,))
    def post(self, request: Request, ident: str) -> HttpResponse:
        """Give it up, whether it waits or runs; operators may."""
        run = run_of(request, ident)
        operator = caller_of(request).require_operator()
        reason = reason_of(request, required=False)
        cancel_calibration(run=run, now=clock.now(), by=operator, reason=reason)
        return HttpResponse(status=204)


class CalibrationLogsView(APIView):
    """``GET /calibrations/{id}/logs``"""

    @described("Read the log of a calibration", answer=str, media=TEXT)
    def get(self, request: Request, ident: str) -> HttpResponse:
        """What the calibration logged, as plain text; for operators and whoever asked for it."""
        run, reader = run_of(request, ident), caller_of(request).user
        if not _is_theirs(run, reader):
            caller_of(request).require_operator()
        lines = JobLog.objects.filter(job=run.job).values_list("text", flat=True)
        return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def _is_theirs(run: CalibrationRun, reader: User) -> bool:
    return reader.is_operator or run.requested_by_id == reader.pk


def run_body(run: CalibrationRun, reader: User) -> dict[str, Any]:
    """One calibration; who asked for it, and its job, only for operators and those who asked."""
    job, theirs = run.job, _is_theirs(run, reader)
    return {
        "id": run.pk,
        "backend": run.backend.name,
        "state": outcome_of(JobState(job.state), run.is_partial).value,
        "trigger": run.trigger,
        "schedule": run.schedule_id,
        "job_id": job.pk if theirs else None,
        "requested_by": run.requested_by.username if theirs and run.requested_by else None,
        "note": run.note if theirs else "",
        "reason": job.reason if theirs and job.is_terminal else "",
        "qubits": run.qubits,
        "experiments": run.experiments,
        "created": iso_z(run.created_at),
        "due_at": iso_z(run.due_at),
        "deferral_seconds": job.deferral_seconds,
        "window": run.window_id,
        "started": instant(job.started_at),
        "ended": instant(job.finished_at),
        "progress": {"done": job.progress_done, "total": job.progress_total},
        "before": run.base_set_id,
        "result": run.result_set_id,
    }
