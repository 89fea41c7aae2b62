"""The slow reading of the rules, fed with what was asked of the service and what its workers did."""

from datetime import datetime, timedelta

from quantumsvc.scheduling.queued import QueuedJob
from sessions_app.models import Job, Session
from tests.scheduling.reading import Event, Reading, SessionTerms


class History:
    """What has happened on one backend, in the order in which it did."""

    def __init__(self, shares: dict[str, tuple[str | None, int]]) -> None:
        self.shares = shares
        self.events: list[Event] = []

    def note(self, at: datetime, what: str, ident: str = "", detail: object = None) -> None:
        self.events.append(Event(at, what, ident, detail))

    def opened(self, session: Session) -> None:
        """A session was made, by itself or with a job."""
        terms = SessionTerms(
            str(session.instance_id),
            str(session.user_id),
            session.mode,
            session.max_ttl,
            session.interactive_ttl,
            session.unused_ttl,
        )
        self.note(session.created_at, "open", session.pk, terms)

    def submitted(self, job: Job) -> None:
        entry = QueuedJob(
            id=job.pk,
            submitted_at=job.created_at,
            session=job.session_id,
            instance=str(job.instance_id),
            user=str(job.user_id),
            expected=timedelta(seconds=job.cost or 0),
        )
        self.note(job.created_at, "submit", job.pk, entry)

    def reading(self, now: datetime) -> Reading:
        """What must be true at ``now``."""
        return Reading(self.events, now, self.shares)
