from sessions_app.models.jobs import Job, JobEvent, JobLog, JobPayload, JobResult, Submission
from sessions_app.models.leases import BackendLease
from sessions_app.models.sessions import Session, SessionEvent

__all__ = [
    "BackendLease",
    "Job",
    "JobEvent",
    "JobLog",
    "JobPayload",
    "JobResult",
    "Session",
    "SessionEvent",
    "Submission",
]
