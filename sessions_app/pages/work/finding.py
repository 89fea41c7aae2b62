"""Finding the rows of the Jobs page in a time that does not grow with the table.

Rows are read instance by instance along an index, newest first, and merged. What an index serves (state,
dates, the session) narrows the reading; what none serves is looked for among the newest rows, ``WINDOW`` of
all instances together, and the page says where it stopped.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from quantumsvc.accounts.models import User
from sessions_app.pages.work.filters import JOBS, SESSIONS, WorkFilters
from sessions_app.pages.work.places import Place

# So many rows are looked through for what no index serves, dealt out among the instances.
WINDOW = 3_000
_LEAST_WINDOW = 100
# A count goes so far.
COUNTED = 1_000

_TABLES = {JOBS: "sessions_app_job", SESSIONS: "sessions_app_session"}
_ALIVE = {JOBS: "w.deleted_at IS NULL", SESSIONS: "true"}
_LARGEST_ID = 2**63 - 1

# The last one that was seen is told as well, whether it matches or not.
_OF_KIND = """
SELECT '{kind}' AS kind, found.id, found.created_at, found.state, found.is_match, found.is_last
FROM unnest(%s::bigint[]) AS visible(id) CROSS JOIN LATERAL (
    SELECT s.id, s.created_at, s.state, s.is_match, s.nth = %s AS is_last FROM (
        SELECT w.id, w.created_at, w.state, {match} AS is_match,
            row_number() OVER (ORDER BY w.created_at {order}, w.id {order}) AS nth
        FROM {table} w WHERE w.instance_id = visible.id AND {narrow}
        ORDER BY w.created_at {order}, w.id {order} LIMIT %s
    ) s WHERE s.nth = %s OR s.is_match ORDER BY s.created_at {order}, s.id {order} LIMIT %s
) AS found"""

_COUNT_SEEN = """
SELECT s.state, count(*) FILTER (WHERE s.is_match), bool_or(s.nth = %s)
FROM unnest(%s::bigint[]) AS visible(id) CROSS JOIN LATERAL (
    SELECT w.state, {match} AS is_match, row_number() OVER (ORDER BY w.created_at DESC, w.id DESC) AS nth
    FROM {table} w WHERE w.instance_id = visible.id AND {narrow}
    ORDER BY w.created_at DESC, w.id DESC LIMIT %s
) AS s GROUP BY s.state"""

_NAMED = """
SELECT '{kind}' AS kind, w.id, w.created_at, w.state FROM {table} w
WHERE w.id = ANY(%s) AND w.instance_id = ANY(%s) AND {narrow} AND {match}"""

_COUNT = """(SELECT count(*) FROM (
    SELECT 1 FROM unnest(%s::bigint[]) AS visible(id) CROSS JOIN LATERAL (
        SELECT 1 FROM {table} w WHERE w.instance_id = visible.id AND {narrow} LIMIT %s
    ) AS each_one LIMIT %s
) AS counted)"""


@dataclass
class Conditions:
    """SQL and its parameters; all must hold."""

    words: list[str] = field(default_factory=lambda: ["true"])
    parameters: list[object] = field(default_factory=list)

    def add(self, words: str, *parameters: object) -> None:
        self.words.append(words)
        self.parameters += parameters

    @property
    def sql(self) -> str:
        return " AND ".join(self.words)

    @property
    def are_any(self) -> bool:
        """Whether something must hold."""
        return len(self.words) > 1


def number(text: str) -> int:
    """The number, or one that no row has."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return found if found <= _LARGEST_ID else 0


def narrowing(kind: str, filters: WorkFilters, state: str | None = None) -> Conditions:
    """What an index serves. ``state`` stands for the one that was asked for."""
    found = Conditions()
    found.add(_ALIVE[kind])
    wanted = filters.state if state is None else state
    if wanted:
        found.add("w.state = %s", wanted)
    since, until = filters.moments()
    if since:
        found.add("w.created_at >= %s", since)
    if until:
        found.add("w.created_at < %s", until)
    if filters.session:
        found.add("w.session_id = %s" if kind == JOBS else "w.id = %s", filters.session)
    return found


def matching(kind: str, filters: WorkFilters, user: User) -> Conditions:
    """What no index serves."""
    found = Conditions()
    if filters.backend:
        found.add("w.backend_id = (SELECT id FROM backends_backend WHERE name = %s)", filters.backend)
    if filters.owner == "mine":
        found.add("w.user_id = %s", user.pk)
    elif filters.owner:
        found.add("w.user_id = (SELECT id FROM accounts_user WHERE username = %s)", filters.owner)
    if kind == JOBS:
        _match_jobs(found, filters)
    else:
        _match_sessions(found, filters)
    return found


_IN_MODE = """w.session_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM sessions_app_session o WHERE o.id = w.session_id AND o.mode = '{}'
)"""
_MODES = {
    "job": "w.session_id IS NULL",
    "session": _IN_MODE.format("dedicated"),
    "batch": _IN_MODE.format("batch"),
}
_IN_WINDOW = """EXISTS (
    SELECT 1 FROM reservations_app_window v
    WHERE v.id = %s AND v.backend_id = w.backend_id AND v.instance_id = w.instance_id
    AND w.started_at >= v.starts_at AND w.started_at < coalesce(v.released_at, v.ends_at)
)"""


def _match_jobs(found: Conditions, filters: WorkFilters) -> None:
    if filters.mode:
        found.add(_MODES.get(filters.mode, "false"))
    if filters.tag:
        found.add("w.tags @> ARRAY[%s]::varchar[]", filters.tag)
    if filters.reservation:
        found.add(_IN_WINDOW, filters.reservation)
    if filters.text:
        words = filters.text.lower()
        found.add(
            "(position(%s in w.id) > 0 OR position(%s in lower(array_to_string(w.tags, ' '))) > 0"
            " OR position(%s in w.program) > 0)",
            words, words, words,
        )  # fmt: skip


