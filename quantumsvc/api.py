"""What all REST calls share: who calls, how bodies are read and written, how errors look."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from math import ceil
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.functional import Promise
from rest_framework import exceptions as rest
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from quantumsvc import clock, errors
from quantumsvc.accounts import origin
from quantumsvc.accounts.authentication import identify
from quantumsvc.accounts.callers import Caller as Caller
from quantumsvc.accounts.callers import caller_of as caller_of
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.rates import Rate
from quantumsvc.openapi.operations import operation_of
from quantumsvc.queries import Page as Page
from quantumsvc.queries import bool_parameter as bool_parameter
from quantumsvc.queries import chosen_order as chosen_order
from quantumsvc.queries import int_parameter as int_parameter
from quantumsvc.queries import listed as listed
from quantumsvc.queries import page_of as page_of
from quantumsvc.queries import time_parameter as time_parameter
from quantumsvc.queries import word_of as word_of
from quantumsvc.queries import word_parameter as word_parameter
from quantumsvc.queries import wrong_words
from quantumsvc.wire.complaints import wrong_fields
from quantumsvc.wire.times import iso_z
from quantumsvc.wire.versions import UNNAMED, version_named

if TYPE_CHECKING:
    # The framework's views read the settings, which name classes of this module.
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

CHALLENGE = 'Bearer realm="quantumsvc"'
JSON_TYPE = "application/json"
# A client that sends no version is older than every version that exists.
OLDEST_API_VERSION = UNNAMED
# How deep a body may be nested; real requests stay below ten.
MAX_DEPTH = 64


# --- Who calls -------------------------------------------------------------------------------------


class WireAuthentication(BaseAuthentication):
    """``request.user`` is the user, ``request.auth`` the ``Caller``; one query."""

    schemes = ("token", "apikey")

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        headers = request.META
        if not headers.get("HTTP_AUTHORIZATION"):
            return None
        version_named(headers.get("HTTP_IBM_API_VERSION"))
        caller = identify(headers["HTTP_AUTHORIZATION"], headers.get("HTTP_SERVICE_CRN"), clock.now())
        origin.enter(origin.Origin(origin.Via.API, headers.get("REMOTE_ADDR") or ""))
        return caller.user, caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class NeedsInstance(BasePermission):
    """The request names an instance that the caller may read."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(require_instance(request))


class NeedsWriter(BasePermission):
    """The caller may write to the instance that the request names."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(require_writer(request))


class NeedsManager(BasePermission):
    """The caller may manage the instance that the request names."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(require_manager(request))


def require_instance(request: Request) -> Instance:
    """The instance that the request names. Raises BadRequest without one."""
    return caller_of(request).require_instance()


def require_writer(request: Request) -> Instance:
    """The same, for a caller who may write there. Raises NotAllowed."""
    return caller_of(request).require_writer()


def require_manager(request: Request) -> Instance:
    """The same, for a caller who may manage it. Raises NotAllowed."""
    return caller_of(request).require_manager()


# --- Bodies ----------------------------------------------------------------------------------------


class WireNegotiation(BaseContentNegotiation):
    """One format, whatever the request says: some clients send no content type, some odd ones."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return next(iter(renderers)), JSON_TYPE


class WireRenderer(BaseRenderer):
    """JSON in UTF-8; instants as ``iso_z`` writes them."""

    media_type = JSON_TYPE
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else encode_json(data)


class WireParser(BaseParser):
    """A JSON object of moderate size and depth, without the NUL characters that no table can hold."""

    media_type = JSON_TYPE
    max_bytes = 1_000_000

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = stream.read(self.max_bytes + 1)
        if len(body) > self.max_bytes:
            raise errors.TooLarge(f"The body is larger than {self.max_bytes} bytes.")
        return decode_json_object(body)


def encode_json(data: Any) -> bytes:
    """Compact JSON. Raises ValueError for NaN and infinities, which no JSON reader has to accept."""
    return json.dumps(data, default=_encode_value, separators=(",", ":"), allow_nan=False).encode()


def _encode_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_z(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form on the wire")


def decode_json_object(body: bytes) -> dict[str, Any]:
    """Read an object. Raises BadRequest for anything else, with the reason."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.BadRequest(f"The body is not valid JSON: {problem}.") from problem
    if not isinstance(decoded, dict):
        raise errors.BadRequest("The body must be a JSON object.")
    _refuse_unstorable(decoded, MAX_DEPTH)
    return decoded


