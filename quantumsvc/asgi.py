"""The ASGI application: who answers which request.

* The status call that waiting clients poll may be held back, so it is answered in the event loop (J6). So is
  a call that waits for news of a job or session: it needs no thread while it waits.
* Every other call of the API is plain synchronous Django in a thread that keeps its connection, without
  middleware: it needs no cookies and no page's headers, and hopping between loop and threads for each
  middleware and signal costs more than the call itself.
* Pages and their files go through all of Django's middleware in threads of their own, for the same reason.
* WebSockets are the live pages' (``/ws/live``) and, where they are served, the old clients' streams.
"""

import os
import re
from typing import Any, cast

import django
from a2wsgi import WSGIMiddleware
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from quantumsvc.conventions.dressing import dressed  # noqa: E402
from sessions_app.api.status import is_status_call, status_application  # noqa: E402
from sessions_app.api.waiting import is_waiting_call, waiting_application  # noqa: E402
from sessions_app.legacy.stream import STREAM, stream_application  # noqa: E402
from sessions_app.live.consumer import LiveConsumer  # noqa: E402

API_PREFIXES: tuple[str, ...] = (
    "/experimental/",
    "/api/v1/",
    "/identity/",
    "/v2/",
    "/v3/",
    "/catalog/",
    "/plan-",
    "/health",
)
if settings.OLD_CLIENTS:
    API_PREFIXES += ("/auth/", "/legacy/")


class BareHandler(WSGIHandler):
    """Django without middleware."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Only what turns exceptions into answers."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        answering = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        self._middleware_chain = dressed(cast("Any", answering))


_api = WSGIMiddleware(cast("Any", BareHandler()), workers=settings.API_THREADS)
_pages = WSGIMiddleware(cast("Any", WSGIHandler()), workers=settings.API_THREADS)
# Every socket there is: of pages, and of old clients where they are served.
SOCKETS: dict[str, Any] = {r"/ws/live": LiveConsumer.as_asgi()}
if settings.OLD_CLIENTS:
    SOCKETS[STREAM] = stream_application


async def _websocket(scope: Any, receive: Any, send: Any) -> None:
    """Serve one of the sockets; any other address is refused."""
    for address, serve in SOCKETS.items():
        if re.fullmatch(address, scope["path"]):
            await serve(scope, receive, send)
            return
    await send({"type": "websocket.close"})


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Send a request to the handler that it belongs to."""
    if scope["type"] == "websocket":
        await _websocket(scope, receive, send)
    elif is_waiting_call(scope):
        await waiting_application(scope, receive, send)
    elif is_status_call(scope):
        await status_application(scope, receive, send)
    elif scope["path"].startswith(API_PREFIXES):
        await _api(scope, receive, send)
    else:
        await _pages(scope, receive, send)
