"""Words of calibrations (W9)."""

from enum import StrEnum


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
