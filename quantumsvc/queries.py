"""What the words of a query ask for."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict
from rest_framework.request import Request

from quantumsvc import errors
from quantumsvc.cursors import Part, read_part
from quantumsvc.openapi.operations import Parameter
from quantumsvc.wire.times import parse_time

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=QuerySet[Any])


@dataclass(frozen=True)
class Page:
    """Which part of a list was asked for: by number, or by the cursor that the part before it gave."""

    limit: int
    offset: int
    cursor: str = ""

    def of(self, rows: QuerySet[M]) -> Part[M]:
        """That part of ``rows``, which must have a total order. Raises BadRequest for a foreign cursor."""
        return read_part(rows, limit=self.limit, offset=self.offset, cursor=self.cursor)


def page_of(request: Request, *, default: int = 10, maximum: int = 200) -> Page:
    """``limit`` (1 to ``maximum``) and ``offset`` or ``cursor`` of the query. Raises BadRequest."""
    found = Page(
        limit=int_parameter(request, "limit", default, minimum=1, maximum=maximum),
        offset=int_parameter(request, "offset", 0, minimum=0, maximum=10_000_000),
        cursor=request.query_params.get("cursor", ""),
    )
    if found.offset and found.cursor:
        raise errors.BadRequest("Give either offset or cursor.")
    return found


def listed(word: str, found: list[dict[str, Any]], count: int, page: Page, part: Part[Any]) -> dict[str, Any]:
    """One page of a list, where it stands in it, and the cursor of the next."""
    return {
        word: found,
        "count": count,
        "limit": page.limit,
        "offset": page.offset,
        "next": part.following,
    }


def int_parameter(request: Request, name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number of the query. Raises BadRequest when it isn't one or is out of bounds."""
    text = request.query_params.get(name, "")
    return number_of(name, text, minimum, maximum) if text else default


def bool_parameter(request: Request, name: str, default: bool | None = None) -> bool | None:
    """``true`` or ``false`` in any case, as clients of different ages write it. Raises BadRequest."""
    text = request.query_params.get(name, "")
    return truth_of(name, text) if text else default


def time_parameter(request: Request, name: str) -> datetime | None:
    """An instant of the query. Raises BadRequest."""
    text = request.query_params.get(name, "")
    return time_of(name, text) if text else None


def number_of(name: str, text: str, minimum: int, maximum: int) -> int:
    """A whole number. Raises BadRequest when it isn't one or is out of bounds."""
    # More digits than any bound has, and few enough to convert without thinking of time.
    number = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None
    if number is None or not minimum <= number <= maximum:
        raise errors.BadRequest(f"{name} must be a whole number from {minimum} to {maximum}.")
    return number


def truth_of(name: str, text: str) -> bool:
    """True or false. Raises BadRequest."""
    if text.lower() not in {"true", "false", "1", "0"}:
        raise errors.BadRequest(f"{name} must be true or false.")
    return text.lower() in {"true", "1"}


def time_of(name: str, text: str) -> datetime:
    """An instant. Raises BadRequest."""
    try:
        return parse_time(text)
    except ValueError as problem:
        raise errors.BadRequest(f"{name}: {problem}.") from problem


def word_of(name: str, text: str, known: Collection[str]) -> str:
    """One of some words. Raises BadRequest for another."""
    if text not in known:
        raise errors.BadRequest(f"{name} must be one of {', '.join(known)}.")
    return text


def chosen_order(request: Request, rows: R, orders: Mapping[str, tuple[str, ...]]) -> R:
    """``rows`` in the order that ``sort`` names, backwards with a minus; as they are if it names none.

    ``orders`` are the fields of each order, the last of them unique. Raises BadRequest.
    """
    word = request.query_params.get("sort", "")
    if not word:
        return rows
    fields = orders[word_of("sort", word, words_of(orders)).removeprefix("-")]
    return rows.order_by(*(f"-{name}" if word.startswith("-") else name for name in fields))


def words_of(orders: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What ``sort`` may be."""
    return [sign + name for name in orders for sign in ("", "-")]


def word_parameter(request: Request, name: str, known: Collection[str]) -> str:
    """One of some words of the query, or nothing. Raises BadRequest for another."""
    word = request.query_params.get(name, "")
    return word_of(name, word, known) if word else ""


def wrong_words(query: QueryDict, described: Iterable[Parameter]) -> list[errors.BadRequest]:
    """Everything that is wrong with a query, by what the description says of its words.

    Calls stop at the first wrong word. Only when there is one is the whole query looked at.
    """
    found = {}
    for each in described:
        for text in query.getlist(each.name) if each.many else [query.get(each.name, "")]:
            try:
                _check(each, str(text))
            except errors.BadRequest as problem:
                found[problem.message] = problem
    return list(found.values())


def _check(described: Parameter, text: str) -> None:
    name, schema = described.name, described.schema
    if not text:
        if described.required:
            raise errors.BadRequest(f"{name} must be given.")
    elif "enum" in schema:
        word_of(name, text if text in schema["enum"] else text.upper(), schema["enum"])
    elif schema["type"] == "integer":
        number_of(name, text, schema["minimum"], schema["maximum"])
    elif schema["type"] == "boolean":
        truth_of(name, text)
    elif schema.get("format") == "date-time":
        time_of(name, text)
