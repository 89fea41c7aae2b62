"""The last and the next twenty-four hours of a backend, as lanes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from reservations_app.models import Window
from sessions_app.pages.drawings.lanes import Axis, Lane, Stretch, joined, lanes_drawings
from sessions_app.pages.drawings.shapes import Drawing
from sessions_app.pages.strips import KINDS, windows_of
from sessions_app.services.daybook import Daybook, Span
from sessions_app.services.waiting import Lineup

HOURS = timedelta(hours=24)
OTHERS = "another instance"


@dataclass(frozen=True)
class Line:
    """One stretch told in words."""

    what: str
    start: datetime
    end: datetime | None
    whose: str


@dataclass(frozen=True)
class Day:
    """Drawings for wide and narrow windows, and the same in words; jobs are too many, they are counted."""

    drawings: Sequence[Drawing]
    lines: Sequence[Line]
    jobs: int
    is_cut: bool


def day_of(
    backend: Backend, reader: User, names: dict[int, str], now: datetime, line: Lineup, book: Daybook
) -> Day:
    """What was and what is expected; ``names`` are those of the instances that the reader may see."""
    axis = Axis(now - HOURS, now + HOURS, timezone.get_current_timezone())
    windows = windows_of([backend.pk], reader, axis.start, axis.end)
    lanes = (
        Lane("Windows", [_window(each, names) for each in windows]),
        Lane("Sessions", [_session(each, names) for each in book.sessions]),
        Lane("Jobs", joined([_job(each, names) for each in book.jobs], axis)),
        Lane("Expected", joined(list(_expected(line, axis)), axis)),
    )
    label = f"What {backend.name} did in the last 24 hours and is expected to do in the next"
    lines = [_window_line(each, names) for each in windows] + [_line(each, names) for each in book.sessions]
    told = sorted(lines, key=lambda each: each.start)
    return Day(lanes_drawings(label, lanes, axis, now), told, len(book.jobs), book.is_cut)


def _whose(instance: int | None, names: dict[int, str]) -> str:
    return "the operator" if instance is None else names.get(instance, OTHERS)


def _window(window: Window, names: dict[int, str]) -> Stretch:
    word = KINDS[window.kind]
    title = f"{word}, {_whose(window.instance_id, names)}"
    return Stretch(window.starts_at, window.released_at or window.ends_at, window.kind, title, word)


def _window_line(window: Window, names: dict[int, str]) -> Line:
    end = window.released_at or window.ends_at
    return Line(KINDS[window.kind], window.starts_at, end, _whose(window.instance_id, names))


def _session(span: Span, names: dict[int, str]) -> Stretch:
    look = "session" if span.instance in names else "session foreign"
    return Stretch(span.start, span.end, look, f"Session of {_whose(span.instance, names)}")


def _line(span: Span, names: dict[int, str]) -> Line:
    end = None if span.word == "active" else span.end
    return Line("Session active", span.start, end, _whose(span.instance, names))


def _job(span: Span, names: dict[int, str]) -> Stretch:
    look = f"job {span.word}" if span.instance in names else "job foreign"
    return Stretch(span.start, span.end, look, f"Job of {_whose(span.instance, names)}, {span.word}")


def _expected(line: Lineup, axis: Axis) -> Iterator[Stretch]:
    """Waiting jobs, from when they probably start for as long as they are expected to run."""
    for entry, told in line.jobs:
        start = told.expectation.likely
        if start is not None and start <= axis.end:
            yield Stretch(start, start + entry.expected, "job expected", "1 job")
