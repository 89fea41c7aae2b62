"""What the words of a query ask for."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from quantumsvc import errors
from quantumsvc.cursors import Part, read_part
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
    if not text:
        return default
    # More digits than any bound has, and few enough to convert without thinking of time.
    number = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None
    if number is None or not minimum <= number <= maximum:
        raise errors.BadRequest(f"{name} must be a whole number from {minimum} to {maximum}.")
    return number


def bool_parameter(request: Request, name: str, default: bool | None = None) -> bool | None:
    """``true`` or ``false`` in any case, as clients of different ages write it. Raises BadRequest."""
    text = request.query_params.get(name, "").lower()
    if not text:
        return default
    if text not in {"true", "false", "1", "0"}:
        raise errors.BadRequest(f"{name} must be true or false.")
    return text in {"true", "1"}


def time_parameter(request: Request, name: str) -> datetime | None:
    """An instant of the query. Raises BadRequest."""
    text = request.query_params.get(name, "")
    try:
        return parse_time(text) if text else None
    except ValueError as problem:
        raise errors.BadRequest(f"{name}: {problem}.") from problem


def chosen_order(request: Request, rows: R, orders: Mapping[str, tuple[str, ...]]) -> R:
    """``rows`` in the order that ``sort`` names, backwards with a minus; as they are if it names none.

    ``orders`` are the fields of each order, the last of them unique. Raises BadRequest.
    """
    word = request.query_params.get("sort", "")
    if not word:
        return rows
    fields = orders.get(word.removeprefix("-"))
    if fields is None:
        raise errors.BadRequest(f"sort must be one of {', '.join(words_of(orders))}.")
    return rows.order_by(*(f"-{name}" if word.startswith("-") else name for name in fields))


def words_of(orders: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What ``sort`` may be."""
    return [sign + name for name in orders for sign in ("", "-")]


def word_parameter(request: Request, name: str, known: Collection[str]) -> str:
    """One of some words of the query, or nothing. Raises BadRequest for another."""
    word = request.query_params.get(name, "")
    if word and word not in known:
        raise errors.BadRequest(f"{name} must be one of {', '.join(known)}.")
    return word
