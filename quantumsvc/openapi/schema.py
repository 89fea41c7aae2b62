"""One OpenAPI document from what all views say of themselves (drf-spectacular's generator)."""

import re
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from drf_spectacular.drainage import warn
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from quantumsvc.openapi.examples import examples
from quantumsvc.openapi.operations import JSON, Operation, Parameter, Schema, operation_of
from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.openapi.security import SCHEMES, schemes_of
from quantumsvc.wire.versions import VERSIONS

# The second address of the same things; the document says so in its introduction.
_ALIASES = ("/experimental/", "/legacy/experimental/", "/{plan_id}")
_REFERENCE = "#/components/schemas/{name}"
_TAGS = {
    "identity": "Signing in",
    "auth": "Old clients",
    "legacy": "Old clients",
    "v2": "Instances",
    "v3": "Instances",
    "catalog": "Instances",
    "instance": "Instances",
    "instances": "Instances",
    "analytics": "Usage",
    "calibration-schedules": "Calibrations",
    "reservation-series": "Reservations",
    "calendar-feeds": "Reservations",
    "calendars": "Reservations",
}
# What every call may meet that names its caller, that sends a body, and that names a thing.
_OF_CALLERS, _OF_BODIES, _OF_THINGS = (1200, 1201, 1202, 1210), (1210, 1213), (1291,)


class ErrorDetail(msgspec.Struct):
    """One thing that is wrong; ``code`` is stable, and ``more_info`` the address where it is explained."""

    code: int
    message: str
    solution: str
    more_info: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]


class Errors(msgspec.Struct):
    """Everything that is wrong with a request; ``trace`` is unique to the answer."""

    errors: list[ErrorDetail]
    trace: str


class WireSchema(AutoSchema):
    """Describes a view by the :class:`Operation` of its method; leaves out a view without one."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> Schema | None:
        """The operation of one address and method."""
        self.path, self.path_regex, self.path_prefix = path, path_regex, path_prefix
        self.method, self.registry = method.upper(), registry
        said = operation_of(self.view, method)
        return None if said is None else self._described(said)

    def _described(self, said: Operation) -> Schema:
        found: Schema = {
            "operationId": _name(said.summary, self.path),
            "summary": said.summary,
            "description": _plain(getattr(self.view, self.method.lower()).__doc__),
            "tags": [tag_of(self.path)],
            "parameters": [*self._address(), *map(_parameter, [*self._headers(said), *said.query])],
            "responses": self._answers(said),
            "security": self._security(said),
        }
        for media in found["responses"][str(said.status)].get("content", {}).values():
            media |= _example(examples().get(found["operationId"], {}), "answer")
        shown = examples().get(found["operationId"], {})
        if said.body is not None:
            content = {
                said.body_media: {"schema": self._schema(said.body, "request"), **_example(shown, "body")}
            }
            found["requestBody"] = {"content": content, "required": said.body_required}
        return found

    def _address(self) -> list[Schema]:
        names = re.findall(r"\{([^}]+)\}", self.path)
        return [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]

    def _headers(self, said: Operation) -> list[Parameter]:
        function = getattr(self.view, self.method.lower())
        found = [_KEY] if hasattr(function, "keeps_answer") else []
        if said.open_to_all or said.without_instance or "/legacy/" in self.path:
            return found
        return [_INSTANCE, _VERSION, *found]

    def _security(self, said: Operation) -> list[Schema]:
        names = [] if said.open_to_all else schemes_of(self.view)
        for name in names:
            self.registry.register_on_missing(
                ResolvedComponent(
                    name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=name, schema=SCHEMES[name]
                )
            )
        return [{name: []} for name in names] or [{}]

    def _answers(self, said: Operation) -> Schema:
        kinds = {**said.answers, said.status: said.answer}
        found: Schema = {str(status): self._answer(status, kind, said) for status, kind in kinds.items()}
        for status, sentence in said.also.items():
            found[str(status)] = {"description": sentence}
        for status, codes in _by_status(self._codes(said)).items():
            found.setdefault(str(status), self._refusal(status, codes))
        for status, kind in said.own_errors.items():
            content = {JSON: {"schema": self._schema(kind, "response")}}
            found[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
        return dict(sorted(found.items()))

    def _answer(self, status: int, kind: Any, said: Operation) -> Schema:
        found: Schema = {"description": HTTPStatus(status).phrase}
        if kind is not None:
            found["content"] = {said.media: {"schema": self._schema(kind, "response")}}
        return found

    def _codes(self, said: Operation) -> set[int]:
        codes = set(said.refuses)
        if not said.open_to_all:
            codes.update(_OF_CALLERS)
        if said.query:
            codes.add(1210)
        if (keeps := getattr(getattr(self.view, self.method.lower()), "keeps_answer", None)) is not None:
            codes.update((1411,) if keeps else (1411, 1412))
        if said.body is not None and not said.own_errors:
            codes.update(_OF_BODIES)
        # Old clients name the instance in the address, the body or the query.
        if "{" in self.path or self.path.startswith("/legacy/"):
            codes.update(_OF_THINGS)
        return codes

    def _refusal(self, status: int, codes: Sequence[int]) -> Schema:
        meanings = "\n".join(f"* `{code}`: {PROBLEMS[code].meaning}" for code in codes)
        return {"description": meanings, "content": {JSON: {"schema": self._schema(Errors, "response")}}}

    def _schema(self, kind: Any, direction: Direction) -> Schema:
        """A type's schema, with what it is made of among the components."""
        if isinstance(kind, tuple):
            return {"anyOf": [self._schema(each, direction) for each in kind]}
        if isinstance(kind, type) and issubclass(kind, Serializer):
            reference: Schema = self.resolve_serializer(kind(), direction).ref
            return reference
        found, parts = _components(kind)
        for name, part in parts.items():
            self._register(
                ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=part)
            )
        return dict(found)

    def _register(self, component: ResolvedComponent) -> None:
        if component in self.registry and self.registry[component].schema != component.schema:
            warn(f"two types are named {component.name}")
        self.registry.register_on_missing(component)


