"""What the answers about calibrations hold."""

from typing import Any, Literal, NotRequired, TypedDict

from quantumsvc.openapi.words import Instant, Seconds
from sessions_app.shapes import Progress


class CalibrationSet(TypedDict):
    """One set of values without the values."""

    id: str
    taken_at: Instant
    source: Literal["shipped", "measured", "uploaded"]
    note: str
    calibration: str | None
    partial: bool
    kept_from_before: list[Any]
    current: NotRequired[bool]


class CalibrationSets(TypedDict):
    """A part of a list of sets."""

    calibrations: list[CalibrationSet]
    count: int
    limit: int
    offset: int
    next: str | None


class CalibrationValue(TypedDict):
    """One value, in seconds or as a probability."""

    parameter: str
    qubits: list[int]
    value: float
    unit: str


class CalibrationSetWithValues(CalibrationSet):
    """One set with its values."""

    values: list[CalibrationValue]


class CalibrationChange(TypedDict):
    """How one value differs; a fraction of the earlier."""

    parameter: str
    qubits: list[int]
    before: float | None
    after: float | None
    fraction: float | None


class CalibrationComparison(TypedDict):
    """How each value differs between two sets."""

    before: CalibrationSet
    after: CalibrationSet
    changes: list[CalibrationChange]


class CalibrationRun(TypedDict):
    """One calibration; who asked for it, and its job, only for operators and those who asked."""

    id: str
    backend: str
    state: Literal["waiting", "running", "success", "partial", "failed", "cancelled"]
    trigger: Literal["request", "schedule", "client"]
    schedule: str | None
    job_id: str | None
    requested_by: str | None
    note: str
    reason: str
    qubits: list[int]
    experiments: list[str]
    created: Instant
    due_at: Instant
    deferral_seconds: int
    window: str | None
    started: Instant | None
    ended: Instant | None
    progress: Progress
    before: str | None
    result: str | None


class CalibrationRuns(TypedDict):
    """A part of a list of calibrations."""

    calibrations: list[CalibrationRun]
    count: int
    limit: int
    offset: int
    next: str | None


class CalibrationHold(TypedDict):
    """What held the device; no id where the caller may not see it."""

    what: str
    id: str | None
    since: Instant
    until: Instant
    seconds: Seconds


class CalibrationDebt(TypedDict):
    """How overdue it is or was, and what held the device meanwhile."""

    seconds: Seconds
    held_by: list[CalibrationHold]


class CalibrationRunInFull(CalibrationRun):
    """One calibration with what came of it."""

    report: dict[str, Any]
    debt: CalibrationDebt


class CalibrationSchedule(TypedDict):
    """Calibrations that recur, with the first that is due from now on."""

    id: str
    backend: str
    name: str
    rrule: str
    time_zone: str
    starts_at: Instant
    deferral_seconds: int
    window_minutes: int
    qubits: list[int]
    experiments: list[str]
    is_active: bool
    next_due: Instant | None


class CalibrationSchedules(TypedDict):
    """A part of a list of schedules."""

    schedules: list[CalibrationSchedule]
    count: int
    limit: int
    offset: int
    next: str | None


class CalibrationPolicy(TypedDict):
    """The operator's settings for a backend's calibrations."""

    lifetime_drop: float
    error_rise: float
    pause_on_drift: bool
    deferral_seconds: int
    overdue_seconds: int


class Alert(TypedDict):
    """What operators should know of a backend."""

    id: str
    kind: Literal["drift", "failed", "partial", "overdue"]
    at: Instant
    text: str
    details: dict[str, Any]
    calibration: str | None
    seen_at: Instant | None


class Alerts(TypedDict):
    """A part of a list of alerts."""

    alerts: list[Alert]
    count: int
    limit: int
    offset: int
    next: str | None
