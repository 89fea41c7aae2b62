"""What a reader asked the Jobs page to show. All of it is in the address, and applied by the database."""

from dataclasses import asdict, dataclass, fields
from typing import Self

from django.db.models import Count, QuerySet
from django.http import QueryDict

from quantumsvc.accounts.models import User
from quantumsvc.scheduling.states import JobState
from sessions_app.models import Job

# What PostgreSQL can compare an instance's id with.
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class JobFilters:
    """Each is empty when it was not asked for. What matches nothing shows nothing."""

    state: str = ""
    backend: str = ""
    instance: str = ""
    owner: str = ""
    tag: str = ""
    text: str = ""
    session: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """The filters that the address names."""
        return cls(**{field.name: query.get(field.name, "").strip() for field in fields(cls)})

    @property
    def any(self) -> bool:
        """Whether something was asked for."""
        return any(asdict(self).values())

    def applied_to(self, rows: QuerySet[Job], user: User) -> QuerySet[Job]:
        """The rows that pass all filters but that of the state, which is applied after counting."""
        if any("\0" in value for value in asdict(self).values()):
            return rows.none()
        if self.owner == "mine":
            rows = rows.filter(user=user)
        if self.instance:
            rows = rows.filter(instance=_number(self.instance))
        if self.tag:
            rows = rows.filter(tags__contains=[self.tag])
        named = {"backend__name": self.backend, "session": self.session, "pk__contains": self.text.lower()}
        return rows.filter(**{name: value for name, value in named.items() if value})

    def of_state(self, rows: QuerySet[Job]) -> QuerySet[Job]:
        """Those in the state that was asked for."""
        return rows.filter(state=self.state) if self.state else rows


def _number(text: str) -> int:
    """The number, or one that no row has."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number <= _LARGEST_ID else 0


@dataclass(frozen=True)
class StateCount:
    """How many jobs are in a state; the empty state stands for all."""

    state: str
    count: int


def state_counts(rows: QuerySet[Job]) -> list[StateCount]:
    """All jobs, then those of each state in the order of their life."""
    found = dict(rows.order_by().values_list("state").annotate(number=Count("pk")))
    states = [StateCount(state.value, found.get(state.value, 0)) for state in JobState]
    return [StateCount("", sum(found.values())), *states]
