"""Long waits: a job's or session's answer is held back until its state changes, up to half a minute.

``GET /jobs/{id}?wait=30`` and ``GET /sessions/{id}?wait=30`` are answered in the event loop, like the status
call: a waiter takes no thread and asks nothing while it waits, and is woken by the bell of its own job or
session. How many may wait at once is bounded, in all and for each key.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from django.conf import settings
from django.http import HttpResponse

from quantumsvc import clock
from quantumsvc.accounts.authentication import identify
from quantumsvc.accounts.callers import Caller
from quantumsvc.api import encode_json
from quantumsvc.conventions.etags import is_known, mark_of
from quantumsvc.errors import BadRequest, NotFound, TooManyRequests
from quantumsvc.scheduling.states import SessionState
from quantumsvc.wire.versions import version_named
from sessions_app.api.status import conditional, headers_of, in_thread, send_answer
from sessions_app.bodies import job_body, session_body, session_mark
from sessions_app.models import Job, Session
from sessions_app.services.lives import settle_overdue
from sessions_app.watching import watch

MAX_SECONDS = 30
_PATH = re.compile(r"/(?:experimental|api/v1)/(jobs|sessions)/([^/]+)")
# When to try again where too many wait (seconds).
_LATER = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees at one moment; ``word`` is what a waiter waits to change."""

    caller: Caller
    body: bytes
    mark: str
    word: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks for what."""

    kind: str
    ident: str
    authorization: str | None
    crn: str | None
    # The mark of what the caller has.
    known: str | None

    def is_news(self, first: Sight, seen: Sight) -> bool:
        """Whether it is time to answer: another state, or another answer than the caller has."""
        if self.known:
            return not is_known(self.known, seen.mark)
        return seen.ended or seen.word != first.word


class Places:
    """How many wait, in all and for each key."""

    def __init__(self) -> None:
        self._taken: Counter[int] = Counter()

    @contextmanager
    def taken(self, key_id: int) -> Iterator[None]:
        """A place to wait. Raises TooManyRequests when there is none."""
        most = settings.MAX_WAITING_CALLS
        if self._taken.total() >= most or self._taken[key_id] >= max(1, most // 10):
            raise TooManyRequests("Too many calls wait at once.", retry_after=_LATER)
        self._taken[key_id] += 1
        try:
            yield
        finally:
            self._taken[key_id] -= 1
            if not self._taken[key_id]:
                del self._taken[key_id]


places = Places()


def is_waiting_call(scope: Any) -> bool:
    """Whether a request waits for news of a job or session."""
    if scope["type"] != "http" or scope["method"] != "GET" or b"wait=" not in scope["query_string"]:
        return False
    return bool(_PATH.fullmatch(scope["path"])) and "wait" in _words(scope)


def _words(scope: Any) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"))


async def waiting_application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one waiting call, unless the caller goes away before."""
    answering = asyncio.ensure_future(send_answer(headers_of(scope), _answer(scope), send))
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(scope: Any) -> HttpResponse:
    headers = headers_of(scope)
    version_named(headers.get("ibm-api-version"))
    match = _PATH.fullmatch(scope["path"])
    assert match is not None
    known = headers.get("if-none-match")
    ident = unquote(match.group(2))
    asked = Question(match.group(1), ident, headers.get("authorization"), headers.get("service-crn"), known)
    seen = await _news_of(asked, seconds_of(_words(scope)["wait"][0]))
    return conditional(headers, seen.body, seen.mark, seen.caller.rate)


def seconds_of(text: str) -> int:
    """How long to wait. Raises BadRequest."""
    if not re.fullmatch("[0-9]{1,3}", text) or int(text) > MAX_SECONDS:
        raise BadRequest(f"wait must be a whole number from 0 to {MAX_SECONDS}.")
    return int(text)


async def _news_of(asked: Question, seconds: int) -> Sight:
    watched = watch()
    with watched.expecting(asked.ident) as rung:
        first = await _look(asked)
        if not seconds or first.ended or (asked.known and asked.is_news(first, first)):
            return first
        with places.taken(first.caller.key_id):
            try:
                async with asyncio.timeout(seconds):
                    return await _next(asked, first, rung)
            except TimeoutError:
                return await _look(asked)


async def _next(asked: Question, first: Sight, rung: asyncio.Event) -> Sight:
    while True:
        await rung.wait()
        rung.clear()
        seen = await _look(asked)
        if asked.is_news(first, seen):
            return seen


@in_thread
def _look(asked: Question) -> Sight:
    """What the caller sees now; their rights are looked at each time, since a wait may be long."""
    now = clock.now()
    caller = identify(asked.authorization, asked.crn, now)
    instance = caller.require_instance()
    settle_overdue(now)
    see: Callable[..., Sight] = _job if asked.kind == "jobs" else _session
    return see(caller, instance.pk, asked.ident if "\0" not in asked.ident else "", now)


def _job(caller: Caller, instance_id: int, ident: str, now: Any) -> Sight:
    rows = Job.objects.filter(instance_id=instance_id, deleted_at__isnull=True, pk=ident)
    job = rows.select_related("backend").first()
    if job is None:
        raise NotFound("There is no job of that id in this instance.")
    body = encode_json(job_body(job))
    return Sight(caller, body, mark_of(body), job.state, job.is_terminal)


def _session(caller: Caller, instance_id: int, ident: str, now: Any) -> Sight:
    rows = Session.objects.filter(instance_id=instance_id, pk=ident)
    session = rows.select_related("backend").first()
    if session is None:
        raise NotFound("There is no session of that id in this instance.")
    word = f"{session.state} {session.accepting_jobs}"
    body = encode_json(session_body(session, now))
    return Sight(caller, body, session_mark(session), word, session.state == SessionState.CLOSED)
