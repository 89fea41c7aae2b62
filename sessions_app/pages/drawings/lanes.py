"""Stretches of time in lanes, one below the other, on one axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from sessions_app.pages.drawings.shapes import Drawing, Shape, box, line, text

# For windows that are wide, and for narrow ones.
WIDTH, SMALL = 1200, 380
LEFT, RIGHT, TOP, LANE = 76, 12, 8, 26
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
TICKS = 10


@dataclass(frozen=True)
class Stretch:
    """From ``start`` to ``end``, in the style ``look``."""

    start: datetime
    end: datetime
    look: str
    title: str
    word: str = ""


@dataclass(frozen=True)
class Lane:
    """Stretches of one kind, with the name that stands before them."""

    name: str
    stretches: Sequence[Stretch] = field(default_factory=tuple)


@dataclass(frozen=True)
class Axis:
    """The time from ``start`` to ``end`` on a drawing of ``width``; ``zone`` tells the hours."""

    start: datetime
    end: datetime
    zone: tzinfo
    width: int = WIDTH

    def x(self, at: datetime) -> float:
        """Where an instant lies; one outside lies at the edge."""
        part = (at - self.start) / ((self.end - self.start) or timedelta(seconds=1))
        return LEFT + (self.width - LEFT - RIGHT) * min(max(part, 0.0), 1.0)

    def ticks(self) -> Iterator[datetime]:
        """Round times, few enough to be read."""
        span = (self.end - self.start).total_seconds()
        most = max(TICKS * self.width // WIDTH, 4)
        step = next((each for each in STEPS if span / each <= most), 86_400 * (1 + int(span / 86_400 / most)))
        offset = (self.start.astimezone(self.zone).utcoffset() or timedelta()).total_seconds()
        first = -(-(self.start.timestamp() + offset) // step) * step - offset
        count = int((self.end.timestamp() - first) // step) + 1
        return (datetime.fromtimestamp(first + step * number, self.zone) for number in range(count))


def lanes_drawings(
    label: str, lanes: Sequence[Lane], axis: Axis, now: datetime | None = None
) -> tuple[Drawing, Drawing]:
    """The lanes, with a line where ``now`` is: for a wide window and for a narrow one."""
    small = _drawing(label, lanes, replace(axis, width=SMALL), now)
    return _drawing(label, lanes, axis, now), replace(small, look="lanes small")


def _drawing(label: str, lanes: Sequence[Lane], axis: Axis, now: datetime | None) -> Drawing:
    height = TOP + LANE * len(lanes) + 22
    shapes = [*_axis(axis, height)]
    for number, lane in enumerate(lanes):
        top = TOP + LANE * number
        shapes.append(text(LEFT - 10, top + 16, lane.name, "lane", "end"))
        shapes.append(line(LEFT, top + LANE, axis.width - RIGHT, top + LANE, "rule"))
        shapes += [shape for each in lane.stretches for shape in _stretch(each, axis, top)]
    if now is not None and axis.start <= now <= axis.end:
        shapes.append(line(axis.x(now), 2, axis.x(now), height - 20, "now", "now"))
    return Drawing(label, axis.width, height, shapes, "lanes")


def _axis(axis: Axis, height: float) -> Iterator[Shape]:
    long = axis.end - axis.start > timedelta(hours=1)
    for tick in axis.ticks():
        x = axis.x(tick)
        yield line(x, TOP, x, height - 20, "grid")
        yield text(x, height - 6, tick.strftime("%H:%M" if long else "%H:%M:%S"), "tick", "middle")


def _stretch(each: Stretch, axis: Axis, top: float) -> Iterator[Shape]:
    if each.end < axis.start or each.start > axis.end:
        return
    left, right = axis.x(each.start), axis.x(each.end)
    yield box(left, top + 4, max(right - left, 1.5), LANE - 8, f"stretch {each.look}", each.title)
    if each.word and len(each.word) * 7 + 8 < right - left:
        yield text(left + 5, top + 17, each.word, "inside")


def joined(stretches: Sequence[Stretch], axis: Axis) -> list[Stretch]:
    """Stretches of one look that would touch on the drawing become one, so that thousands are a few."""
    made: list[Stretch] = []
    for each in stretches:
        last = made[-1] if made else None
        if last is not None and last.look == each.look and axis.x(each.start) - axis.x(last.end) < 0.8:
            count = int(last.word or 1) + 1
            end = max(last.end, each.end)
            made[-1] = Stretch(last.start, end, each.look, f"{count} jobs", str(count))
        else:
            made.append(Stretch(each.start, each.end, each.look, each.title))
    return made
