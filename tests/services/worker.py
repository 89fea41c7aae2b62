"""A worker reduced to its decisions: no child, no waiting, time given from outside."""

from datetime import datetime
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.policy import Hold, Idle
from quantumsvc.scheduling.states import Cause, JobState
from sessions_app.models import BackendLease
from sessions_app.services.dispatch import Claim, turn
from sessions_app.services.endings import Ending
from sessions_app.services.leases import Lease, acquire
from tests.factories import at


class Worker:
    """Holds a backend's lease and takes turns."""

    def __init__(self, backend: Backend, *, when: float = 0, owner: str = "w1") -> None:
        BackendLease.objects.get_or_create(backend=backend)
        acquired = acquire(backend_id=backend.pk, owner=owner, now=at(when))
        assert acquired is not None
        self.lease: Lease = acquired.lease
        self.running: Claim | None = None

    def turn(self, when: float, *, end: str | None = None, **over: Any) -> Claim | Hold | Idle:
        """Take a turn, ending the running job first when ``end`` names its last state."""
        ended = self.ending(end, **over) if end else None
        step = turn(self.lease, now=at(when), ended=ended)
        self.running = step if isinstance(step, Claim) else (None if end else self.running)
        return step

    def start(self, when: float, *, end: str | None = None) -> str:
        """Take a turn that must start a job; its id."""
        step = self.turn(when, end=end)
        assert isinstance(step, Claim), step
        return step.job.pk

    def ending(self, state: str, **over: Any) -> Ending:
        """How the running job ends."""
        assert self.running is not None
        job = self.running.job
        causes = {"completed": Cause.FINISHED, "failed": Cause.PROGRAM_FAILED}
        fields: dict[str, Any] = {
            "job_id": job.pk,
            "session_id": job.session_id,
            "attempt": job.attempt,
            "state": JobState(state),
            "cause": causes[state],
            "private": job.private,
            "result": b"{}" if state == "completed" else None,
            "quantum_seconds": 1.0,
            "job": job,
        }
        return Ending(**fields | over)


def seconds(instant: datetime | None) -> float | None:
    """An instant as seconds after the beginning."""
    return None if instant is None else (instant - at(0)).total_seconds()
