"""Reading a list in parts that stay in step while rows come and go.

A cursor names the last row of a part by the values that the list is ordered by. The next part is what
comes after these values, whatever was added or taken away meanwhile; an offset would shift.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy

from quantumsvc.errors import BadRequest

M = TypeVar("M", bound=Model)
MOST_LENGTH = 2000


@dataclass(frozen=True)
class Part(Generic[M]):
    """Some rows of a list; ``following`` is the cursor of the part after it, if there is one."""

    rows: list[M]
    following: str | None


def read_part(rows: QuerySet[M], *, limit: int, offset: int = 0, cursor: str = "") -> Part[M]:
    """A part of ``rows``, which must have a total order over values that are never null.

    Raises BadRequest for a cursor of another list.
    """
    order = _order_of(rows)
    wanted = rows.filter(_after(rows.model, order, _values(rows.model, order, cursor))) if cursor else rows
    found = list(wanted[offset : offset + limit + 1])
    more = len(found) > limit
    return Part(found[:limit], _cursor(order, found[limit - 1]) if more else None)


def _order_of(rows: QuerySet[M]) -> list[str]:
    order = rows.query.order_by or rows.model._meta.ordering or ()
    return [_name(each) for each in order]


def _name(each: Any) -> str:
    if isinstance(each, OrderBy) and isinstance(each.expression, F):
        return f"{'-' * each.descending}{each.expression.name}"  # type: ignore[attr-defined]
    return str(each)


def _cursor(order: list[str], row: Model) -> str:
    held = [_value(row, name.lstrip("-")) for name in order]
    return urlsafe_b64encode(msgspec.json.encode([order, held])).decode().rstrip("=")


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row.isoformat() if isinstance(row, datetime) else row


def _values(model: type[Model], order: list[str], cursor: str) -> list[Any]:
    try:
        padded = cursor[:MOST_LENGTH] + "=" * (-len(cursor) % 4)
        named, held = msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[list[str], list[Any]])
    except (binascii.Error, ValueError, RecursionError):
        raise _foreign() from None
    if named != order or len(held) != len(order):
        raise _foreign()
    return [_checked(_field(model, name.lstrip("-")), value) for name, value in zip(order, held, strict=True)]


def _field(model: Any, name: str) -> "Field[Any, Any]":
    *path, last = name.split("__")
    for part in path:
        model = model._meta.get_field(part).related_model
    found: Field[Any, Any] = model._meta.pk if last == "pk" else model._meta.get_field(last)
    return found


def _checked(field: "Field[Any, Any]", value: Any) -> Any:
    if value is None or isinstance(value, list | dict) or "\0" in str(value):
        raise _foreign()
    try:
        return field.to_python(value)
    except (ValidationError, ValueError, OverflowError):
        raise _foreign() from None


def _after(model: type[Model], order: list[str], held: list[Any]) -> Q:
    """Later in the order; the first condition alone lets an index begin at the right place."""
    found, same = Q(), Q()
    for number, (name, value) in enumerate(zip(order, held, strict=True)):
        plain, way = name.lstrip("-"), "lt" if name.startswith("-") else "gt"
        found |= same & Q(**{f"{plain}__{way}": value})
        if number == 0:
            first = Q(**{f"{plain}__{way}e": value})
        same &= Q(**{plain: value})
    return first & found


def _foreign() -> BadRequest:
    return BadRequest("cursor is not one that this list gave, in this order.")
