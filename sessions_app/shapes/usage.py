"""What the answers about an instance, its limits and its ledger hold."""

from typing import Literal, TypedDict

from quantumsvc.openapi.words import Instant, Seconds


class InstanceLimits(TypedDict):
    """The limits of an instance: seconds in 28 days, and numbers; null where there is none."""

    instance_limit: int | None
    over_limit: Literal["wait", "refuse"]
    max_pending_jobs: int | None
    max_open_sessions: int | None


class InstanceDescription(InstanceLimits):
    """The instance's plan, backends and limits."""

    instance_id: str
    name: str
    plan_id: str
    backends: list[str]
    instance_limit_seconds: int | None
    usage_allocation_seconds: int | None


class InstanceConfiguration(InstanceLimits):
    """The limits, and where the instance stands with its time."""

    usage_consumed_seconds: Seconds
    usage_remaining_seconds: Seconds | None
    resumes_at: Instant | None


class LedgerEntry(TypedDict):
    """One charge; ``subject`` is the id of the job, session or reservation that was paid for."""

    id: int
    kind: Literal["job", "session", "reservation"]
    subject: str
    session_id: str | None
    backend: str
    user_id: str
    since: Instant
    charged_at: Instant
    seconds: Seconds


class Ledger(TypedDict):
    """A part of the ledger."""

    lines: list[LedgerEntry]
    count: int
    limit: int
    offset: int
    next: str | None


class UsageNumbers(TypedDict):
    """Counts, and amounts in milliseconds; ``jobs`` are those that paid for themselves."""

    usage: float
    jobs: int
    sessions: int
    sessions_usage: float
    avg_sessions_usage: float
    max_sessions_usage: float
    batch_sessions: int
    batch_sessions_usage: float
    avg_batch_sessions_usage: float
    max_batch_sessions_usage: float
    dedicated_sessions: int
    dedicated_sessions_usage: float
    avg_dedicated_sessions_usage: float
    max_dedicated_sessions_usage: float
    individual_jobs: int
    individual_jobs_usage: float
    avg_individual_jobs_usage: float
    max_individual_jobs_usage: float
    reservations: int
    reservations_usage: float
    avg_reservations_usage: float
    max_reservations_usage: float


class UsageOfGroup(UsageNumbers):
    """The same of one group."""

    key: str


class UsageByGroup(TypedDict):
    """The charges by group."""

    data: list[UsageOfGroup]


class UsageOfDay(UsageOfGroup):
    """The same of one group and one day."""

    interval_start: Instant
    interval_end: Instant


class UsageByDay(TypedDict):
    """The charges by group and day, in UTC."""

    interval_start: Instant
    interval_end: Instant
    data: list[UsageOfDay]


class NamedThing(TypedDict):
    """A backend or a plan."""

    name: str


class IdentifiedThing(TypedDict):
    """A user."""

    id: str


class InstanceChoice(TypedDict):
    """An instance; one that is archived counts as deleted."""

    id: str
    deleted: bool


class UsageFilters(TypedDict):
    """What there is to filter by: whatever has a line in the ledger."""

    backends: list[NamedThing]
    instances: list[InstanceChoice]
    users: list[IdentifiedThing]
    plans: list[NamedThing]
    subscriptions: list[str]
