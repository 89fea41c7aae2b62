"""What the answers of the runtime API hold: jobs, sessions and backends.

These are types for the description of the API and for the checker; the answers are plain dictionaries.
"""

from typing import Any, Literal, NotRequired, TypedDict

from quantumsvc.openapi.words import Instant, Seconds

JobStatus = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
SessionStatus = Literal["open", "active", "inactive", "closed"]
Mode = Literal["dedicated", "batch"]


class Accepted(TypedDict):
    """A job was accepted; from now on it is not lost (J5)."""

    id: str
    backend: str
    session_id: str | None
    private: bool


class JobProgram(TypedDict):
    """Which program it runs."""

    id: str


class JobReason(TypedDict):
    """The state, and why it is so when the job failed or was cancelled."""

    status: JobStatus
    reason: NotRequired[str]
    reason_code: NotRequired[int]


class Progress(TypedDict):
    """Of how many parts how many are done."""

    done: int
    total: int


class CalibrationOfJob(TypedDict):
    """The sets in force when the job was submitted and when it ran, and whether these are two (W9)."""

    submitted: str | None
    run: str | None
    changed: bool


class Job(TypedDict):
    """A job without its params."""

    id: str
    backend: str
    state: JobReason
    status: JobStatus
    program: JobProgram
    created: Instant
    ended: Instant | None
    runtime: str
    cost: int
    tags: list[str]
    session_id: str | None
    private: bool
    user_id: str
    estimated_running_time_seconds: float | None
    calibration_id: str | None
    calibration: CalibrationOfJob
    phase: Literal["preparing", "executing", "finishing"] | None
    progress: Progress


class JobWithParams(Job):
    """A job; ``params`` are what was submitted, byte for byte, and left out where the query asks so."""

    params: NotRequired[dict[str, Any]]


class Jobs(TypedDict):
    """A part of a list of jobs."""

    jobs: list[Job]
    count: int
    limit: int
    offset: int
    next: str | None


class JobTimes(TypedDict):
    """When the job was where."""

    created: Instant
    running: Instant | None
    finished: Instant | None


class JobUsage(TypedDict):
    """What is charged, under the names of several ages."""

    status: Literal["complete", "pending"]
    qpu_charge_time_seconds: Seconds
    quantum_seconds: Seconds
    seconds: Seconds


class ChargedSeconds(TypedDict):
    """The same for clients of before 2026-03-15."""

    seconds: Seconds


class Metrics(TypedDict):
    """What a job took."""

    timestamps: JobTimes
    usage: JobUsage
    bss: ChargedSeconds
    circuits_execution_time_ns: None
    qiskit_version: str | None
    caller: str | None
    phases: dict[str, Any]
    attempts: int
    calibration: CalibrationOfJob
    measured: dict[str, Any]


class Blocker(TypedDict):
    """What stands before the job; no id where the caller may not see it."""

    kind: str
    id: str | None


class Expected(TypedDict):
    """When the job is expected to start, as far as that can be told."""

    earliest: Instant | None
    likely: Instant | None
    latest: Instant | None


class Waiting(TypedDict):
    """Why a job waits; of one that does not wait, only its state (E1)."""

    status: JobStatus
    place: int | None
    reason: str | None
    message: str
    rule: NotRequired[str]
    until: NotRequired[Instant | None]
    blocked_by: NotRequired[Blocker | None]
    expected_start: NotRequired[Expected]


class SessionWaiting(TypedDict):
    """What a session waits for: that is, its oldest waiting job."""

    state: SessionStatus
    queued: int
    job: str | None
    status: NotRequired[JobStatus]
    place: NotRequired[int | None]
    reason: NotRequired[str | None]
    message: NotRequired[str]
    rule: NotRequired[str]
    until: NotRequired[Instant | None]
    blocked_by: NotRequired[Blocker | None]
    expected_start: NotRequired[Expected]


class Opened(TypedDict):
    """A session was opened."""

    id: str


class SessionTime(TypedDict):
    """One change of a session's state, and why."""

    status: SessionStatus
    timestamp: Instant
    reason: str


class Session(TypedDict):
    """A session with its effective state; lengths of time in seconds (L15)."""

    id: str
    backend_name: str
    mode: Mode
    state: SessionStatus
    accepting_jobs: bool
    interactive_ttl: int
    max_ttl: int
    active_ttl: int
    created_at: Instant
    started_at: Instant | None
    activated_at: Instant | None
    last_job_started: Instant | None
    last_job_completed: Instant | None
    closed_at: Instant | None
    state_reason: str | None
    elapsed_time: Seconds
    user_id: str
    timestamps: list[SessionTime]


class BackendWord(TypedDict):
    """Whether a backend runs jobs, and what its operators say of it."""

    name: Literal["online", "paused", "offline"]
    reason: str


class ProcessorType(TypedDict):
    """What kind of chip it is."""

    family: str
    revision: str


class Average(TypedDict):
    """An average, in seconds."""

    average: Seconds


class Clops(TypedDict):
    """Speed; 0 where it is not measured."""

    value: int
    type: str


# Written in this way because a key of it is a keyword.
BackendEntry = TypedDict(
    "BackendEntry",
    {
        "name": str,
        "status": BackendWord,
        "is_simulator": bool,
        "qubits": int,
        "physical_qubits": int,
        "processor_type": ProcessorType,
        "queue_length": int,
        "wait_time_seconds": Average,
        "performance_metrics": dict[str, Any],
        "clops": Clops,
        "class": NotRequired[Literal["mock"]],
    },
)


class Backends(TypedDict):
    """The backends that the instance may use: only their names for versions up to 2024-01-01."""

    devices: list[BackendEntry | str]


class BackendsPage(Backends):
    """A part of them, where the query asks for a part."""

    count: int
    limit: int
    offset: int
    next: str | None


class BackendStatus(TypedDict):
    """What a client asks before every submission."""

    state: bool
    status: Literal["active", "online", "paused", "offline"]
    message: str
    length_queue: int
    backend_version: str


class UsagePeriod(TypedDict):
    """The days that are looked at."""

    start_time: str
    end_time: str


class InstanceUsage(TypedDict):
    """Seconds charged in the last 28 days, and what is allowed; a limit that does not exist is left out."""

    instance_id: str
    plan_id: str
    usage_consumed_seconds: int
    usage_period: UsagePeriod
    usage_limit_reached: bool
    usage_allocation_seconds: NotRequired[int]
    usage_limit_seconds: NotRequired[int]
