"""What stands in the calendar: windows, calibrations and sessions, as much of each as the reader may know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JobState, SessionState, WindowState
from reservations_app.models import Window, WindowKind
from reservations_app.models.windows import STANDING
from reservations_app.pages.sight import Layer, Sight
from sessions_app.models import CalibrationRun, Session, SessionEvent
from sessions_app.pages.strips import KINDS

# Of each kind, more than this is not drawn; the page then says so.
MOST = 1_000
RESERVED = "Reserved"
# A calibration that has not begun is drawn as long as this.
DUE_LENGTH = timedelta(minutes=5)


@dataclass(frozen=True)
class Entry:
    """One stretch of a backend's time. ``whose`` and ``href`` are empty where the reader may not know.

    ``window`` is the id of a window that the reader may move; ``begun`` says that only its end can be.
    """

    start: datetime
    end: datetime
    look: str
    word: str
    backend: str
    whose: str = ""
    href: str = ""
    state: str = ""
    note: str = ""
    window: str = ""
    begun: bool = False

    @property
    def label(self) -> str:
        """What is written on the bar."""
        return self.whose or self.word


@dataclass(frozen=True)
class Reader:
    """What decides about how much is told: the instances that may be seen, and those that are managed."""

    user: User
    names: Mapping[int, str]
    managed: frozenset[int]

    def manages(self, instance_id: int | None) -> bool:
        """Whether windows of the instance, or of the operator, may be changed."""
        return self.user.is_operator or (instance_id is not None and instance_id in self.managed)

    @property
    def books(self) -> bool:
        """Whether there is anybody to book for."""
        return self.user.is_operator or bool(self.managed)


def reader_for(user: User) -> Reader:
    """What the user may see and change."""
    rows = dict(Instance.objects.visible_to(user).values_list("pk", "name"))
    held = Membership.objects.filter(user=user, role=Role.MANAGER, instance__is_active=True)
    return Reader(user, rows, frozenset(held.values_list("instance_id", flat=True)))


def windows_in(
    reader: Reader, backends: Sequence[Backend], sight: Sight, *, most: int | None = MOST + 1
) -> list[Window]:
    """The windows that have some of the time and were not cancelled, in order; all without ``most``."""
    rows = Window.objects.known_to(reader.user).filter(backend__in=backends)
    found = rows.exclude(state=WindowState.CANCELLED).overlapping(sight.start, sight.end)
    return list(found.order_by("starts_at", "pk")[:most])


def entries_of(
    reader: Reader, backends: Sequence[Backend], windows: Sequence[Window], sight: Sight, now: datetime
) -> list[Entry]:
    """All that the chosen layers hold, in the order of time; overdue sessions must have been settled."""
    names = {each.pk: each.name for each in backends}
    found = [
        _window(each, names[each.backend_id], reader, now) for each in windows if _layer(each) in sight.layers
    ]
    if Layer.CALIBRATIONS in sight.layers:
        found += _calibrations(names, sight, now)
    if Layer.SESSIONS in sight.layers:
        found += _sessions(names, reader, sight, now)
    return sorted(found, key=lambda each: (each.start, each.backend))


def _layer(window: Window) -> Layer:
    if window.kind == WindowKind.RESERVATION:
        return Layer.RESERVATIONS
    return Layer.CALIBRATIONS if window.kind == WindowKind.CALIBRATION else Layer.MAINTENANCE


def _window(window: Window, backend: str, reader: Reader, now: datetime) -> Entry:
    known = window.instance_id is None or window.instance_id in reader.names
    if not known:
        return Entry(window.starts_at, window.until, "foreign", RESERVED, backend)
    state = window.state_at(now)
    moves = state in STANDING and reader.manages(window.instance_id)
    return Entry(
        window.starts_at,
        window.until,
        f"{window.kind} {state}" + (" priority" if window.mode == "priority" else ""),
        KINDS[window.kind],
        backend,
        reader.names.get(window.instance_id or 0, ""),
        reverse("reservation", args=[window.pk]),
        state,
        window.note,
        window.pk if moves else "",
        window.starts_at <= now,
    )


def _calibrations(names: Mapping[int, str], sight: Sight, now: datetime) -> Iterator[Entry]:
    rows = CalibrationRun.objects.filter(backend__in=list(names)).select_related("job")
    ran = Q(job__started_at__lt=sight.end) & (
        Q(job__finished_at__gt=sight.start) | Q(job__finished_at=None, job__state=JobState.RUNNING)
    )
    due = Q(job__state=JobState.QUEUED, due_at__lt=sight.end, due_at__gte=sight.start)
    for run in rows.filter(ran | due).order_by("due_at", "pk")[:MOST]:
        start = run.job.started_at or run.due_at
        waits = run.job.started_at is None
        end = start + DUE_LENGTH if waits else max(run.job.finished_at or now, start)
        yield Entry(
            start,
            end,
            "calibration expected" if waits else "calibration",
            "Calibration due" if waits else "Calibration",
            names[run.backend_id],
            href=reverse("calibration", args=[run.pk]),
            state="due" if waits else run.job.state.lower(),
        )


def _sessions(names: Mapping[int, str], reader: Reader, sight: Sight, now: datetime) -> Iterator[Entry]:
    """Each time that a session was active, until what ended it."""
    rows = Session.objects.filter(backend__in=list(names), started_at__lt=sight.end)
    alive = rows.filter(Q(closed_at=None) | Q(closed_at__gt=sight.start)).order_by("-started_at")[:MOST]
    sessions = {each.pk: each for each in alive}
    began: dict[str, datetime] = {}
    events = SessionEvent.objects.filter(session__in=list(sessions)).order_by("session_id", "id")
    for ident, at, target in events.values_list("session_id", "at", "target"):
        if target == SessionState.ACTIVE:
            began.setdefault(ident, at)
        elif ident in began and (start := began.pop(ident)) < sight.end and at > sight.start:
            yield _session(sessions[ident], names, reader, (start, at), "was active")
    for ident, at in began.items():
        if at < sight.end and now > sight.start:
            yield _session(sessions[ident], names, reader, (at, now), "active")


def _session(
    session: Session, names: Mapping[int, str], reader: Reader, span: tuple[datetime, datetime], state: str
) -> Entry:
    whose = reader.names.get(session.instance_id, "")
    word = "Batch" if session.mode == "batch" else "Session"
    href = reverse("session", args=[session.pk]) if whose else ""
    look = "session" if whose else "session foreign"
    return Entry(*span, look, word, names[session.backend_id], whose, href, state)
