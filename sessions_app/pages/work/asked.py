"""Single rows that a page which is looked at asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sessions_app.pages.work.filters import JOBS, SESSIONS

COUNTS = "states"
# As many rows as a page has and their sessions; the ids of more are not read.
LARGEST = 100
_KINDS = {"job": JOBS, "session": SESSIONS}


@dataclass(frozen=True)
class Asked:
    """The ids of jobs and sessions, by kind, and whether the counts by state are wanted."""

    rows: dict[str, list[str]]
    counts: bool

    @classmethod
    def read(cls, parts: Sequence[str]) -> Self | None:
        """What the names of elements stand for; ``None`` unless all are rows or the counts."""
        rows: dict[str, list[str]] = {JOBS: [], SESSIONS: []}
        for part in parts:
            kind, dash, ident = part.partition("-")
            if part != COUNTS:
                if kind not in _KINDS or not dash:
                    return None
                rows[_KINDS[kind]].append(ident)
        return cls(rows, COUNTS in parts) if 0 < len(parts) <= LARGEST else None