@cache
def _components(kind: Any) -> tuple[Schema, Schema]:
    (found,), parts = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return found, parts


_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "Sent again within 24 hours with this key, the call is not done twice but answered as the first time.",
    place="header",
)
_VERSION = Parameter(
    "IBM-API-Version",
    {"type": "string", "format": "date", "examples": [VERSIONS[-1].name]},
    "The version of the wire; the oldest if left out. A day between two versions means the earlier.",
    place="header",
)
_INSTANCE = Parameter(
    "Service-CRN",
    {"type": "string"},
    "The CRN of the instance that the call is about.",
    place="header",
)


def tag_of(path: str) -> str:
    """Under which heading an address stands."""
    first = path.removeprefix("/api/v1/").strip("/").partition("/")[0]
    return _TAGS.get(first, first.capitalize())


def _name(summary: str, path: str) -> str:
    """What a generated client calls it; old clients' addresses are served by the same views."""
    words = re.sub(r"[^a-z]+", "_", summary.lower().replace("'s", "")).strip("_")
    return f"old_{words}" if path.startswith("/legacy/") else words


def _example(shown: dict[str, Any], what: str) -> Schema:
    return {"example": shown[what]} if what in shown else {}


def _parameter(each: Parameter) -> Schema:
    schema = {"type": "array", "items": each.schema} if each.many else each.schema
    return {
        "name": each.name,
        "in": each.place,
        "required": each.required,
        "description": each.description,
        "schema": schema,
    }


def _by_status(codes: set[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for code in sorted(codes):
        for status in PROBLEMS[code].statuses:
            found.setdefault(status, []).append(code)
    return found


def _plain(docstring: str | None) -> str:
    """A docstring as text: its lines joined to paragraphs, code marked with single backquotes."""
    paragraphs = re.split(r"\n\s*\n", (docstring or "").strip())
    joined = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    return re.sub(r":\w+:`([^`]+)`", r"\1", joined).replace("``", "`")


class Endpoints(EndpointEnumerator):
    """Every address once, with the functions that are views without the framework."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        """Leave out second addresses of the same."""
        if path.startswith(_ALIASES) or "(" in path:
            return False
        if hasattr(callback, "operations"):
            callback.cls = _plain_view(callback)
            callback.initkwargs = {}
        return super().should_include_endpoint(path, callback)


def _plain_view(function: Any) -> type[APIView]:
    """Something like a view of the framework, for a function that answers by itself."""
    methods = dict.fromkeys(function.operations, function)
    fields = {"operations": function.operations, "authentication_classes": (), "permission_classes": ()}
    return type("PlainView", (APIView,), {**fields, **methods})


class Generator(SchemaGenerator):
    """Makes the document."""

    endpoint_inspector_cls = Endpoints
