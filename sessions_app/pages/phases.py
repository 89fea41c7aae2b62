"""The course of a job's last attempt, from what its worker kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sessions_app.models import Job
from sessions_app.pages.words import duration

_TOLD_ABOVE = "phases"


@dataclass(frozen=True)
class PhaseRow:
    """One phase: when it began and how long it lasted; the last one is the end, which has no length."""

    name: str
    at: datetime
    lasted: str


def phases_of(job: Job) -> list[PhaseRow]:
    """The phases in the order of time; none while the job has not ended."""
    told = job.metrics.get(_TOLD_ABOVE, {})
    moments = sorted((datetime.fromisoformat(at), name) for name, at in told.items())
    lengths = [duration((after - before).total_seconds()) for (before, _), (after, _) in pairwise(moments)]
    return [PhaseRow(name, at, lasted) for (at, name), lasted in zip(moments, [*lengths, ""], strict=False)]


def measured_of(job: Job) -> Mapping[str, Any]:
    """What the program measured, caches included, by readable name."""
    rest = {name: value for name, value in job.metrics.items() if name != _TOLD_ABOVE}
    return {name.replace("_", " "): value for name, value in sorted(rest.items())}
