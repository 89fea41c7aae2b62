"""The same over Redis, on a server of its own; skipped on a machine without one."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis, RedisError

from quantumsvc.accounts.models import Membership
from quantumsvc.backends.models import Backend
from sessions_app.live.forwarding import start_forwarding
from sessions_app.services.submission import Author
from tests.browser.serving import free_port
from tests.factories import submit
from tests.live.conftest import SOON, Open, changed

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="apt-get install redis-server"),
]

RETURN = 4001


class Server:
    """A Redis that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            with suppress(RedisError), Redis.from_url(self.url) as link:
                link.ping()
                return
            time.sleep(0.02)
        raise RuntimeError("Redis did not start.")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest_asyncio.fixture
async def redis(bells: None, tmp_path: Path, settings: Any) -> AsyncIterator[Server]:
    """The application uses Redis, and this process is the one that tells of changes."""
    server = Server(tmp_path)
    settings.REDIS_URL = server.url
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [server.url]},
        }
    }
    outlet = start_forwarding()
    async with asyncio.timeout(SOON):
        while not outlet.is_chosen:
            await asyncio.sleep(0.01)
    yield server
    await outlet.close()
    server.stop()


async def test_two_sockets_of_two_tenants_one_hears_and_no_more_once_the_role_is_taken_away(
    redis: Server, connect: Open, alice: Author, stranger: Author, backend: Backend
) -> None:
    mine, theirs = await connect(alice.user), await connect(stranger.user)
    job = await changed(submit, alice, backend)
    assert await mine.work() == [(job.pk, "queued")]
    assert {each["kind"] for each in await theirs.changes()} == {"backend"}
    assert await theirs.hears_nothing()
    await changed(lambda: Membership.objects.filter(user=alice.user).delete())
    await changed(submit, alice, backend)
    assert await mine.closed_with() == RETURN
    assert await mine.communicator.receive_nothing()


async def test_sockets_connect_anew_after_redis_was_lost(
    redis: Server, connect: Open, alice: Author, backend: Backend
) -> None:
    """What was told meanwhile is lost; the page looks at everything when it is welcomed."""
    socket = await connect(alice.user)
    redis.stop()
    await changed(submit, alice, backend)
    assert await socket.communicator.receive_nothing()
    await asyncio.to_thread(redis.start)
    assert await socket.closed_with(within=4 * SOON) == RETURN
    again = await connect(alice.user)
    job = await changed(submit, alice, backend)
    assert (job.pk, "queued") in await again.work()
