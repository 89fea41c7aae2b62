"""The channel layer over the database: what one process sends, the receivers of all hear, once."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from sessions_app.live.layer import LARGEST_MESSAGE, LOOK, RETURN, MessageTooLarge, NotifyChannelLayer
from sessions_app.watching import watch
from tests.browser.serving import database_url
from tests.live.conftest import NEVER, SOON, changed

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("bells")]

_HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE query LIKE 'LISTEN%%' AND datname = current_database()"""
_SEND = """
import django; django.setup()
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
async_to_sync(get_channel_layer().group_send)("crew", {"type": "live.hello", "number": 7})
"""


async def receiver(layer: NotifyChannelLayer, *groups: str) -> str:
    """A channel that is in some groups and hears by now."""
    channel: str = await layer.new_channel()
    for group in groups:
        await layer.group_add(group, channel)
    assert await watch().listening(SOON)
    return channel


async def next_of(layer: NotifyChannelLayer, channel: str) -> dict[str, Any]:
    async with asyncio.timeout(SOON):
        return await layer.receive(channel)


async def hears_nothing(layer: NotifyChannelLayer, channel: str) -> bool:
    try:
        async with asyncio.timeout(NEVER):
            await layer.receive(channel)
    except TimeoutError:
        return True
    return False


def hello(number: int) -> dict[str, Any]:
    return {"type": "live.hello", "number": number}


async def test_a_group_s_channels_in_all_processes_get_each_message_once_and_in_order() -> None:
    """Each layer is one of a process; what they share is the database."""
    here, there = NotifyChannelLayer(), NotifyChannelLayer()
    inside = [(here, await receiver(here, "crew")), (there, await receiver(there, "crew", "other"))]
    outside = await receiver(there, "other")
    for number in range(20):
        await (here if number % 2 else there).group_send("crew", hello(number))
    for layer, channel in inside:
        assert [(await next_of(layer, channel))["number"] for _ in range(20)] == list(range(20))
    for layer, channel in [*inside, (there, outside)]:
        assert await hears_nothing(layer, channel)


async def test_a_message_to_one_channel_reaches_it_in_whichever_process_it_is() -> None:
    here, there = NotifyChannelLayer(), NotifyChannelLayer()
    wanted, other = await receiver(there), await receiver(here)
    waiting = asyncio.create_task(next_of(there, wanted))
    await asyncio.sleep(0)
    await here.send(wanted, hello(1))
    assert await waiting == hello(1)
    assert await hears_nothing(here, other)


async def test_it_hears_another_process() -> None:
    layer = NotifyChannelLayer()
    channel = await receiver(layer, "crew")
    variables = {
        "DATABASE_URL": database_url(),
        "QUANTUMSVC_DATA": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "quantumsvc.settings",
    }
    command = [sys.executable, "-c", _SEND]
    await changed(subprocess.run, command, check=True, env=variables, cwd=settings.BASE_DIR)
    assert await next_of(layer, channel) == hello(7)


async def test_who_leaves_a_group_hears_no_more_of_it() -> None:
    layer = NotifyChannelLayer()
    leaver, stayer = await receiver(layer, "crew"), await receiver(layer, "crew")
    await layer.group_discard("crew", leaver)
    await layer.group_discard("crew", leaver)
    await layer.group_send("crew", hello(1))
    assert await next_of(layer, stayer) == hello(1)
    assert await hears_nothing(layer, leaver)


async def test_a_message_that_no_bell_can_carry_is_refused() -> None:
    layer = NotifyChannelLayer()
    channel = await receiver(layer, "crew")
    with pytest.raises(MessageTooLarge):
        await layer.group_send("crew", {"type": "live.hello", "text": "x" * LARGEST_MESSAGE})
    await layer.group_send("crew", {"type": "live.hello", "text": "x" * (LARGEST_MESSAGE - 100)})
    assert len((await next_of(layer, channel))["text"]) == LARGEST_MESSAGE - 100


async def test_who_is_too_slow_is_told_to_look_instead_of_getting_everything() -> None:
    layer = NotifyChannelLayer(capacity=3)
    slow, quick = await receiver(layer, "crew"), await receiver(layer, "crew")
    for number in range(5):
        layer.deliver("crew", hello(number))
        assert await next_of(layer, quick) == hello(number)
    assert [await next_of(layer, slow) for _ in range(2)] == [LOOK, hello(4)]
    assert await hears_nothing(layer, slow)


async def test_all_are_sent_away_after_a_time_in_which_bells_may_have_been_missed() -> None:
    def hang_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_HANG_UP)
            assert cursor.fetchone() == (True,), "there was a listener"

    layer = NotifyChannelLayer()
    channel = await receiver(layer, "crew")
    await changed(hang_up)
    assert await next_of(layer, channel) == RETURN
    await layer.group_send("crew", hello(2))
    assert await next_of(layer, channel) == hello(2)


async def test_it_keeps_nothing_for_a_receiver_that_is_gone() -> None:
    layer = NotifyChannelLayer()
    channel = await receiver(layer, "crew")
    assert await hears_nothing(layer, channel)
    await layer.group_discard("crew", channel)
    layer.deliver("crew", hello(1))
    assert not layer._mailboxes
    assert not layer._groups
