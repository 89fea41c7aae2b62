"""Keys with which a client makes sure that a call is done once, however often it is sent.

The key, what was asked and what was answered are stored in the transaction that does the work, under a
unique constraint: of two equal calls at a time the second waits for the first and is answered the same.
A call that is refused stores nothing, so its key can be used again.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from quantumsvc import clock, errors
from quantumsvc.accounts.repeats import claim, remember
from quantumsvc.api import JSON_TYPE, caller_of, encode_json

V = TypeVar("V", bound=Callable[..., Any])
HEADER = "HTTP_IDEMPOTENCY_KEY"
KEPT = timedelta(hours=24)
MAX_LENGTH = 200


def idempotent(*, keeps_answer: bool = True) -> Callable[[V], V]:
    """Let the header ``Idempotency-Key`` make a view's method do its work once.

    Answers that hold a secret are not kept (``keeps_answer``): a repeated call is told that it was done.
    """

    def once_only(post: V) -> V:
        @wraps(post)
        def answered(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.META.get(HEADER) is None:
                fresh: HttpResponse = post(self, request, *args, **kwargs)
                return fresh
            return _once(lambda: post(self, request, *args, **kwargs), request, keeps_answer)

        answered.keeps_answer = keeps_answer  # type: ignore[attr-defined]
        return answered  # type: ignore[return-value]

    return once_only


def key_of(request: Request) -> str:
    """The key of a request, or nothing. Raises BadRequest for an odd one."""
    key: str = request.META.get(HEADER, "").strip()
    if HEADER in request.META and not (1 <= len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
        raise errors.BadRequest(f"Idempotency-Key must have 1 to {MAX_LENGTH} printable ASCII characters.")
    return key


def _once(work: Callable[[], HttpResponse], request: Request, keeps_answer: bool) -> HttpResponse:
    key, user, now = key_of(request), caller_of(request).user, clock.now()
    asked = _fingerprint(request)
    with transaction.atomic():
        earlier = claim(user, key, asked, now, now - KEPT)
        if earlier is not None:
            return _again(bytes(earlier.fingerprint) == asked, earlier)
        answer = work()
        body = _body(answer) if keeps_answer else b""
        remember(user, key, status=answer.status_code, body=body, media=_media(answer))
    return answer


def _fingerprint(request: Request) -> bytes:
    whole = request._request
    head = f"{whole.method} {whole.get_full_path()} {whole.META.get('HTTP_SERVICE_CRN', '')}\n"
    return hashlib.sha256(head.encode("utf-8", "surrogatepass") + whole.body).digest()


def _again(is_same: bool, earlier: Any) -> HttpResponse:
    if not is_same:
        raise errors.KeyReused("This Idempotency-Key was used for another request.")
    if not earlier.body and earlier.status != 204:
        raise errors.AnswerNotKept("This was done already. Its answer held a secret and was shown once only.")
    headers = {"Idempotent-Replayed": "true"}
    return HttpResponse(
        bytes(earlier.body), status=earlier.status, content_type=earlier.media, headers=headers
    )


def _body(answer: HttpResponse) -> bytes:
    return encode_json(answer.data) if isinstance(answer, Response) else answer.content


def _media(answer: HttpResponse) -> str:
    return JSON_TYPE if isinstance(answer, Response) else answer.get("Content-Type", JSON_TYPE)