def _match_sessions(found: Conditions, filters: WorkFilters) -> None:
    if filters.mode:
        found.add("w.mode = %s", {"session": "dedicated"}.get(filters.mode, filters.mode))
    if filters.text:
        found.add("position(%s in w.id) > 0", filters.text.lower())


def visible_ids(instances: Sequence[int], filters: WorkFilters) -> list[int]:
    """The instances that are read: of those the reader may see, the one that was asked for."""
    return [pk for pk in instances if not filters.instance or pk == number(filters.instance)]


class Found(NamedTuple):
    """Which row matches, and what its place and its count depend on."""

    kind: str
    ident: str
    at: datetime
    state: str


class Seen(NamedTuple):
    """Rows that match, and the place beyond which nothing was looked at; ``None``: all was."""

    rows: list[Found]
    edge: Place | None


class Count(NamedTuple):
    """How many rows match. ``is_more``: counting stopped there."""

    number: int
    is_more: bool


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    # Not prepared: the plan depends on what is asked for.
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


class Finder:
    """Reads rows that match the filters in the instances that the reader may see."""

    def __init__(self, instances: Sequence[int], filters: WorkFilters, user: User) -> None:
        self._instances = visible_ids(instances, filters)
        self._window = max(WINDOW // max(len(self._instances), 1), _LEAST_WINDOW)
        self._filters = filters
        self._matching = {kind: matching(kind, filters, user) for kind in filters.kinds}

    def look(self, place: Place | None, limit: int, *, newer: bool = False) -> Seen:
        """At most ``limit`` rows on one side of a place, nearest first; ``None``: from the newest."""
        if not self._matching:
            return Seen([], None)
        order = "ASC" if newer else "DESC"
        parts, parameters = [], list[object]()
        for kind, match in self._matching.items():
            narrow = self._narrow(kind, place, newer=newer)
            parts.append(
                _OF_KIND.format(
                    kind=kind, table=_TABLES[kind], order=order, narrow=narrow.sql, match=match.sql
                )
            )
            # With nothing to look for, nothing is looked through.
            last, seen = (self._window, self._window) if match.are_any else (0, limit)
            parameters += [self._instances, last, *match.parameters, *narrow.parameters, seen, last, limit]
        sql = f"{' UNION ALL '.join(parts)} ORDER BY 3 {order}, 2 {order}, 1 {order} LIMIT %s"
        return _seen(_rows(sql, [*parameters, limit]))

    def named(self, kind: str, idents: Sequence[str]) -> list[Found]:
        """Those rows among some of a kind."""
        if kind not in self._matching or not idents:
            return []
        narrow, match = self._narrow(kind, None, newer=False), self._matching[kind]
        sql = _NAMED.format(kind=kind, table=_TABLES[kind], narrow=narrow.sql, match=match.sql)
        parameters = [list(idents), self._instances, *narrow.parameters, *match.parameters]
        return [Found(*row) for row in _rows(sql, parameters)]

    def counts(self, kind: str, states: Sequence[str]) -> dict[str, Count]:
        """How many rows of a kind are in each state, as far as ``COUNTED``, or among those looked through."""
        none = dict.fromkeys(states, Count(0, is_more=False))
        match = self._matching.get(kind)
        if match is None:
            return none
        return none | (self._counts_seen(kind, match) if match.are_any else self._all_counts(kind, states))

    def _all_counts(self, kind: str, states: Sequence[str]) -> dict[str, Count]:
        parts, parameters = [], list[object]()
        for state in states:
            narrow = narrowing(kind, self._filters, state)
            parts.append(_COUNT.format(table=_TABLES[kind], narrow=narrow.sql))
            parameters += [self._instances, *narrow.parameters, COUNTED + 1, COUNTED + 1]
        numbers = _rows(f"SELECT {', '.join(parts)}", parameters)[0]
        return {state: _count(number) for state, number in zip(states, numbers, strict=True)}

    def _counts_seen(self, kind: str, match: Conditions) -> dict[str, Count]:
        narrow = narrowing(kind, self._filters)
        sql = _COUNT_SEEN.format(table=_TABLES[kind], narrow=narrow.sql, match=match.sql)
        parameters = [self._window, self._instances, *match.parameters, *narrow.parameters, self._window]
        rows = _rows(sql, parameters)
        is_cut = any(is_last for _, _, is_last in rows)
        return {state: _count(number, is_cut=is_cut) for state, number, _ in rows}

    def _narrow(self, kind: str, place: Place | None, *, newer: bool) -> Conditions:
        found = narrowing(kind, self._filters)
        if place is not None:
            found.add(*place.beyond(kind, newer=newer))
        return found


def _seen(rows: Sequence[tuple[Any, ...]]) -> Seen:
    """What matches before the first place at which some instance was not looked at any further."""
    found: list[Found] = []
    for *named, is_match, is_last in rows:
        each = Found(*named)
        if is_match:
            found.append(each)
        if is_last:
            return Seen(found, Place(at=each.at, ident=each.ident, kind=each.kind))
    return Seen(found, None)


def _count(number: int, *, is_cut: bool = False) -> Count:
    return Count(min(number, COUNTED), is_cut or number > COUNTED)


def tally(seen: Seen, states: Sequence[str], kind: str) -> dict[str, Count]:
    """The counts of a kind by state, from all that was found."""
    tallied = Counter(each.state for each in seen.rows if each.kind == kind)
    return {state: Count(tallied[state], seen.edge is not None) for state in states}
