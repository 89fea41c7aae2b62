"""The course of a job from its submission to its end, as steps that lie one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from quantumsvc.scheduling.states import JobState, Phase
from sessions_app.models import Job
from sessions_app.pages.words import duration

DONE, NOW, AHEAD = "done", "now", "ahead"


@dataclass(frozen=True)
class Stage:
    """One step: when it began, how long it took in words, and its part of the whole in percent."""

    name: str
    standing: str
    at: datetime | None = None
    lasted: str = ""
    look: str = ""


def course_of(job: Job, now: datetime) -> list[Stage]:
    """Waiting, the phases of running, and the end; what lies ahead of a job that goes on."""
    known = [("waiting", job.created_at, "queued"), *_phases(job)]
    if job.finished_at is not None:
        known.append((job.state, job.finished_at, job.state))
    stages = [
        Stage(name, DONE, at, duration((until - at).total_seconds()), look)
        for (name, at, look), (_, until, _) in pairwise(known)
    ]
    name, at, look = known[-1]
    if job.is_terminal:
        return [*stages, Stage(name, DONE, at, "", look)]
    return [*stages, Stage(name, NOW, at, "", look), *_ahead(job)]


def _phases(job: Job) -> Iterator[tuple[str, datetime, str]]:
    """The phases of the attempt that counts, as far as they are known."""
    if job.started_at is None:
        return
    told = {name: datetime.fromisoformat(at) for name, at in job.metrics.get("phases", {}).items()}
    begun = [(phase.value, told[phase.value]) for phase in Phase if phase.value in told]
    if begun:
        yield "starting", job.started_at, "running"
        yield from ((name, max(at, job.started_at), "running") for name, at in begun)
    else:
        yield job.phase or "running", job.started_at, "running"


def _ahead(job: Job) -> list[Stage]:
    names = [phase.value for phase in Phase]
    if job.state == JobState.RUNNING:
        names = names[names.index(job.phase) + 1 :] if job.phase in names else []
    return [Stage(name, AHEAD) for name in (*names, JobState.COMPLETED.value)]
