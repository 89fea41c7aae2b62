"""Pages of rows, newest first, that hold still while rows are added and changed.

A page is named by the row it begins after, not by a number: rows that come in meanwhile move nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)

SIZE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,17})\.([0-9A-Za-z_-]{1,36})", re.ASCII)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows, and the cursors of what lies on either side; empty where nothing does."""

    rows: Sequence[M]
    newer: str = ""
    older: str = ""


def cursor_of(row: Any) -> str:
    """Where a row stands: when it was made (microseconds), and its id among those of that moment."""
    return f"{(row.created_at - _EPOCH) // timedelta(microseconds=1)}.{row.pk}"


def page_of(rows: QuerySet[M], query: QueryDict) -> Page[M]:
    """The page that the query names: the rows after ``after`` (newer), or before ``before`` (older).

    A cursor that can't be read, or with less than a page after it, gives the newest page.
    """
    if place := _place(query.get("after", "")):
        if found := _newer(rows, place):
            return found
    elif place := _place(query.get("before", "")):
        older = _older(rows, place)
        return _page(older[:SIZE], newer=bool(older), older=len(older) > SIZE)
    newest = list(rows.order_by("-created_at", "-pk")[: SIZE + 1])
    return _page(newest[:SIZE], newer=False, older=len(newest) > SIZE)


def _place(text: str) -> tuple[datetime, str] | None:
    match = _CURSOR.fullmatch(text)
    return (_EPOCH + timedelta(microseconds=int(match[1])), match[2]) if match else None


def _newer(rows: QuerySet[M], place: tuple[datetime, str]) -> Page[M] | None:
    at, ident = place
    # The first condition is what an index can use.
    after = Q(created_at__gte=at) & (Q(created_at__gt=at) | Q(pk__gt=ident))
    found = list(rows.filter(after).order_by("created_at", "pk")[: SIZE + 1])
    return _page(found[:SIZE][::-1], newer=True, older=True) if len(found) > SIZE else None


def _older(rows: QuerySet[M], place: tuple[datetime, str]) -> list[M]:
    at, ident = place
    before = Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(pk__lt=ident))
    return list(rows.filter(before).order_by("-created_at", "-pk")[: SIZE + 1])


def _page(shown: list[M], *, newer: bool, older: bool) -> Page[M]:
    return Page(
        shown,
        newer=cursor_of(shown[0]) if newer and shown else "",
        older=cursor_of(shown[-1]) if older and shown else "",
    )
