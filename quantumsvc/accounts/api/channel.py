"""Login of old clients, which trade their key for an access token and ask where the services are."""

from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.api import shapes
from quantumsvc.accounts.api.attempts import FailedAttempts
from quantumsvc.accounts.authentication import identify
from quantumsvc.accounts.callers import Caller, caller_of
from quantumsvc.accounts.hubs import network
from quantumsvc.accounts.selectors import find_valid_key, instances_by_preference
from quantumsvc.accounts.tokens import issue_token
from quantumsvc.openapi.operations import Operation, described, functions
from quantumsvc.wire.times import iso_z

MOUNT, RUNTIME = "auth", "legacy"
# The clients ask for one token when they are made, and never for another.
TOKEN_LIFETIME = timedelta(days=14)
MAX_BODY_BYTES = 16_384
VERSION = "0.199.0"
HEADER = "HTTP_X_ACCESS_TOKEN"

failed_logins = FailedAttempts(limit=60, window=timedelta(minutes=1))


class _Login(msgspec.Struct):
    api_token: str = msgspec.field(name="apiToken")


class AccessTokenAuthentication(BaseAuthentication):
    """``request.auth`` is a ``Caller`` without an instance: these clients send none in a header."""

    schemes = ("old_token",)

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        token = request.META.get(HEADER)
        if not token:
            return None
        caller = identify(f"Bearer {token}", None, clock.now())
        return caller.user, caller

    def authenticate_header(self, request: Request) -> str:
        return 'X-Access-Token realm="quantumsvc"'


@functions(get=Operation("Tell the service from others", answer=dict[str, str], open_to_all=True))
def version(request: HttpRequest) -> HttpResponse:
    """``GET /auth/version``: by the key, clients tell this service from others."""
    return JsonResponse({"api-auth": VERSION})


@functions(
    post=Operation(
        "Exchange an API key for an old token",
        body=shapes.OldLogin,
        answer=shapes.OldToken,
        open_to_all=True,
        own_errors=dict.fromkeys((400, 401, 429), shapes.OldError),
    )
)
@csrf_exempt
def login(request: HttpRequest) -> HttpResponse:
    """``POST /auth/users/loginWithToken``: an API key for an access token."""
    now, address = clock.now(), request.META.get("REMOTE_ADDR", "")
    if request.method != "POST":
        return _refusal(405, "Use POST.", "METHOD_NOT_ALLOWED", Allow="POST")
    if wait := failed_logins.seconds_to_wait(address, now):
        return _refusal(429, "Too many failed tries.", "TOO_MANY_TRIES", **{"Retry-After": str(wait)})
    text = _key_in(request)
    if text is None:
        return _refusal(400, "The body must be an object with an apiToken.", "INVALID_BODY")
    key = find_valid_key(text, now)
    if key is None:
        failed_logins.note(address, now)
        return _refusal(401, "Login failed.", "LOGIN_FAILED")
    token = issue_token(key.user, key, now, TOKEN_LIFETIME)
    body = {
        "id": token["access_token"],
        "ttl": token["expires_in"],
        "created": iso_z(now),
        "userId": str(key.user_id),
    }
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


def _key_in(request: HttpRequest) -> str | None:
    try:
        body = request.read(MAX_BODY_BYTES + 1)
        return msgspec.json.decode(body, type=_Login).api_token if len(body) <= MAX_BODY_BYTES else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OSError):
        return None


def _refusal(status: int, message: str, code: str, **headers: str) -> JsonResponse:
    error = {"statusCode": status, "name": "Error", "message": message, "code": code}
    return JsonResponse({"error": error}, status=status, headers=headers)


class UserView(APIView):
    """``GET /auth/users/me``: where the services are."""

    authentication_classes = (AccessTokenAuthentication,)

    @described("Find the services", answer=shapes.OldUser, without_instance=True)
    def get(self, request: Request) -> Response:
        base = settings.PUBLIC_URL.rstrip("/")
        stream = "ws" + base.removeprefix("http")
        urls = {
            "http": f"{base}/{MOUNT}",
            "ws": f"{stream}/{RUNTIME}",
            "services": {"runtime": f"{base}/{RUNTIME}"},
        }
        return Response({"id": str(caller_of(request).user.pk), "urls": urls})


class NetworkView(APIView):
    """``GET /auth/Network``: the caller's instances that accept work."""

    authentication_classes = (AccessTokenAuthentication,)

    @described("List instances as hubs", answer=list[dict[str, Any]], without_instance=True)
    def get(self, request: Request) -> Response:
        user = caller_of(request).user
        return Response(network(instances_by_preference(user).filter(is_active=True)))


urlpatterns = [
    path("version", version),
    path("users/loginWithToken", login),
    path("users/me", UserView.as_view()),
    path("Network", NetworkView.as_view()),
]
