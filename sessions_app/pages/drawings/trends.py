"""How a measured quantity went over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions_app.pages.drawings.shapes import Drawing, Shape, dot, line, nice_ticks, path, text

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 10, 26


@dataclass(frozen=True)
class Point:
    """A value at an instant."""

    at: datetime
    value: float


def trend(label: str, points: Sequence[Point], unit: str = "", *, day_format: str = "%d %b") -> Drawing:
    """The points, joined in the order of time and evenly spaced: sets come in bursts, years apart."""
    ticks = nice_ticks(min(p.value for p in points), max(p.value for p in points), 4)
    first, last = points[0].at, points[-1].at
    bottom = HEIGHT - BOTTOM

    def place(number: int, point: Point) -> tuple[float, float]:
        along = number / (len(points) - 1) if len(points) > 1 else 0.5
        up = (point.value - ticks[0]) / ((ticks[-1] - ticks[0]) or 1)
        return LEFT + (WIDTH - LEFT - RIGHT) * along, bottom - (bottom - TOP) * up

    shapes: list[Shape] = [*_grid(ticks)]
    shapes.append(path((place(*each) for each in enumerate(points)), "trend"))
    for number, point in enumerate(points):
        x, y = place(number, point)
        shapes.append(dot(x, y, 3.5, "value", f"{point.at:%Y-%m-%d %H:%M}: {point.value:.4g} {unit}".strip()))
    shapes.append(text(LEFT, HEIGHT - 8, first.strftime(day_format), "tick"))
    if len(points) > 1:
        shapes.append(text(WIDTH - RIGHT, HEIGHT - 8, last.strftime(day_format), "tick", "end"))
    return Drawing(label, WIDTH, HEIGHT, shapes, "chart trend")


def _grid(ticks: Sequence[float]) -> Iterator[Shape]:
    span, bottom = (ticks[-1] - ticks[0]) or 1, HEIGHT - BOTTOM
    for tick in ticks:
        y = bottom - (bottom - TOP) * (tick - ticks[0]) / span
        yield line(LEFT, y, WIDTH - RIGHT, y, "grid")
        yield text(LEFT - 6, y + 4, f"{tick:g}", "tick", "end")
