"""Counts as bars, and values as dots with their errors."""

import math
from collections.abc import Iterator, Sequence

from sessions_app.pages.drawings.shapes import Drawing, Shape, box, dot, line, nice_ticks, text

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP = 54, 10, 12
# Words of so many letters stand upright; longer ones, or many, are turned.
LETTER = 7.2
WIDEST = 72


def bars(pairs: Sequence[tuple[str, int]], shots: int) -> Drawing:
    """How often each outcome came up; the part of all shots is told when one is pointed at."""
    longest = max((len(word) for word, _ in pairs), default=1)
    step = (WIDTH - LEFT - RIGHT) / max(len(pairs), 1)
    named = longest * LETTER <= step
    bottom = HEIGHT - (24 if named else 8)
    ticks = nice_ticks(0, max((count for _, count in pairs), default=1))
    shapes = [*_ticks(ticks, bottom)]
    for number, (word, count) in enumerate(pairs):
        height = (bottom - TOP) * count / ticks[-1]
        wide = min(step, WIDEST)
        left = LEFT + step * number + (step - wide) / 2
        title = f"{word}: {count} of {shots} ({count / max(shots, 1):.2%})"
        gap = min(wide * 0.18, 6)
        shapes.append(box(left + gap / 2, bottom - height, max(wide - gap, 0.5), height, "bar", title))
        if named:
            shapes.append(text(left + wide / 2, HEIGHT - 8, word, "outcome", "middle"))
    return Drawing(f"Counts of {len(pairs)} outcomes", WIDTH, HEIGHT, shapes, "chart")


def dots(values: Sequence[float], errors: Sequence[float], first: int) -> Drawing:
    """Values in their order, each with one standard error up and down; none for what is no number."""
    told = [
        math.isfinite(value) and math.isfinite(error) for value, error in zip(values, errors, strict=True)
    ]
    lows = [value - error for value, error in zip(values, errors, strict=True)]
    highs = [value + error for value, error in zip(values, errors, strict=True)]
    known = [each for each, is_told in zip([*lows, *highs], [*told, *told], strict=True) if is_told]
    ticks = nice_ticks(min(known, default=0.0), max(known, default=1.0))
    bottom = HEIGHT - 24
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    shapes = [*_ticks(ticks, bottom)]

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - ticks[0]) / ((ticks[-1] - ticks[0]) or 1)

    for number, (value, low, high) in enumerate(zip(values, lows, highs, strict=True)):
        if not told[number]:
            continue
        x = LEFT + step * (number + 0.5)
        title = f"{first + number}: {value:.6g} ± {high - value:.3g}"
        shapes += [
            line(x, y(low), x, y(high), "error"),
            line(x - 4, y(low), x + 4, y(low), "error"),
            line(x - 4, y(high), x + 4, y(high), "error"),
            dot(x, y(value), 4, "value", title),
        ]
        if step > 26:
            shapes.append(text(x, HEIGHT - 8, str(first + number), "outcome", "middle"))
    return Drawing(f"{len(values)} values with their errors", WIDTH, HEIGHT, shapes, "chart")


def _ticks(ticks: Sequence[float], bottom: float) -> Iterator[Shape]:
    span = (ticks[-1] - ticks[0]) or 1
    for tick in ticks:
        y = bottom - (bottom - TOP) * (tick - ticks[0]) / span
        yield line(LEFT, y, WIDTH - RIGHT, y, "grid")
        yield text(LEFT - 6, y + 4, f"{tick:g}", "tick", "end")
