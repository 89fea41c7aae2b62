"""What is added to answers on their way out: leave for other sites' scripts, and compression.

A request that asks for neither passes with two look-ups; the official client asks for neither.
"""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

Answering = Callable[[HttpRequest], HttpResponseBase]

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "Authorization, Content-Type, Service-CRN, IBM-API-Version, Idempotency-Key, If-None-Match,"
    " X-Qx-Client-Application"
)
SHOWN_HEADERS = (
    "ETag, Retry-After, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
)
# How long a browser may remember that it may ask (seconds).
REMEMBERED = "600"


def dressed(answering: Answering) -> Answering:
    """``answering`` with what its answers need."""
    packer = GZipMiddleware(answering)

    def answer(request: HttpRequest) -> HttpResponseBase:
        origin = request.META.get("HTTP_ORIGIN")
        if origin and request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
            return leave_to_ask(origin)
        response = answering(request)
        # Whom the REST framework found; views without it have no key to count for.
        if rate := getattr(getattr(request, "auth", None), "rate", None):
            tell(response, rate.headers())
        if origin:
            tell(response, leave_for(origin))
            patch_vary_headers(response, ("Origin",))
        if "HTTP_ACCEPT_ENCODING" in request.META and isinstance(response, HttpResponse):
            return packer.process_response(request, response)
        return response

    return answer


def tell(response: HttpResponseBase, headers: Mapping[str, str]) -> None:
    """Further headers of an answer."""
    for name, value in headers.items():
        response[name] = value


def leave_for(origin: str) -> dict[str, str]:
    """The headers that let scripts of ``origin`` read an answer; none where it isn't allowed."""
    if not {origin, "*"} & set(settings.CORS_ORIGINS):
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": SHOWN_HEADERS}


def leave_to_ask(origin: str) -> HttpResponse:
    """The answer to a browser that asks whether it may call."""
    headers = leave_for(origin)
    if headers:
        headers |= {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": REMEMBERED,
        }
    return HttpResponse(status=204, headers={**headers, "Vary": "Origin"})
