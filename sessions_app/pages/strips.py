"""What a backend does now and what comes next, without other tenants' names."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.urls import reverse

from quantumsvc.accounts.models import User
from quantumsvc.scheduling.states import JobState, SessionState
from reservations_app.models import Window, WindowKind
from sessions_app.models import CalibrationRun, Job, Session

# How far ahead a card looks for what comes next.
AHEAD = timedelta(days=7)
KINDS = {
    WindowKind.RESERVATION.value: "Reservation",
    WindowKind.MAINTENANCE.value: "Maintenance",
    WindowKind.CALIBRATION.value: "Calibration window",
    WindowKind.OFFLINE.value: "Offline",
}


@dataclass(frozen=True)
class Item:
    """Something that has, or will have, the backend; ``href`` only where the reader may look further."""

    word: str
    look: str
    detail: str = ""
    href: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class Strip:
    """What is now, and what is known to come, in the order of time."""

    now: list[Item] = field(default_factory=list)
    next: list[Item] = field(default_factory=list)


def strips_of(
    backend_ids: Iterable[int], reader: User, mine: Collection[int], now: datetime
) -> dict[int, Strip]:
    """The strip of each backend, with a fixed number of queries; overdue sessions must have been settled.

    ``mine`` are the instances that the reader may see.
    """
    idents = list(backend_ids)
    strips: dict[int, Strip] = defaultdict(Strip)
    for window in windows_of(idents, reader, now, now + AHEAD):
        begun = window.starts_at <= now
        (strips[window.backend_id].now if begun else strips[window.backend_id].next).append(
            window_item(window, mine)
        )
    for session in Session.objects.filter(backend__in=idents, state=SessionState.ACTIVE):
        strips[session.backend_id].now.append(session_item(session, mine))
    for job in Job.objects.filter(backend__in=idents, state=JobState.RUNNING):
        strips[job.backend_id].now.append(job_item(job, mine))
    waiting = CalibrationRun.objects.filter(backend__in=idents, job__state=JobState.QUEUED)
    for backend_id, due_at in waiting.order_by("due_at", "pk").values_list("backend_id", "due_at"):
        strips[backend_id].next.append(Item("Calibration", "calibration", since=due_at))
    for strip in strips.values():
        strip.next.sort(key=lambda item: item.since or now)
    return strips


def windows_of(backend_ids: list[int], reader: User, start: datetime, end: datetime) -> list[Window]:
    """The windows that have some of the time, as far as the reader may know of them, in order."""
    rows = Window.objects.known_to(reader).filter(backend__in=backend_ids).exclude(state="cancelled")
    return list(rows.overlapping(start, end).select_related("instance").order_by("starts_at", "pk"))


def window_item(window: Window, mine: Collection[int]) -> Item:
    """A window, with its instance's name only for those who may know it."""
    detail = ""
    if window.instance is not None:
        detail = window.instance.name if window.instance_id in mine else "another instance"
    until = window.released_at or window.ends_at
    return Item(KINDS[window.kind], window.kind, detail, "", window.starts_at, until)


def session_item(session: Session, mine: Collection[int]) -> Item:
    """The session that has the backend; until its ITTL runs out, if that runs."""
    own = session.instance_id in mine
    return Item(
        "Batch" if session.mode == "batch" else "Session",
        "session",
        session.pk if own else "of another instance",
        reverse("session", args=[session.pk]) if own else "",
        session.activated_at,
        session.interactive_deadline,
    )


def job_item(job: Job, mine: Collection[int]) -> Item:
    """The job that runs."""
    own = job.instance_id in mine and not job.is_system
    word = "Calibration" if job.is_system else "Job"
    detail = job.pk if own else "" if job.is_system else "of another instance"
    look = "calibration" if job.is_system else "running"
    return Item(word, look, detail, reverse("job", args=[job.pk]) if own else "", job.started_at)
