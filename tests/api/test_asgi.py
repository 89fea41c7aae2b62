"""Calls through the ASGI application, as a server hands them in: large, broken off, and to odd addresses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.db import connection
from pytest_django import Settings

from quantumsvc.asgi import application
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Submission
from tests.api.asgi import ask, elsewhere
from tests.api.callers import Caller
from tests.api.work import job_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


@pytest_asyncio.fixture(autouse=True)
async def tidy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """No thread keeps a connection after the test."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    yield


class Sender:
    """One request, sent in pieces, and what came back."""

    def __init__(self, caller: Caller, path: str, pieces: list[bytes], length: int | None) -> None:
        headers = caller.headers | ({} if length is None else {"Content-Length": str(length)})
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": caller.base + path,
            "raw_path": (caller.base + path).encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        self.pieces = pieces
        self.taken = 0
        self.status = 0
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        if self.taken < len(self.pieces):
            self.taken += 1
            more = self.taken < len(self.pieces)
            return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": more}
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")

    async def done(self) -> int:
        await asyncio.wait_for(application(self.scope, self.receive, self.send), 60)
        return self.status


def body_of(backend: Backend) -> bytes:
    return json.dumps(job_of(backend)).encode()


async def test_it_accepts_a_body_in_pieces(alice: Caller, backend: Backend) -> None:
    body = body_of(backend)
    pieces = [body[n : n + 7] for n in range(0, len(body), 7)]
    assert await Sender(alice, "/jobs", pieces, len(body)).done() == 200
    assert await elsewhere(Job.objects.count) == 1
    assert not await elsewhere(Submission.objects.exists), "the answer was sent"


async def test_it_refuses_a_large_body_unread(alice: Caller, backend: Backend, settings: Settings) -> None:
    settings.MAX_PAYLOAD_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000, 2_000
    sender = Sender(alice, "/jobs", [b" " * 1000] * 1000, 1_000_000)
    assert await sender.done() == 413
    assert b'"errors"' in sender.body
    assert sender.taken <= 3, "what is refused by its length needn't be received"


@pytest.mark.parametrize("length", [None, 10, 10_000])
async def test_it_stores_nothing_of_a_body_that_is_not_whole(
    alice: Caller, backend: Backend, length: int | None
) -> None:
    sender = Sender(alice, "/jobs", [body_of(backend)[:50]], length)
    assert 400 <= await sender.done() < 500
    assert not await elsewhere(Job.objects.exists)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/jobs/a/b/c", "/jobs%2Fx", "//jobs", "/jobs/x/cancel/", "/backends/%00/status"],
)
async def test_it_answers_odd_addresses_in_the_same_shape(alice: Caller, path: str) -> None:
    answer = (await ask(alice, path)).answer
    assert answer.status_code in {404, 405}
    assert set(answer.json()) == {"errors", "trace"}


async def test_it_answers_204_with_an_empty_body(alice: Caller, backend: Backend) -> None:
    sender = Sender(alice, "/jobs", [body_of(backend)], len(body_of(backend)))
    await sender.done()
    ident = (await elsewhere(Job.objects.get)).pk
    for method, path in (("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        answer = (await ask(alice, f"/jobs/{ident}{path}", method)).answer
        assert (answer.status_code, answer.content) == (204, b"")
