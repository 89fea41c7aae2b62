"""The call that waiting clients poll: cheap, and held back for a moment when the answer is near (J6).

It is an ASGI application of its own: a waiting client asks up to ten times a second, and all it needs is
who asks, one job, and whether to wait for a bell.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, unquote

from django.conf import settings
from django.db import connection
from django.http import HttpResponse

from quantumsvc import clock
from quantumsvc.accounts.authentication import identify
from quantumsvc.accounts.callers import Caller
from quantumsvc.accounts.rates import Rate
from quantumsvc.api import encode_json, error_response, service_errors
from quantumsvc.conventions.dressing import leave_for, tell
from quantumsvc.conventions.etags import is_known, mark_of, unchanged
from quantumsvc.errors import NotFound
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.wire.versions import version_named
from sessions_app.bodies import job_body
from sessions_app.models import Job
from sessions_app.services.lives import settle_overdue
from sessions_app.watching import watch

P = ParamSpec("P")
T = TypeVar("T")

# J6: how long an answer may be held back, in seconds.
HELD_SECONDS = 0.5
_PATH = re.compile(r"/(?:experimental|api/v1)/jobs/([^/]+)")
_threads = ThreadPoolExecutor(settings.API_THREADS, thread_name_prefix="status")


def is_status_call(scope: Any) -> bool:
    """Whether a request asks for a job without its params."""
    if scope["type"] != "http" or scope["method"] != "GET" or not _PATH.fullmatch(scope["path"]):
        return False
    return excludes_params(parse_qs(scope["query_string"].decode("latin-1")).get("exclude_params", [""])[0])


def excludes_params(word: str) -> bool:
    """Clients of different ages write ``true`` and ``True``."""
    return word.lower() == "true"


async def status_application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one status call."""
    headers = headers_of(scope)
    match = _PATH.fullmatch(scope["path"])
    await send_answer(headers, _status(headers, unquote(match.group(1)) if match else ""), send)


async def _status(headers: dict[str, str], ident: str) -> HttpResponse:
    version_named(headers.get("ibm-api-version"))
    body, caller = await held_status(headers.get("authorization"), headers.get("service-crn"), ident)
    return conditional(headers, body, mark_of(body), caller.rate)


def headers_of(scope: Any) -> dict[str, str]:
    """The request's headers, their names in small letters."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def conditional(headers: dict[str, str], body: bytes, mark: str, rate: Rate | None) -> HttpResponse:
    """The body, or that the client has it; with what is left of the key's calls."""
    if is_known(headers.get("if-none-match"), mark):
        answer = unchanged(mark)
    else:
        answer = HttpResponse(body, content_type="application/json", headers={"ETag": mark})
    if rate:
        tell(answer, rate.headers())
    return answer


async def send_answer(headers: dict[str, str], answering: Awaitable[HttpResponse], send: Any) -> None:
    """Send what ``answering`` makes; an error of the caller's in the wire's shape."""
    try:
        answer = await answering
    except Exception as problem:
        found = service_errors(problem)
        if not found:
            raise
        answer = error_response(found[0])
    if "origin" in headers:
        tell(answer, leave_for(headers["origin"]))
        answer["Vary"] = "Origin"
    if answer.status_code != 304:
        answer["Content-Length"] = str(len(answer.content))
    head = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": head})
    await send({"type": "http.response.body", "body": answer.content})


async def held_status(authorization: str | None, crn: str | None, ident: str) -> tuple[bytes, Caller]:
    """The job, and who asks; near its end, as soon as its state changes or the time is over (J6)."""
    watched = watch()
    with watched.expecting(ident) as rung:
        caller, body, near = await _read_first(authorization, crn, ident)
        if not near:
            return body, caller
        try:
            async with asyncio.timeout(HELD_SECONDS):
                heard = await watched.listening(HELD_SECONDS)
                news = await _news(rung, caller.require_instance().pk, ident) if heard else body
                return news, caller
        except TimeoutError:
            return body, caller


async def _news(rung: asyncio.Event, instance_id: int, ident: str) -> bytes:
    """The body once the job is not near its end any more; that it runs now, or its progress, is no news."""
    while True:
        await rung.wait()
        rung.clear()
        body, near = await _read_again(instance_id, ident)
        if not near:
            return body


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a database function in a thread and give its connection back afterwards."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connection.close_if_unusable_or_obsolete()

    async def hand_over(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(_threads, lambda: run(*args, **kwargs))

    return hand_over


@in_thread
def _read_first(authorization: str | None, crn: str | None, ident: str) -> tuple[Caller, bytes, bool]:
    """Who asks, and what they see; and whether it is worth waiting for news."""
    now = clock.now()
    caller = identify(authorization, crn, now)
    instance = caller.require_instance()
    settle_overdue(now)
    return (caller, *_read(instance.pk, ident))


@in_thread
def _read_again(instance_id: int, ident: str) -> tuple[bytes, bool]:
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
