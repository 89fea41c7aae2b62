"""The exchange of an API key for an access token, in the shape that clients' token managers expect.

Clients that get no quick answer here stall for a minute before each of their calls, so this view does
one query and never fails in another way than with a 4xx.
"""

from datetime import timedelta
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, JsonResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from quantumsvc import clock
from quantumsvc.accounts.api import shapes
from quantumsvc.accounts.api.attempts import FailedAttempts
from quantumsvc.accounts.selectors import find_valid_key
from quantumsvc.accounts.tokens import issue_token
from quantumsvc.openapi.operations import Operation, functions

GRANT_TYPE = "urn:ibm:params:oauth:grant-type:apikey"
MAX_BODY_BYTES = 16_384
KEY_NOT_FOUND = "BXNIM0415E"
PROPERTY_MISSING = "BXNIM0109E"
TOO_MANY_TRIES = "BXNIM0429E"

# A whole lab may sit behind one address: the limit only stops loops and guessing.
failed_attempts = FailedAttempts(limit=60, window=timedelta(minutes=1))


@functions(
    post=Operation(
        "Exchange an API key for a token",
        body=shapes.TokenRequest,
        body_media="application/x-www-form-urlencoded",
        answer=shapes.Token,
        open_to_all=True,
        own_errors={400: shapes.TokenRefusal, 429: shapes.TokenRefusal},
    )
)
@csrf_exempt
def exchange_token(request: HttpRequest) -> JsonResponse:
    """``POST /identity/token``: a form with ``grant_type`` and ``apikey``."""
    now = clock.now()
    address = request.META.get("REMOTE_ADDR", "")
    if request.method != "POST":
        return _refusal("Use POST.", PROPERTY_MISSING, 405, Allow="POST")
    form = _form_of(request)
    if form is None or not form.get("apikey"):
        return _refusal("Property missing or empty: apikey", PROPERTY_MISSING)
    if form.get("grant_type") != GRANT_TYPE:
        return _refusal(f"Property grant_type must be {GRANT_TYPE}", PROPERTY_MISSING)
    if wait := failed_attempts.seconds_to_wait(address, now):
        return _refusal("Too many failed tries.", TOO_MANY_TRIES, 429, **{"Retry-After": str(wait)})
    key = find_valid_key(str(form["apikey"]), now)
    if key is None:
        failed_attempts.note(address, now)
        return _refusal("Provided API key could not be found.", KEY_NOT_FOUND)
    return JsonResponse(issue_token(key.user, key, now), headers={"Cache-Control": "no-store"})


def _form_of(request: HttpRequest) -> QueryDict | None:
    """The form, whatever content type was given; None when there is none to be read."""
    try:
        body = request.read(MAX_BODY_BYTES + 1)
        return QueryDict(body, encoding="utf-8") if len(body) <= MAX_BODY_BYTES else None
    except (SuspiciousOperation, OSError, ValueError):
        return None


def _refusal(message: str, code: str, status: int = 400, **headers: Any) -> JsonResponse:
    body = {"errorCode": code, "errorMessage": message, "context": {}}
    return JsonResponse(body, status=status, headers=headers)
