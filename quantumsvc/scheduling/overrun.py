"""When a running job must give the backend back (W2, W5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.snapshot import RunningJob, Snapshot
from quantumsvc.scheduling.windows import Window


@dataclass(frozen=True, slots=True)
class Overrun:
    """A running job is in the way of ``window`` from the instant ``at`` on."""

    window: Window
    at: datetime


def overrun_of(snapshot: Snapshot) -> Overrun | None:
    """When what runs will have to be stopped, or had to be; ``None`` if it may run to its end.

    System jobs are never stopped (S2), nor is anything where the policy is to drain (W2).
    """
    if snapshot.running is None or snapshot.drains:
        return None
    return next_overrun(snapshot.running, snapshot.windows, snapshot.now)


def next_overrun(running: RunningJob, windows: Iterable[Window], now: datetime) -> Overrun | None:
    """W2: at the start of time that is held for others; of one that fills such time, when that is used up."""
    if running.instance is None:
        return None
    overruns = [
        Overrun(window, _ends(running, window))
        for window in windows
        if window.end > now and window.keeps_out(running.instance, running.user)
    ]
    real = [each for each in overruns if each.at < each.window.end]
    return min(real, key=lambda each: each.at, default=None)


def _ends(running: RunningJob, window: Window) -> datetime:
    """What started inside the window fills it, and may for as long as the window's owner lends it (S3)."""
    return window.start if running.started_at < window.start else running.started_at + window.filler
