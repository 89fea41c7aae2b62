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

    ``body`` and ``answer`` are types that msgspec knows, REST serializers, or a tuple of which any will do.
    ``answer`` is None where nothing is answered but the status; ``answers`` are further ones by status.
    ``refuses`` are error codes beside those that every call of its kind may meet. ``also`` are further
    statuses that are no errors, with a sentence each.
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
    answers: dict[int, Any] = field(default_factory=dict)
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


def functions(**operations: Operation) -> Callable[[F], F]:
    """The same for a function that is a view: what it does with each method."""

    def note(function: F) -> F:
        function.operations = operations  # type: ignore[attr-defined]
        return function

    return note


def operation_of(view: Any, method: str) -> Operation | None:
    """What a view says of one of its methods."""
    own: Operation | None = getattr(view, "operations", {}).get(method.lower())
    return own or getattr(getattr(view, method.lower(), None), "operation", None)


def text(name: str, description: str, **over: Any) -> Parameter:
    """A word of the query that holds a text."""
    return Parameter(name, {"type": "string"}, description, **over)


def one_of(name: str, description: str, words: list[str], **over: Any) -> Parameter:
    """A word of the query that holds one of some words."""
    return Parameter(name, {"type": "string", "enum": words}, description, **over)


def sortable(*words: str) -> Parameter:
    """The word of the query that names an order; with a minus, backwards."""
    both = [sign + word for word in words for sign in ("", "-")]
    return one_of("sort", "In which order; with a minus, backwards.", both)


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


# For what clients poll.
UNCHANGED = {304: "The caller has this already, as `If-None-Match` tells."}
WAIT = number(
    "wait",
    "Hold the answer back for so many seconds, until the state changes (or, with `If-None-Match`, anything);"
    " a job is answered without its params.",
    minimum=0,
    maximum=30,
)


def paged(default: int = 10, maximum: int = 200) -> tuple[Parameter, ...]:
    """The words with which a list is read in parts."""
    return (
        number("limit", "How many at most.", minimum=1, maximum=maximum, default=default),
        number("offset", "How many to pass over.", minimum=0, maximum=10_000_000, default=0),
        text(
            "cursor",
            "The `next` of the part before, in place of an offset: rows that come or go meanwhile are"
            " neither told twice nor left out.",
        ),
    )
