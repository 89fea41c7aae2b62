"""Old clients that wait on a WebSocket: an acknowledgement, the result, a proper end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.db import connection

from quantumsvc.accounts.services import revoke_key
from quantumsvc.asgi import application
from quantumsvc.backends.models import Backend
from sessions_app.legacy import stream
from sessions_app.watching import watch
from tests.api.asgi import elsewhere
from tests.api.callers import Caller
from tests.api.work import post_job
from tests.factories import START
from tests.legacy.conftest import of_old
from tests.services.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
RESULT = b'{"quasi_dists":[{"0":1.0}],"metadata":[{}]}'


@pytest_asyncio.fixture(autouse=True)
async def tidy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """No thread keeps a connection after the test, and nothing was told before it."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    stream._told.clear()
    watched = watch()
    assert await watched.listening(5)
    yield
    watched.close()


class Waiting:
    """One client that waits for a job."""

    def __init__(self, token: str | None, ident: str) -> None:
        path = f"/legacy/stream/jobs/{ident}"
        headers = [] if token is None else [(b"x-access-token", token.encode())]
        self.scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b""}
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(application(self.scope, self.said.get, self.heard.put))

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.heard.get(), 60)

    async def all(self) -> list[str]:
        """What is heard until the end, in short."""
        heard: list[str] = []
        while not heard or heard[-1] not in ("close 1000", "close 4404"):
            event = await self.next()
            word = event["type"].removeprefix("websocket.")
            heard.append(f"{word} {event.get('code', event.get('text', ''))}".strip())
        await asyncio.wait_for(self.task, 60)
        return heard


ACK = f"send {stream.ACKNOWLEDGED}"


def token_of(caller: Caller) -> str:
    return of_old(caller).headers["X-Access-Token"]


async def test_it_tells_the_result_when_the_job_ends(alice: Caller, simulator: Backend) -> None:
    ident = await elsewhere(post_job, alice, simulator)
    waiting = Waiting(token_of(alice), ident)
    assert [(await waiting.next())["type"] for _ in range(2)] == ["websocket.accept", "websocket.send"]
    worker = await elsewhere(Worker, simulator)
    await elsewhere(worker.start, 1)
    await elsewhere(worker.turn, 2, end="completed", result=RESULT)
    assert await waiting.all() == [f"send {RESULT.decode()}", "close 1000"]


async def test_it_tells_a_result_once(alice: Caller, simulator: Backend) -> None:
    """A client whose library takes the proper end for a failure asks again, and must get tired of it."""
    ident = await elsewhere(post_job, alice, simulator)
    worker = await elsewhere(Worker, simulator)
    await elsewhere(worker.start, 1)
    await elsewhere(worker.turn, 2, end="completed", result=RESULT)
    told = ["accept", ACK, f"send {RESULT.decode()}", "close 1000"]
    assert await Waiting(token_of(alice), ident).all() == told
    assert await Waiting(token_of(alice), ident).all() == ["accept", ACK, "close 1000"]


async def test_it_ends_without_a_result_when_there_is_none(alice: Caller, simulator: Backend) -> None:
    ident = await elsewhere(post_job, alice, simulator)
    worker = await elsewhere(Worker, simulator)
    await elsewhere(worker.start, 1)
    await elsewhere(worker.turn, 2, end="failed")
    assert await Waiting(token_of(alice), ident).all() == ["accept", ACK, "close 1000"]


async def test_it_tells_no_private_result(alice: Caller, simulator: Backend) -> None:
    """A private result is read once, by the call that gives it."""
    ident = await elsewhere(post_job, alice, simulator, private=True)
    worker = await elsewhere(Worker, simulator)
    await elsewhere(worker.start, 1)
    await elsewhere(worker.turn, 2, end="completed", result=RESULT)
    assert await Waiting(token_of(alice), ident).all() == ["accept", ACK, "close 1000"]
    answer = await elsewhere(alice.get, f"/jobs/{ident}/results")
    assert answer.content == RESULT


async def test_it_refuses_strangers_as_if_there_were_no_job(
    alice: Caller, stranger: Caller, simulator: Backend
) -> None:
    ident = await elsewhere(post_job, alice, simulator)
    for token, job in (
        (token_of(stranger), ident),
        (token_of(alice), "nothing"),
        (None, ident),
        ("x", ident),
    ):
        assert await Waiting(token, job).all() == ["close 4404"]


async def test_it_ends_with_the_key(
    alice: Caller, simulator: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_AGAIN", 0.05)
    ident = await elsewhere(post_job, alice, simulator)
    waiting = Waiting(token_of(alice), ident)
    await waiting.next()
    await elsewhere(revoke_key, key=alice.issued.key, now=START)
    assert await waiting.all() == [ACK, "close 4404"]


async def test_it_lets_a_client_go(alice: Caller, simulator: Backend) -> None:
    ident = await elsewhere(post_job, alice, simulator)
    waiting = Waiting(token_of(alice), ident)
    await waiting.next()
    waiting.said.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(waiting.task, 60)
