"""What a reader asked the Jobs page to show. All of it is in the address, and applied by the database."""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Self

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from quantumsvc.scheduling.states import JobState, SessionState

# The kinds of rows, as the address names them.
JOBS, SESSIONS = "jobs", "sessions"
MODES = {"job": "Jobs on their own", "session": "Sessions", "batch": "Batches"}


@dataclass(frozen=True)
class WorkFilters:
    """Each is empty when it was not asked for. What matches nothing shows nothing.

    ``mode`` is how work runs: jobs by themselves, or a session or batch with its jobs. ``since`` and
    ``until`` are days in the reader's zone, both included.
    """

    show: str = ""
    state: str = ""
    mode: str = ""
    backend: str = ""
    instance: str = ""
    owner: str = ""
    tag: str = ""
    session: str = ""
    reservation: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """The filters that the address names. No text that the database could not compare gets through."""
        named = {field.name: query.get(field.name, "").strip() for field in fields(cls)}
        return cls(**{name: value.replace("\0", "\ufffd") for name, value in named.items()})

    @property
    def any(self) -> bool:
        """Whether something was asked for."""
        return any(asdict(self).values())

    @property
    def asked(self) -> dict[str, str]:
        """What was asked for, by name."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def detailed(self) -> bool:
        """Whether one of the filters that are not always in view was used."""
        return any((self.tag, self.owner, self.reservation, self.since, self.until, self.instance, self.mode))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds of rows can match. What only a job has leaves no sessions, and the reverse."""
        jobs = self.show != SESSIONS and self.state not in _SESSION_STATES
        sessions = (
            self.show != JOBS
            and self.state not in _JOB_STATES
            and self.mode != "job"
            and not (self.tag or self.reservation)
        )
        return (*((JOBS,) if jobs else ()), *((SESSIONS,) if sessions else ()))

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """From when until before when the work was created; a day that can't be read is none."""
        since, until = _day(self.since), _day(self.until)
        return _midnight(since), _midnight(until + timedelta(days=1)) if until else None


_JOB_STATES = frozenset(JobState)
_SESSION_STATES = frozenset(SessionState)


def _day(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return found if found and date(1970, 1, 1) <= found < date(9999, 1, 1) else None


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day else None
