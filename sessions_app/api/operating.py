"""The runtime API's calls for operators: what they do to backends, and to jobs of others."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import caller_of
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from quantumsvc.openapi.operations import Operation, described
from quantumsvc.wire.envelope import plain_text, read
from sessions_app import shapes
from sessions_app.api.backends import backend_of
from sessions_app.api.jobs import job_of
from sessions_app.bodies import backend_status
from sessions_app.services.load import Load, loads
from sessions_app.services.operating import (
    bring_online,
    drain_backend,
    pause_queue,
    requeue_job,
    resume_queue,
    take_offline,
)

MAX_REASON = 500


class ReasonEnvelope(msgspec.Struct, frozen=True):
    """The body of an operator's act."""

    reason: str = ""


def reason_of(request: Request, *, required: bool) -> str:
    """Why it is done. Raises :class:`BadRequest` when it must be told and is not."""
    body = request._request.body
    reason = read(body, ReasonEnvelope).reason.strip() if body else ""
    plain_text("reason", reason, limit=MAX_REASON)
    if required and not reason:
        raise BadRequest("reason must tell why.")
    return reason


class BackendActView(APIView):
    """``POST /backends/{name}/...``: one act on a backend; the answer is the backend's status."""

    act: ClassVar[Callable[..., None]]
    needs_reason: ClassVar[bool] = True

    def post(self, request: Request, name: str) -> Response:
        """Do it. Raises NotAllowed for who is no operator."""
        backend = backend_of(request, name)
        actor = caller_of(request).require_operator()
        reason = reason_of(request, required=self.needs_reason)
        type(self).act(backend=backend, now=clock.now(), actor=actor, reason=reason)
        return Response(_status(backend))


def _act(summary: str, *, body_required: bool = True) -> dict[str, Operation]:
    said = Operation(
        summary,
        body=ReasonEnvelope,
        body_required=body_required,
        answer=shapes.BackendStatus,
        refuses=(1007, 1409),
    )
    return {"post": said}


def _status(backend: Backend) -> dict[str, Any]:
    return backend_status(backend, loads([backend.pk]).get(backend.pk, Load()).jobs)


class PauseView(BackendActView):
    operations = _act("Pause the queue")
    act = staticmethod(pause_queue)


class ResumeView(BackendActView):
    operations = _act("Resume the queue", body_required=False)
    act = staticmethod(resume_queue)
    needs_reason = False


class DrainView(BackendActView):
    operations = _act("Drain the backend")
    act = staticmethod(drain_backend)


class OfflineView(BackendActView):
    operations = _act("Take the backend offline")
    act = staticmethod(take_offline)


class OnlineView(BackendActView):
    operations = _act("Bring the backend online", body_required=False)
    act = staticmethod(bring_online)
    needs_reason = False


class RequeueView(APIView):
    """``POST /jobs/{id}/requeue``"""

    @described("Put a job back to the queue", body=ReasonEnvelope, status=204, refuses=(1409,))
    def post(self, request: Request, ident: str) -> HttpResponse:
        """Stop the job and put it back to its place in the queue."""
        job = job_of(request, ident)
        actor = caller_of(request).require_operator()
        requeue_job(job=job, now=clock.now(), actor=actor, reason=reason_of(request, required=True))
        return HttpResponse(status=204)
