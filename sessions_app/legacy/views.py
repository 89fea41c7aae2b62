"""Calls of old clients that differ from those of today's."""

from typing import Any
from urllib.parse import quote

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.hubs import hub_path, instance_at
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.selectors import instances_by_preference
from quantumsvc.api import caller_of, encode_json, require_writer
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.readings import readings_of
from quantumsvc.openapi.operations import described
from quantumsvc.scheduling.states import PENDING_JOB_STATES
from quantumsvc.wire.envelope import read
from sessions_app.api.backends import backend_of
from sessions_app.api.jobs import JobsView, JobView
from sessions_app.legacy.callers import ByBackend, ByBody, ByJob, InInstance, Maker
from sessions_app.legacy.choosing import least_busy
from sessions_app.models import Job
from sessions_app.services.lives import settle_overdue
from sessions_app.services.usage import used_seconds

GIGA = 1e9
MOST_TOLD = 100
UNLIMITED = 1_000_000


class OldJobsView(JobsView):
    """``/jobs``: with primitives of version 1, and over all of the caller's instances when none is named."""

    authentication_classes = (ByBody,)
    old_client = True

    def submitted(self, request: Request) -> bytes:
        """With the name of a backend, which the cloud channel's clients may leave to the service."""
        body = super().submitted(request)
        if read(body, Maker).backend:
            return body
        chosen = least_busy(require_writer(request))
        return b'{"backend":' + encode_json(chosen) + b"," + body.lstrip()[1:]

    def rows(self, request: Request) -> QuerySet[Job]:
        if request.query_params.get("provider"):
            return super().rows(request)
        return Job.objects.visible_to(caller_of(request).user)


class OldJobView(JobView):
    """``/jobs/{id}``: the params are shown to their author only.

    Some of these clients run what they read in params, so they must not read what others wrote.
    """

    authentication_classes = (ByJob,)

    def may_show_params(self, request: Request, job: Job) -> bool:
        return job.user_id == caller_of(request).user.pk


class OldDevicesView(APIView):
    """``GET /Network/{hub}/Groups/{group}/Projects/{project}/devices/v/1``, of clients before 0.8."""

    authentication_classes = (InInstance,)

    @described("List devices", answer=list[dict[str, Any]])
    def get(self, request: Request, hub: str, group: str, project: str) -> HttpResponse:
        """The configurations of all backends that the instance may use."""
        path = "/".join(quote(part, safe="") for part in (hub, group, project))
        instance = instance_at(caller_of(request).user, path)
        rows = Backend.objects.usable_by(instance).order_by("name")
        found = ",".join(rows.values_list("configuration", flat=True))
        return HttpResponse(f"[{found}]", content_type="application/json")


class OldDefaultsView(APIView):
    """``GET /backends/{name}/defaults``: no pulses, but the qubits' frequencies (GHz).

    Clients up to 0.17 can't build their picture of a device when there are no defaults at all.
    """

    authentication_classes = (ByBackend,)

    @described("Read pulse defaults", answer=dict[str, Any], refuses=(1007,))
    def get(self, request: Request, name: str) -> Response:
        backend = backend_of(request, name)
        found = CalibrationSet.objects.in_force(backend, clock.now())
        frequencies = readings_of(found.properties).of("frequency") if found else ()
        if not frequencies:
            return Response({})
        return Response(
            {
                "qubit_freq_est": [(value or 0.0) / GIGA for value in frequencies],
                "meas_freq_est": [0.0] * len(frequencies),
                "buffer": 0,
                "pulse_library": [],
                "cmd_def": [],
            }
        )


class UsageView(APIView):
    """``GET /usage``: seconds used and allowed, by instance; asked before every submission."""

    authentication_classes = (InInstance,)

    @described("Read the usage of all instances", answer=dict[str, Any])
    def get(self, request: Request) -> Response:
        now = clock.now()
        settle_overdue(now)
        user = caller_of(request).user
        return Response(
            {"byInstance": [_usage(each, now) for each in instances_by_preference(user)[:MOST_TOLD]]}
        )


def _usage(instance: Instance, now: Any) -> dict[str, Any]:
    pending = Job.objects.filter(instance=instance).filter(Q(state__in=PENDING_JOB_STATES)).count()
    told = {
        "instance": hub_path(instance),
        "usage": round(used_seconds(instance, now)),
        "pendingJobs": pending,
        # Clients compare the two, and wait for a job of theirs to end when they are equal.
        "maxPendingJobs": instance.max_pending_jobs or UNLIMITED,
    }
    quota = instance.usage_limit_seconds
    return told if quota is None else {**told, "quota": quota}
