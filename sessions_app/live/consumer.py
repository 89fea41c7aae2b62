"""The socket of one page. It is told of changes, as ids and versions, and asks for nothing.

What it hears follows from what its user may see when it connects. As soon as that changes it is closed, and
the page connects again with what is then right.
"""

import asyncio
import json
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from quantumsvc.accounts.models import User
from sessions_app.live.forwarding import start_forwarding
from sessions_app.live.groups import EVERYBODY, browser_group, user_group
from sessions_app.live.rights import groups_of, user_of_session
from sessions_app.watching import watch

# Closing codes that are the application's own.
NOBODY, RETURN = 4401, 4001
# The page gives a socket up that says nothing for twice as long (seconds).
BEAT_SECONDS = 15.0
# Should a change of rights ever go unheard, this many beats later it is seen.
BEATS_BETWEEN_LOOKS = 20
_LISTEN_SECONDS = 5.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Messages to the page: ``welcome`` first; ``changed`` with changes; ``look`` when some are missing."""

    async def connect(self) -> None:
        """Let in whoever is signed in and comes from a page of this service."""
        self.heard: set[str] = set()
        self.is_over = False
        self.beating: asyncio.Task[None] | None = None
        self.session_key = session_key_of(self.scope)
        if not is_own_page(self.scope) or (user := await user_of_session(self.session_key)) is None:
            await self.close(NOBODY)
            return
        start_forwarding()
        await self.accept()
        # First the group that hears of changed rights, so that none is missed while they are read.
        await self._join(self._own_groups(user))
        await self._join(await groups_of(user))
        if not await watch().listening(_LISTEN_SECONDS):
            await self._send_away()
            return
        await self._say({"type": "welcome"})
        self.beating = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:
        """Leave all groups."""
        if self.beating is not None:
            self.beating.cancel()
        await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels does, but for giving back database connections first: telling a page uses none."""
        await getattr(self, get_handler_name(message))(message)

    async def live_changed(self, message: dict[str, Any]) -> None:
        """Tell the page what changed."""
        if not self.is_over:
            await self.send(text_data=message["text"])

    async def live_look(self, message: dict[str, Any]) -> None:
        """Tell the page to look anew at everything."""
        await self._say({"type": "look"})

    async def live_return(self, message: dict[str, Any]) -> None:
        """What the user may see has changed."""
        await self._send_away()

    async def _send_away(self) -> None:
        await self._leave()
        await self.close(RETURN)

    async def _leave(self) -> None:
        self.is_over = True
        for group in self.heard:
            await self.channel_layer.group_discard(group, self.channel_name)
        self.heard = set()

    async def _join(self, groups: set[str]) -> None:
        for group in groups - self.heard:
            await self.channel_layer.group_add(group, self.channel_name)
        self.heard |= groups

    async def _say(self, message: dict[str, Any]) -> None:
        if not self.is_over:
            await self.send(text_data=json.dumps(message, separators=(",", ":")))

    async def _beat(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            beats += 1
            if beats % BEATS_BETWEEN_LOOKS == 0 and not await self._is_still_right():
                await self._send_away()
                return
            await self._say({"type": "beat"})

    async def _is_still_right(self) -> bool:
        user = await user_of_session(self.session_key)
        return user is not None and self.heard == self._own_groups(user) | await groups_of(user)

    def _own_groups(self, user: User) -> set[str]:
        return {EVERYBODY, user_group(user.pk), browser_group(self.session_key)}


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def session_key_of(scope: dict[str, Any]) -> str:
    """The key of the browser's session; empty when it sent none."""
    morsel = SimpleCookie(_headers(scope).get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else ""


def is_own_page(scope: dict[str, Any]) -> bool:
    """Whether the socket was opened by a page of this service and not by another site in the same browser."""
    headers = _headers(scope)
    origin = headers.get("origin", "")
    return origin in settings.CSRF_TRUSTED_ORIGINS or (
        bool(origin) and urlsplit(origin).netloc == headers.get("host")
    )
