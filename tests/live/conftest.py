"""Sockets of the application itself, and what they hear."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import close_old_connections, connection
from django.test import Client

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from sessions_app.watching import watch
from tests.factories import make_author, make_backend, make_instance

T = TypeVar("T")

NOBODY = 4401
# Long enough for a bell to be heard on a busy machine, and to be sure that none is (seconds).
SOON, NEVER = 30.0, 0.6
ORIGIN = (b"origin", b"http://testserver")
HOST = (b"host", b"testserver")


def sign_in(user: User) -> str:
    """The key of a browser's session in which the user is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def changed(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a database function on a connection of its own, as another process would."""

    def run() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


@dataclass
class Socket:
    """A page's socket."""

    communicator: Any
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def next(self) -> dict[str, Any]:
        sent = await self.communicator.receive_output(SOON)
        assert sent["type"] == "websocket.send", sent
        message: dict[str, Any] = json.loads(sent["text"])
        return message

    async def changes(self) -> list[dict[str, Any]]:
        """What the next message tells of."""
        message = await self.next()
        assert message["type"] == "changed", message
        found: list[dict[str, Any]] = message["changes"]
        return found

    async def work(self) -> list[tuple[str, str]]:
        """The ids and states of jobs and sessions in the next message that tells of any."""
        while True:
            told = [(each["id"], each["state"]) for each in await self.changes() if each["kind"] != "backend"]
            if told:
                return told

    async def hears_nothing(self) -> bool:
        return bool(await self.communicator.receive_nothing(NEVER))

    async def closed_with(self, within: float = SOON) -> int:
        """The code with which the server closes it, after whatever it says before."""
        async with asyncio.timeout(within):
            while True:
                message = await self.communicator.receive_output(within)
                if message["type"] == "websocket.close":
                    return int(message["code"])


def dial(key: str, *, headers: tuple[tuple[bytes, bytes], ...] = (ORIGIN, HOST)) -> Any:
    # Not before the tests have begun: it looks for a folder that is made then.
    from quantumsvc.asgi import application

    cookie = (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode())
    scope = {"type": "websocket", "path": "/ws/live", "headers": [*headers, cookie], "query_string": b""}
    return ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]


async def knock(communicator: Any) -> dict[str, Any]:
    """Ask to be let in; gives the answer."""
    await communicator.send_input({"type": "websocket.connect"})
    answer: dict[str, Any] = await communicator.receive_output(SOON)
    return answer


Open = Callable[..., Awaitable[Socket]]


@pytest_asyncio.fixture
async def bells(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The connection on which the application hears ends with the test's loop; no thread keeps one either."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    yield
    with suppress(asyncio.CancelledError):
        await watch().close()


@pytest_asyncio.fixture
async def connect(bells: None) -> AsyncIterator[Open]:
    """Opens the socket of a page of somebody, as far as its welcome."""
    sockets: list[Socket] = []

    async def connect(user: User, key: str | None = None) -> Socket:
        socket = Socket(dial(await changed(sign_in, user) if key is None else key))
        assert (await knock(socket.communicator))["type"] == "websocket.accept"
        sockets.append(socket)
        assert await socket.next() == {"type": "welcome"}
        return socket

    yield connect
    for socket in sockets:
        await socket.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.communicator.wait(SOON)


async def refused(key: str, **dialing: Any) -> bool:
    """Whether a socket is not let in."""
    communicator = dial(key, **dialing)
    answer = await knock(communicator)
    await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    await communicator.wait(SOON)
    return answer == {"type": "websocket.close", "code": NOBODY}


@pytest.fixture
def lab(transactional_db: None) -> Instance:
    return make_instance(name="the lab")


@pytest.fixture
def alice(lab: Instance) -> Author:
    return make_author(instance=lab)


@pytest.fixture
def stranger(transactional_db: None) -> Author:
    return make_author()


@pytest.fixture
def backend(transactional_db: None) -> Backend:
    return make_backend()
