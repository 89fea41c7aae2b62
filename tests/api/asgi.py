"""Calls to the ASGI application itself, as a server makes them, while other connections change things."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
from django.db import close_old_connections, connection

from quantumsvc.asgi import application
from tests.api.callers import Caller

T = TypeVar("T")


@dataclass(frozen=True)
class Timed:
    """An answer, and after how many seconds it came."""

    answer: httpx.Response
    seconds: float

    @property
    def word(self) -> str:
        return str(self.answer.json()["status"])


async def ask(caller: Caller, path: str, method: str = "GET", **query: str) -> Timed:
    """Call the application."""
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        began = loop.time()
        url = f"{caller.base}{path}?{urlencode(query)}"
        answer = await client.request(method, url, headers=caller.headers)
        return Timed(answer, loop.time() - began)


async def ask_status(caller: Caller, ident: str) -> Timed:
    """The call that a waiting client polls."""
    return await ask(caller, f"/jobs/{ident}", exclude_params="true")


async def elsewhere(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a function in a thread with a database connection of its own."""

    def run() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


async def later(seconds: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """The same, after a while."""
    await asyncio.sleep(seconds)
    await elsewhere(function, *args, **kwargs)
