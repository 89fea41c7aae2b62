"""The ledger added up: by backend, user or day; in microseconds, so that parts add up to the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import BackendKind
from quantumsvc.statements import Statement, run


class Grouping(StrEnum):
    """What sums are told apart by."""

    INSTANCE = "instance"
    BACKEND = "backend"
    USER = "user_id"
    PLAN = "plan"


class Sort(StrEnum):
    """What was paid for: a session with all its charges, a batch with all its jobs, and so on."""

    DEDICATED = "dedicated"
    BATCH = "batch"
    INDIVIDUAL = "individual"
    RESERVATION = "reservation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Charges of one instance from ``since`` until before ``until``; empty filters let everything in."""

    instance: Instance
    since: datetime
    until: datetime
    backends: Sequence[str] = ()
    users: Sequence[int] = ()
    simulators: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """The charges of one sort: units, jobs among their lines, microseconds in all and of the largest unit."""

    units: int = 0
    jobs: int = 0
    microseconds: int = 0
    most: int = 0

    def __add__(self, other: "Part") -> "Part":
        return Part(
            self.units + other.units,
            self.jobs + other.jobs,
            self.microseconds + other.microseconds,
            max(self.most, other.most),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """The charges of one group, on one day if it was asked for days."""

    key: str
    day: datetime | None
    parts: dict[Sort, Part]

    def of(self, *sorts: Sort) -> Part:
        """What these sorts come to; all of them when none is named."""
        return sum((self.parts.get(sort, Part()) for sort in sorts or Sort), Part())

    @property
    def seconds(self) -> float:
        """All of it, in seconds."""
        return self.of().microseconds / 1_000_000


_KEYS = {
    Grouping.INSTANCE: "i.crn",
    Grouping.BACKEND: "b.name",
    Grouping.USER: "l.user_id::text",
    Grouping.PLAN: "i.plan",
}
_SUMS = """
WITH unit AS (
    SELECT {key} AS key, {day} AS day,
        CASE WHEN l.kind = 'reservation' THEN 'reservation' WHEN s.mode = 'dedicated' THEN 'dedicated'
            WHEN s.mode = 'batch' THEN 'batch' ELSE 'individual' END AS sort,
        coalesce(nullif(l.session_id, ''), l.subject) AS unit,
        count(*) FILTER (WHERE l.kind = 'job') AS jobs, sum(l.microseconds)::bigint AS used
    FROM sessions_app_ledgerline l
    JOIN accounts_instance i ON i.id = l.instance_id
    JOIN backends_backend b ON b.id = l.backend_id
    LEFT JOIN sessions_app_session s ON s.id = l.session_id
    WHERE l.instance_id = %s AND l.at >= %s AND l.at < %s
        AND (%s OR b.kind <> %s) AND (%s OR b.name = ANY(%s)) AND (%s OR l.user_id = ANY(%s))
    GROUP BY 1, 2, 3, 4
)
SELECT key, day, sort, count(*), sum(jobs)::bigint, sum(used)::bigint, max(used) FROM unit
GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
"""


def summaries(question: Question, grouping: Grouping, *, by_day: bool = False) -> list[Summary]:
    """The sums, by day (UTC) and key; groups without a charge are left out."""
    day = "date_trunc('day', l.at, 'UTC')" if by_day else "NULL::timestamptz"
    statement = _SUMS.format(key=_KEYS[grouping], day=day)
    return _gathered(run(Statement(statement, _parameters(question)))[0])


def total(question: Question) -> Summary:
    """All the charges in one sum."""
    found = summaries(question, Grouping.INSTANCE)
    return found[0] if found else Summary(question.instance.crn, None, {})


def _parameters(asked: Question) -> list[object]:
    backends, users = list(asked.backends), list(asked.users)
    only = [not backends, backends, not users, users]
    span = [asked.instance.pk, asked.since, asked.until]
    return [*span, asked.simulators, BackendKind.SIMULATOR.value, *only]


def _gathered(rows: Iterable[tuple[object, ...]]) -> list[Summary]:
    found: dict[tuple[object, object], Summary] = {}
    for key, day, sort, *numbers in rows:
        assert day is None or isinstance(day, datetime)
        summary = found.setdefault((key, day), Summary(str(key), day, {}))
        summary.parts[Sort(str(sort))] = Part(*(int(str(number)) for number in numbers))
    return list(found.values())
