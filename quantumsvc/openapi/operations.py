"""What a view says of itself for the description of the API. Costs nothing when a call is answered.

A view's method carries an :class:`Operation`; ``quantumsvc.openapi.schema`` turns all of them into one
OpenAPI document. Bodies are the very types that requests are read with, and typed dictionaries of what
answers hold; the text is the method's docstring.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Schema = dict[str, Any]

JSON = "application/json"
TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One word of a query, or a header, and what it may hold."""

    name: str
    schema: Schema
    description: str
    place: str = "query"
    required: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    ``body`` and ``answer`` are types that msgspec knows, or REST serializers; ``answer`` is None where
    nothing is answered but the status. ``refuses`` are error codes beside those that every call of its
    kind may meet. ``also`` are further statuses that are no errors, with a sentence each.
    """

    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    media: str = JSON
    body_media: str = JSON
    body_required: bool = True
    query: tuple[Parameter, ...] = ()
    refuses: tuple[int, ...] = ()
    also: dict[int, str] = field(default_factory=dict)
    open_to_all: bool = False
    without_instance: bool = False
    # Answers that don't have the usual container of errors, by status.
    own_errors: dict[int, Any] = field(default_factory=dict)


def described(summary: str, **fields: Any) -> Callable[[F], F]:
    """Say what a view's method does; the fields are those of :class:`Operation`."""

    def note(function: F) -> F:
        function.operation = Operation(summary, **fields)  # type: ignore[attr-defined]
        return function

    return note


def text(name: str, description: str, **over: Any) -> Parameter:
    """A word of the query that holds a text."""
    return Parameter(name, {"type": "string"}, description, **over)


def one_of(name: str, description: str, words: list[str], **over: Any) -> Parameter:
    """A word of the query that holds one of some words."""
    return Parameter(name, {"type": "string", "enum": words}, description, **over)


def number(
    name: str, description: str, *, minimum: int, maximum: int, default: int | None = None
) -> Parameter:
    """A word of the query that holds a whole number."""
    schema: Schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return Parameter(name, schema if default is None else {**schema, "default": default}, description)


def yes_no(name: str, description: str) -> Parameter:
    """A word of the query that is true or false."""
    return Parameter(name, {"type": "boolean"}, description)


def moment(name: str, description: str) -> Parameter:
    """A word of the query that holds an instant; without a zone it is in UTC."""
    return Parameter(name, {"type": "string", "format": "date-time"}, description)


def paged(default: int = 10, maximum: int = 200) -> tuple[Parameter, ...]:
    """The words with which a list is read in parts."""
    return (
        number("limit", "How many at most.", minimum=1, maximum=maximum, default=default),
        number("offset", "How many to pass over.", minimum=0, maximum=10_000_000, default=0),
    )
