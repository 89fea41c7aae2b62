"""The call that waiting clients poll: cheap, and held back for a moment when the answer is near (J6)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from quantumsvc import clock
from quantumsvc.accounts.authentication import identify
from quantumsvc.api import encode_json, error_response, service_errors
from quantumsvc.errors import NotFound, ServiceError
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from sessions_app.api.bodies import job_body
from sessions_app.api.jobs import JobView
from sessions_app.models import Job
from sessions_app.services.lives import settle_overdue
from sessions_app.watching import watch

P = ParamSpec("P")
T = TypeVar("T")

# J6: how long an answer may be held back, in seconds.
HELD_SECONDS = 0.5

_full_view = JobView.as_view()


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a database function in a thread of its own and give its connection back afterwards."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connection.close_if_unusable_or_obsolete()
            if connection.settings_dict["OPTIONS"].get("pool"):
                connection.close()

    return sync_to_async(run, thread_sensitive=False)


@csrf_exempt
async def job_view(request: HttpRequest, ident: str) -> HttpResponse:
    """``/jobs/{id}``: the status call when params are excluded, everything else the ordinary way."""
    excluded = request.GET.get("exclude_params", "").lower() == "true"
    if request.method != "GET" or not excluded:
        return await sync_to_async(_full_view)(request, ident=ident)
    try:
        return HttpResponse(await _status(request, ident), content_type="application/json")
    except ServiceError as error:
        return error_response(service_errors(error)[0])


async def _status(request: HttpRequest, ident: str) -> bytes:
    authorization, crn = request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_SERVICE_CRN")
    watched = watch()
    with watched.expecting(ident) as rung:
        instance_id, body, near = await read_first(authorization, crn, ident)
        if not near or not await watched.listening(HELD_SECONDS):
            return body
        try:
            await asyncio.wait_for(_changed(rung, instance_id, ident), HELD_SECONDS)
        except TimeoutError:
            return body
    return (await read_again(instance_id, ident))[0]


async def _changed(rung: asyncio.Event, instance_id: int, ident: str) -> None:
    """Wait until the job's state is another than the one that was read; progress alone is not news."""
    while True:
        await rung.wait()
        rung.clear()
        if not (await read_again(instance_id, ident))[1]:
            return


@in_thread
def read_first(authorization: str | None, crn: str | None, ident: str) -> tuple[int, bytes, bool]:
    """Who asks, and what they see; and whether it is worth waiting for news."""
    now = clock.now()
    instance = identify(authorization, crn, now).require_instance()
    settle_overdue(now)
    return (instance.pk, *_read(instance.pk, ident))


@in_thread
def read_again(instance_id: int, ident: str) -> tuple[bytes, bool]:
    """The same for a caller who was let in a moment ago."""
    return _read(instance_id, ident)


def _read(instance_id: int, ident: str) -> tuple[bytes, bool]:
    rows = Job.objects.filter(instance_id=instance_id, deleted_at__isnull=True, pk=ident)
    job = rows.select_related("session", "backend").first() if "\0" not in ident else None
    if job is None:
        raise NotFound("There is no job of that id in this instance.")
    return encode_json(job_body(job)), is_near(job)


def is_near(job: Job) -> bool:
    """J6: the job runs, or waits on a backend that is held for its session."""
    if job.state == JobState.RUNNING:
        return True
    held = job.session is not None and (
        job.session.state == SessionState.ACTIVE and job.session.mode == SessionMode.DEDICATED
    )
    return job.state == JobState.QUEUED and held
