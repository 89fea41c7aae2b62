"""Places between rows, which pages are named by: rows that come in meanwhile move nothing.

Rows are ordered by when they were made, then by id, then by kind, since a session may bear the id of its
first job.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,17})\.([0-9A-Za-z_-]{1,36})\.([js])", re.ASCII)
_KINDS = {"j": "jobs", "s": "sessions"}


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    at: datetime
    ident: str
    kind: str

    @classmethod
    def read(cls, cursor: str) -> Self | None:
        """The place that a cursor names, if it can be read."""
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            return None
        return cls(_EPOCH + timedelta(microseconds=int(match[1])), match[2], _KINDS[match[3]])

    @property
    def cursor(self) -> str:
        """As it is written in an address: microseconds since 1970, the id, and the kind's first letter."""
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.ident}.{self.kind[0]}"

    def beyond(self, kind: str, *, newer: bool) -> tuple[str, object, object, object]:
        """The condition that rows ``w`` of a kind are newer, or older, than this place.

        Its first part is what an index can use.
        """
        sign = ">" if newer else "<"
        or_same = "=" if (kind > self.kind if newer else kind < self.kind) else ""
        words = f"w.created_at {sign}= %s AND (w.created_at {sign} %s OR w.id {sign}{or_same} %s)"
        return words, self.at, self.at, self.ident
