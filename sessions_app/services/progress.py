"""What a running job tells of its course: phase and pubs done, for those who watch."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from quantumsvc.doorbell import ring
from quantumsvc.scheduling.states import JobState
from sessions_app.events import CHANNEL, JobChanged, SessionChanged, encode_event
from sessions_app.models import Job, Session


@dataclass(slots=True)
class Progressing:
    """The phase, and how many of the pubs are done."""

    phase: str = "preparing"
    done: int = 0
    total: int = 0


def publish(job_id: str, attempt: int, seen: Progressing) -> None:
    """Store and announce the course of a running attempt; nothing happens when it runs no more."""
    with transaction.atomic():
        running = Job.objects.filter(pk=job_id, attempt=attempt, state=JobState.RUNNING)
        if running.update(phase=seen.phase, progress_done=seen.done, progress_total=seen.total):
            announce(job_id)


def announce(job_id: str) -> None:
    """Tell those who watch that something about a job changed. Call inside the change's transaction."""
    Job.objects.filter(pk=job_id).update(version=F("version") + 1)
    told = Job.objects.values_list("instance_id", "backend_id", "state", "version", "session_id")
    ring(CHANNEL, encode_event(JobChanged(job_id, *told.get(pk=job_id))))


def announce_session(session_id: str) -> None:
    """Tell those who watch that something about a session changed that is not its state. Call as above."""
    row = Session.objects.values_list("instance_id", "backend_id", "state", "version").get(pk=session_id)
    ring(CHANNEL, encode_event(SessionChanged(session_id, *row)))
