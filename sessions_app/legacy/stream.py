"""The result of a job over a WebSocket, for clients that wait there instead of asking again and again.

The first frame only says that the caller is known; the result follows when the job has ended, and the
connection is closed. Clients with a newer WebSocket library take this end for a failure and connect again;
each result is therefore told to a caller once, since a client that is told nothing gives up soon.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Any

from quantumsvc import clock
from quantumsvc.accounts.authentication import identify
from quantumsvc.errors import NotFound, ServiceError
from sessions_app.api.status import in_thread
from sessions_app.models import Job, JobResult
from sessions_app.watching import watch

ACKNOWLEDGED = '{"type": "ack"}'
NORMAL, REFUSED = 1000, 4404
# A bell that was lost, or a key that was revoked, is noticed within so many seconds.
LOOK_AGAIN = 5.0
REMEMBERED = 10_000
# The address of a job's stream.
STREAM = r"/legacy/stream/jobs/([^/]+)"
_told: "OrderedDict[tuple[str, str], None]" = OrderedDict()


async def stream_application(scope: Any, receive: Any, send: Any) -> None:
    """Serve one waiting client until its job has ended or it goes away."""
    match = re.fullmatch(STREAM, scope["path"])
    ident = match.group(1) if match else ""
    token = dict(scope["headers"]).get(b"x-access-token", b"").decode("latin-1")
    await receive()
    try:
        await _look(token, ident)
    except ServiceError:
        # Before the handshake is done, a close is a refusal.
        await send({"type": "websocket.close", "code": REFUSED})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": ACKNOWLEDGED})
    waiting = asyncio.create_task(_result(token, ident))
    leaving = asyncio.create_task(_left(receive))
    await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not waiting.done():
        waiting.cancel()
        return
    await _tell(send, (token, ident), waiting)


async def _tell(send: Any, key: tuple[str, str], waiting: "asyncio.Task[str | None]") -> None:
    try:
        text = waiting.result()
    except ServiceError:
        await send({"type": "websocket.close", "code": REFUSED})
        return
    if text is not None and key not in _told:
        _told[key] = None
        while len(_told) > REMEMBERED:
            _told.popitem(last=False)
        await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close", "code": NORMAL})


async def _left(receive: Any) -> None:
    """Returns when the client goes; what it says is not listened to."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _result(token: str, ident: str) -> str | None:
    """The result once the job has ended; None when it has none."""
    watched = watch()
    with watched.expecting(ident) as rung:
        while True:
            ended, body = await _look(token, ident)
            if ended:
                return body
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await rung.wait()
            except TimeoutError:
                pass
            rung.clear()


@in_thread
def _look(token: str, ident: str) -> tuple[bool, str | None]:
    """Whether the caller's job has ended, and its result."""
    user = identify(f"Bearer {token}" if token else None, None, clock.now()).user
    job = Job.objects.visible_to(user).filter(pk=ident).first() if "\0" not in ident else None
    if job is None:
        raise NotFound("There is no job of that id.")
    if not job.is_terminal or job.private:
        return job.is_terminal, None
    body = JobResult.objects.filter(pk=job.pk).values_list("body", flat=True).first()
    return True, None if body is None else bytes(body).decode()
