from sessions_app.models.jobs import Job, JobEvent, JobLog, JobPayload, JobResult, JobSketch, Submission
from sessions_app.models.leases import BackendLease
from sessions_app.models.sessions import Session, SessionEvent
from sessions_app.models.usage import Decision, InstanceUsage, RunTime, UsageBucket, UserUsage

__all__ = [
    "BackendLease",
    "Decision",
    "InstanceUsage",
    "Job",
    "JobEvent",
    "JobLog",
    "JobPayload",
    "JobResult",
    "JobSketch",
    "RunTime",
    "Session",
    "SessionEvent",
    "Submission",
    "UsageBucket",
    "UserUsage",
]
