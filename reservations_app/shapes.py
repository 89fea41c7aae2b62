"""What the answers about reservations hold."""

from typing import Literal, NotRequired, TypedDict

from quantumsvc.openapi.words import Instant, Seconds

WindowMode = Literal["dedicated", "priority"]
WindowState = Literal["scheduled", "active", "completed", "cancelled", "missed"]
WindowKind = Literal["reservation", "maintenance", "calibration", "offline"]
EndPolicy = Literal["release", "fail"]


class Cancellation(TypedDict):
    """When, by whom and why a window was given up."""

    at: Instant
    by: str | None
    reason: str


class TakenTime(TypedDict):
    """What anybody who may use the backend may know: that the time is taken."""

    id: None
    kind: Literal["reserved"]
    backend: str
    mode: WindowMode
    state: WindowState
    start: Instant
    end: Instant
    mine: bool


class Reservation(TypedDict):
    """A window that the caller may see."""

    id: str
    kind: WindowKind
    backend: str
    mode: WindowMode
    state: WindowState
    start: Instant
    end: Instant
    mine: bool
    instance: str | None
    released: Instant | None
    end_policy: EndPolicy
    users: list[int]
    counts_as_used: bool
    note: str
    override_reason: str
    created: Instant
    first_job: Instant | None
    cancelled: Cancellation | None
    successor: str | None
    series: str | None
    occurrence: Instant | None


class WindowEvent(TypedDict):
    """One thing that happened to a window."""

    at: Instant
    state: WindowState
    cause: str
    by: str | None


class ReservationWithHistory(Reservation):
    """A window, and what happened to it."""

    history: list[WindowEvent]


class EntryOfCalendar(TypedDict):
    """A window: all about it where the caller may see it, otherwise only that the time is taken."""

    id: str | None
    kind: WindowKind | Literal["reserved"]
    backend: str
    mode: WindowMode
    state: WindowState
    start: Instant
    end: Instant
    mine: bool
    instance: NotRequired[str | None]
    released: NotRequired[Instant | None]
    end_policy: NotRequired[EndPolicy]
    users: NotRequired[list[int]]
    counts_as_used: NotRequired[bool]
    note: NotRequired[str]
    override_reason: NotRequired[str]
    created: NotRequired[Instant]
    first_job: NotRequired[Instant | None]
    cancelled: NotRequired[Cancellation | None]
    successor: NotRequired[str | None]
    series: NotRequired[str | None]
    occurrence: NotRequired[Instant | None]


class Calendar(TypedDict):
    """A part of a calendar."""

    reservations: list[EntryOfCalendar]
    count: int
    limit: int
    offset: int
    next: str | None


class BrokenRule(TypedDict):
    """One rule that a booking breaks, and whether and how it can be overridden."""

    code: int
    rule: str
    message: str
    overridable: bool
    solution: str


class DelayedJob(TypedDict):
    """A job that would start at another time; no id where the caller may not see it."""

    job: str | None
    before: Instant | None
    after: Instant | None
    seconds: Seconds | None


class DelayedCalibration(TypedDict):
    """A calibration that would slip."""

    before: Instant | None
    after: Instant | None
    seconds: Seconds | None


class StoppedJob(TypedDict):
    """The job that would be stopped, and when it would start again."""

    job: str | None
    at: Instant
    again: Instant | None


class PausedSession(TypedDict):
    """The session that would have to pause."""

    session: str | None
    at: Instant


class Impact(TypedDict):
    """Whom a window would delay, by the forecast (E2)."""

    later: list[DelayedJob]
    sooner: list[DelayedJob]
    calibrations: list[DelayedCalibration]
    stopped: StoppedJob | None
    paused: PausedSession | None
    is_cut: bool


class DryRun(TypedDict):
    """What stands against a booking, and whom it would delay; no id, since nothing was booked."""

    possible: bool
    violations: list[BrokenRule]
    impact: Impact | None


class Series(TypedDict):
    """Windows that recur, without the windows; ``duration`` in seconds."""

    id: str
    backend: str
    instance: str | None
    kind: WindowKind
    mode: WindowMode
    rule: str
    first: str
    time_zone: str
    duration: int
    end_policy: EndPolicy
    note: str
    skipped: list[str]
    made_until: Instant
    ends_before: Instant | None
    successor: str | None


class SeriesList(TypedDict):
    """A part of a list of series."""

    series: list[Series]
    count: int
    limit: int
    offset: int
    next: str | None


class SeriesOccurrence(TypedDict):
    """One time of a series: as the wall's clock shows it, and the instant."""

    local: str
    start: Instant


class SeriesDryRun(TypedDict):
    """The occurrences of a series, those that would be left out, and what stands against it."""

    possible: bool
    violations: list[BrokenRule]
    occurrences: list[SeriesOccurrence]
    skipped: list[str]


class FreeSlot(TypedDict):
    """A stretch of free time."""

    start: Instant
    end: Instant


class FreeSlots(TypedDict):
    """Stretches of free time."""

    slots: list[FreeSlot]


class UtilisationOfInstance(TypedDict):
    """What an instance booked, used and missed."""

    instance: str
    name: str
    windows: int
    missed: int
    booked_seconds: Seconds
    used_seconds: Seconds
    idle_seconds: Seconds


class Utilisation(TypedDict):
    """The same of all instances that the caller may see."""

    start: Instant
    end: Instant
    instances: list[UtilisationOfInstance]


class Feed(TypedDict):
    """The secret address of a calendar, told this once."""

    url: str
