"""Words of calibrations (W9)."""

from enum import StrEnum

from quantumsvc.scheduling.states import JobState


class Trigger(StrEnum):
    """Why a calibration was asked for."""

    REQUEST = "request"
    SCHEDULE = "schedule"
    CLIENT = "client"


class AlertKind(StrEnum):
    """What an operator is told of a backend."""

    DRIFT = "drift"
    FAILED = "failed"
    PARTIAL = "partial"
    OVERDUE = "overdue"


class Outcome(StrEnum):
    """How a calibration stands, as people read it."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OF_JOBS = {
    JobState.QUEUED: Outcome.WAITING,
    JobState.RUNNING: Outcome.RUNNING,
    JobState.COMPLETED: Outcome.SUCCESS,
    JobState.FAILED: Outcome.FAILED,
    JobState.CANCELLED: Outcome.CANCELLED,
}


def outcome_of(state: JobState, is_partial: bool) -> Outcome:
    """How a calibration stands, from its job's state and whether it left values as they were."""
    return Outcome.PARTIAL if is_partial else _OF_JOBS[state]
