"""The calendar as a drawing: rows of time, with what stands in them side by side where it overlaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from reservations_app.pages.entries import Entry
from reservations_app.pages.sight import DAY, Sight, View, midnight

WIDTH, LEFT, RIGHT = 1200, 136, 8
HEAD, LANE, GAP = 20, 24, 12
LONGEST_LABEL = 19
SHORTEST = 4.0
LETTER = 6.2
TICK_LENGTHS = (3_600, 7_200, 10_800, 21_600, 43_200)
MOST_TICKS = 13


@dataclass(frozen=True)
class Tick:
    """A line at a round time; ``word`` is empty where it is told above."""

    x: float
    word: str


@dataclass(frozen=True)
class Bar:
    """One entry in one row."""

    entry: Entry
    x: float
    y: float
    width: float
    height: float
    word: str

    @property
    def text_y(self) -> float:
        """Where its word stands."""
        return self.y + 14


@dataclass(frozen=True)
class Row:
    """The time from ``start`` to ``end``, of one backend where it has a name."""

    label: str
    backend: str
    start: datetime
    end: datetime
    y: float
    height: float
    is_today: bool
    is_rest: bool
    ticks: Sequence[Tick]
    bars: Sequence[Bar]
    now_x: float | None

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    @property
    def label_y(self) -> float:
        """Where its label stands."""
        return self.y + HEAD + 14

    @property
    def tick_y(self) -> float:
        """Where the hours stand."""
        return self.y + 12


@dataclass(frozen=True)
class Chart:
    """All rows, one below the other."""

    rows: Sequence[Row]
    height: float
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    track: int = WIDTH - LEFT - RIGHT


@dataclass(frozen=True)
class _Line:
    """A row before it has its place."""

    label: str
    start: datetime
    end: datetime
    backend: str = ""
    is_rest: bool = False
    entries: Sequence[Entry] = field(default_factory=tuple)

    def x(self, at: datetime) -> float:
        """Where an instant lies; one outside lies at the edge."""
        part = (at - self.start) / (self.end - self.start)
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(part, 0.0), 1.0)


def chart_of(sight: Sight, backends: Sequence[str], entries: Sequence[Entry], now: datetime) -> Chart:
    """The drawing of what is in sight."""
    rows: list[Row] = []
    y = 0.0
    for line in _lines(sight, backends, entries):
        row = _row(line, y, sight.zone, now)
        rows.append(row)
        y = row.bottom
    return Chart(rows, y + 4)


def _lines(sight: Sight, backends: Sequence[str], entries: Sequence[Entry]) -> Iterator[_Line]:
    if sight.view in (View.DAY, View.TIMELINE):
        for name in backends:
            mine = [each for each in entries if each.backend == name]
            yield _Line(_cut(name, LONGEST_LABEL), sight.start, sight.end, name, entries=mine)
        return
    days = list(sight.days())
    step = 1 if sight.view is View.WEEK else 7
    for day in days[::step]:
        start, end = midnight(day, sight.zone), midnight(day + step * DAY, sight.zone)
        mine = [each for each in entries if each.start < end and each.end > start]
        label = f"{day:%a} {day.day} {day:%b}" if step == 1 else f"{day.day} {day:%b}"
        yield _Line(label, start, end, sight.backend, step == 1 and day.weekday() > 4, mine)


def _row(line: _Line, y: float, zone: tzinfo, now: datetime) -> Row:
    bars = list(_bars(line, y + HEAD))
    lowest = max((bar.y + bar.height for bar in bars), default=y + HEAD + LANE - 2)
    is_now = line.start <= now < line.end
    return Row(
        label=line.label,
        backend=line.backend,
        start=line.start,
        end=line.end,
        y=y,
        height=lowest + GAP - y,
        is_today=is_now and not line.backend,
        is_rest=line.is_rest,
        ticks=list(_ticks(line, zone)),
        bars=bars,
        now_x=round(line.x(now), 1) if is_now else None,
    )


def _bars(line: _Line, top: float) -> Iterator[Bar]:
    """Each entry in the first lane in which nothing is in its way."""
    lanes: list[float] = []
    for each in sorted(line.entries, key=lambda entry: (entry.start, entry.end)):
        if each.end < line.start or each.start >= line.end:
            continue
        left = min(line.x(each.start), WIDTH - RIGHT - SHORTEST)
        width = max(line.x(each.end) - left, SHORTEST)
        lane = next((number for number, until in enumerate(lanes) if until <= left), len(lanes))
        lanes[lane : lane + 1] = [left + width]
        word = each.label if line.backend else f"{each.label}, {each.backend}"
        shown = _cut(word, int((width - 8) // LETTER))
        yield Bar(each, round(left, 1), top + LANE * lane, round(width, 1), LANE - 4, shown)


def _cut(word: str, room: int) -> str:
    """As much of it as has room; nothing where that would be a letter or two."""
    if len(word) <= room:
        return word
    return f"{word[: room - 1]}…" if room > 3 else ""


def _ticks(line: _Line, zone: tzinfo) -> Iterator[Tick]:
    """Hours of a short row, days of a long one."""
    length = line.end - line.start
    if length > 3 * DAY:
        day = line.start.astimezone(zone).date()
        while (at := midnight(day, zone)) < line.end:
            yield Tick(round(line.x(at), 1), f"{day:%a} {day.day}")
            day += DAY * (1 if length <= 16 * DAY else 2)
        return
    seconds = length.total_seconds()
    step = next((each for each in TICK_LENGTHS if seconds / each <= MOST_TICKS), TICK_LENGTHS[-1])
    at = line.start
    while at < line.end:
        local = at.astimezone(zone)
        if not (local.hour * 3_600 + local.minute * 60) % step:
            yield Tick(round(line.x(at), 1), f"{local:%H:%M}" if local.hour else f"{local:%a %H:%M}")
        at += timedelta(minutes=30)
