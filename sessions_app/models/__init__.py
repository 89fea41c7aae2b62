from sessions_app.models.calibrations import (
    BackendAlert,
    CalibrationPolicy,
    CalibrationRun,
    CalibrationSchedule,
)
from sessions_app.models.jobs import (
    Job,
    JobCircuits,
    JobEvent,
    JobLog,
    JobPayload,
    JobResult,
    JobSketch,
    Submission,
)
from sessions_app.models.leases import BackendLease
from sessions_app.models.sessions import Session, SessionEvent
from sessions_app.models.usage import (
    ChargeKind,
    Decision,
    InstanceUsage,
    LedgerLine,
    RunTime,
    UsageBucket,
    UserUsage,
)

__all__ = [
    "BackendAlert",
    "BackendLease",
    "CalibrationPolicy",
    "CalibrationRun",
    "CalibrationSchedule",
    "ChargeKind",
    "Decision",
    "InstanceUsage",
    "Job",
    "JobCircuits",
    "JobEvent",
    "JobLog",
    "JobPayload",
    "JobResult",
    "JobSketch",
    "LedgerLine",
    "RunTime",
    "Session",
    "SessionEvent",
    "Submission",
    "UsageBucket",
    "UserUsage",
]
