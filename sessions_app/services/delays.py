"""What a window would delay, before it is made (E2): the forecast with it, beside the forecast without."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.effective import window_pauses
from quantumsvc.scheduling.forecast import Estimate, starts
from quantumsvc.scheduling.overrun import overrun_of
from quantumsvc.scheduling.queued import QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.scheduling.states import Cause
from quantumsvc.scheduling.windows import Window
from sessions_app.services.lives import settle_overdue
from sessions_app.services.waiting import HORIZON, Waiters, present, waiters_of


@dataclass(frozen=True, slots=True)
class Delay:
    """A waiting job that starts at another time. ``after`` is ``None`` when that is not foreseeable."""

    job: str
    instance: str | None
    user: str
    before: datetime
    after: datetime | None

    @property
    def seconds(self) -> float | None:
        """How much later it starts; negative when it starts sooner."""
        return None if self.after is None else (self.after - self.before).total_seconds()


@dataclass(frozen=True, slots=True)
class Stopped:
    """The running job would have to give the backend back at ``at``, and start anew at ``again``."""

    job: str
    instance: str
    at: datetime
    again: datetime | None


@dataclass(frozen=True, slots=True)
class Paused:
    """The active session would become inactive at ``at``, for ``cause`` (W3, W4)."""

    session: str
    instance: str
    at: datetime
    cause: Cause


@dataclass(frozen=True, slots=True)
class Delays:
    """What a change of windows would do to the present queue, as far as can be foreseen.

    ``later`` and ``sooner`` are jobs, the most delayed first; ``calibrations`` are system jobs that start
    later. ``is_cut``: only the oldest jobs of a longer queue were looked at.
    """

    later: tuple[Delay, ...] = ()
    sooner: tuple[Delay, ...] = ()
    calibrations: tuple[Delay, ...] = ()
    stopped: Stopped | None = None
    paused: Paused | None = None
    is_cut: bool = False

    def told(self, visible: Collection[str]) -> dict[str, Any]:
        """For a reader who may see the instances in ``visible``: others' jobs have times, but no names."""
        return {
            "later": [_told(each, visible) for each in self.later],
            "sooner": [_told(each, visible) for each in self.sooner],
            "calibrations": [
                {"before": each.before, "after": each.after, "seconds": each.seconds}
                for each in self.calibrations
            ],
            "stopped": self.stopped
            and {
                "job": _named(self.stopped.job, self.stopped.instance, visible),
                "at": self.stopped.at,
                "again": self.stopped.again,
            },
            "paused": self.paused
            and {
                "session": _named(self.paused.session, self.paused.instance, visible),
                "at": self.paused.at,
            },
            "is_cut": self.is_cut,
        }


def _told(delay: Delay, visible: Collection[str]) -> dict[str, Any]:
    return {
        "job": _named(delay.job, delay.instance, visible),
        "before": delay.before,
        "after": delay.after,
        "seconds": delay.seconds,
    }


def _named(ident: str, instance: str | None, visible: Collection[str]) -> str | None:
    return ident if instance in visible else None


@transaction.atomic
def delays(
    backend_id: int, now: datetime, added: Sequence[Window] = (), removed: Collection[str] = ()
) -> Delays:
    """What becomes of the present queue if these windows are added, and those with these ids taken away.

    The same rules as everywhere are run forward twice, each job taking the time that it is expected to take.
    """
    settle_overdue(now, backend_id=backend_id)
    backend = Backend.objects.get(pk=backend_id)
    waiters = waiters_of(backend_id, now)
    before = present(backend, now)
    kept = (window for window in before.windows if window.id not in removed)
    after = replace(before, windows=tuple(sorted((*kept, *added), key=lambda window: window.start)))
    return compared(before, after, waiters)


def compared(before: Snapshot, after: Snapshot, waiters: Waiters) -> Delays:
    """The difference between two courses of events."""
    first, second = (
        starts(each, waiters.queue, waiters.estimates, waiters.sessions) for each in (before, after)
    )
    jobs = tuple(_moved(waiters.queue, first, second))
    return Delays(
        later=tuple(sorted((job for job in jobs if _is_later(job)), key=_by_delay)),
        sooner=tuple(sorted((job for job in jobs if not _is_later(job)), key=_by_delay, reverse=True)),
        calibrations=tuple(each for each in _moved(before.system, first, second) if _is_later(each)),
        stopped=_stopped(before, after, second, waiters.estimates),
        paused=_paused(before, after),
        is_cut=len(waiters.queue) >= HORIZON,
    )


def _moved(
    jobs: Iterable[QueuedJob], first: dict[str, datetime], second: dict[str, datetime]
) -> Iterable[Delay]:
    for job in sorted(jobs, key=submission_order):
        before, after = first.get(job.id), second.get(job.id)
        if before is not None and before != after:
            yield Delay(job.id, job.instance or None, job.user, before, after)


def _is_later(delay: Delay) -> bool:
    return delay.after is None or delay.after > delay.before


def _by_delay(delay: Delay) -> timedelta:
    """The most delayed first; what has no foreseeable start before all."""
    return delay.before - delay.after if delay.after else -timedelta.max


def _stopped(
    before: Snapshot, after: Snapshot, second: dict[str, datetime], estimates: Mapping[str, Estimate]
) -> Stopped | None:
    running = after.running
    old, new = overrun_of(before), overrun_of(after)
    if running is None or running.instance is None or new is None or (old and old.at <= new.at):
        return None
    lasts = estimates[running.id].likely if running.id in estimates else running.expected
    if running.started_at + lasts <= new.at:
        return None
    return Stopped(running.id, running.instance, new.at, second.get(running.id))


def _paused(before: Snapshot, after: Snapshot) -> Paused | None:
    session = after.active
    if session is None:
        return None
    old, new = (
        window_pauses(session.instance, session.user, session.activated_at, each.windows)
        for each in (before, after)
    )
    if not new or new[0].at >= session.ends_at or (old and old[0].at <= new[0].at):
        return None
    return Paused(session.id, session.instance, new[0].at, new[0].cause)