def _refuse_unstorable(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise errors.BadRequest("Texts may not hold NUL characters.")
    elif isinstance(value, dict | list):
        if not depth:
            raise errors.BadRequest(f"The body is nested more than {MAX_DEPTH} deep.")
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _refuse_unstorable(part, depth - 1)


def api_version(request: Request | HttpRequest) -> date:
    """The wire's version that applies to a request; ``OLDEST_API_VERSION`` when it names none."""
    return version_named(request.META.get("HTTP_IBM_API_VERSION"))


# --- Errors ----------------------------------------------------------------------------------------

_REST_KINDS: dict[int, type[errors.ServiceError]] = {
    401: errors.NotAuthenticated,
    403: errors.NotAllowed,
    404: errors.NotFound,
    413: errors.TooLarge,
    429: errors.TooManyRequests,
}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Any error that the caller caused, in the wire's container; None for our own, which become a 500."""
    from rest_framework.views import set_rollback

    found = service_errors(exc)
    if not found:
        return None
    set_rollback()
    status = exc.status_code if isinstance(exc, rest.APIException) else found[0].status
    if status == errors.BadRequest.status:
        found += _further(found, context["view"], context["request"])
    return Response(container(found), status=status, headers=_headers(found[0], status))


def _further(
    found: Sequence[errors.ServiceError], view: "APIView", request: Request
) -> list[errors.BadRequest]:
    """What else is wrong with a request that is refused: every word of its query, every field of its body."""
    said = operation_of(view, str(request.method))
    wrong = wrong_words(request.query_params, said.query) if said else []
    if said and wrong and said.body is not None:
        wrong += _wrong_body(request, said.body)
    told = {error.message for error in found}
    return [each for each in wrong if each.message not in told]


def _wrong_body(request: Request, kind: Any) -> list[errors.BadRequest]:
    from rest_framework.serializers import Serializer

    try:
        if not (isinstance(kind, type) and issubclass(kind, Serializer)):
            return wrong_fields(request._request.body, kind)
        read = kind(data=request.data)
        return [] if read.is_valid() else [errors.BadRequest(text) for text in _flatten(read.errors)]
    except (errors.ServiceError, RawPostDataException):
        return []


def service_errors(exc: Exception) -> list[errors.ServiceError]:
    """What to tell the caller about an exception; nothing when it is none of their business."""
    if isinstance(exc, errors.ServiceError):
        return list(exc.found) if isinstance(exc, errors.Several) else [exc]
    if isinstance(exc, rest.ValidationError):
        return [errors.BadRequest(text) for text in _flatten(exc.detail)]
    if isinstance(exc, rest.APIException):
        return [_rest_error(exc)]
    if isinstance(exc, ModelInvalid):
        return [errors.BadRequest(text) for text in _flatten(_details(exc))]
    return _django_errors(exc) or _transport_errors(exc)


def _rest_error(exc: rest.APIException) -> errors.ServiceError:
    kind = _REST_KINDS.get(exc.status_code, errors.BadRequest)
    wait = getattr(exc, "wait", None)
    return kind(str(exc.detail), retry_after=None if wait is None else ceil(wait))


def _django_errors(exc: Exception) -> list[errors.ServiceError]:
    if isinstance(exc, Http404):
        return [errors.NotFound("There is no such thing here.")]
    if isinstance(exc, PermissionDenied):
        return [errors.NotAllowed("You may not do this.")]
    if isinstance(exc, errors.StaleTransition):
        return [errors.Conflict(f"{exc}.")]
    return []


def _transport_errors(exc: Exception) -> list[errors.ServiceError]:
    if isinstance(exc, RequestDataTooBig):
        return [errors.TooLarge("The body is too large.")]
    if isinstance(exc, SuspiciousOperation | UnreadablePostError):
        return [errors.BadRequest("The request can't be read.")]
    if isinstance(exc, DataError | UnicodeEncodeError):
        # A value that passed every check of ours and that no table can hold.
        logger.warning("a request carried a value that can't be stored", exc_info=exc)
        return [errors.BadRequest("The request holds a value that can't be stored.")]
    return []


def container(found: Sequence[errors.ServiceError]) -> dict[str, Any]:
    """The wire's shape of errors. ``trace`` is unique, so that an answer can be told from another."""
    described = [
        {
            "code": error.number,
            "message": error.message,
            "solution": error.solution,
            "more_info": more_of(error.number),
        }
        for error in found
    ]
    return {"errors": described, "trace": uuid4().hex}


def more_of(code: int) -> str:
    """Where the service's own page tells what an error code means."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/docs/api#error-{code}"


def error_response(error: errors.ServiceError) -> HttpResponse:
    """The same for views that don't use the REST framework."""
    return HttpResponse(
        encode_json(container([error])),
        status=error.status,
        content_type=JSON_TYPE,
        headers=_headers(error, error.status),
    )


def _headers(error: errors.ServiceError, status: int) -> dict[str, str]:
    headers = {}
    if status == errors.NotAuthenticated.status:
        headers["WWW-Authenticate"] = CHALLENGE
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.RateExceeded):
        headers |= Rate(error.limit, 0.0).headers()
    return headers


def _details(exc: ModelInvalid) -> Any:
    return exc.message_dict if hasattr(exc, "error_dict") else exc.messages


def _flatten(detail: Any, path: str = "") -> list[str]:
    """One sentence for each thing that is wrong, beginning with the field's name."""
    if isinstance(detail, dict):
        return [
            text
            for key, value in detail.items()
            for text in _flatten(value, ".".join(filter(None, [path, str(key)])))
        ]
    if isinstance(detail, list | tuple):
        return [text for value in detail for text in _flatten(value, path)]
    plain = path.rpartition(".")[2] in {"", "non_field_errors", "__all__"}
    return [str(detail) if plain else f"{path}: {detail}"]


def api_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For addresses below the API that don't exist."""
    return error_response(errors.NotFound("There is no such address in this API."))


def api_bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For requests that Django refuses before a view sees them."""
    found = service_errors(exception) if exception else []
    return error_response(found[0] if found else errors.BadRequest("The request can't be read."))


def api_forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For requests that Django forbids before a view sees them."""
    return error_response(errors.NotAllowed("You may not do this."))


class _ServerFault(errors.ServiceError):
    status = 500


def api_error(request: HttpRequest) -> HttpResponse:
    """For faults of ours. The client retries; the log has the reason."""
    return error_response(_ServerFault("The service failed to answer. The fault has been logged."))
