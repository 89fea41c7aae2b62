"""The few shapes that drawings are made of. They hold places and words; markup is the template's."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Form(StrEnum):
    BOX = "box"
    LINE = "line"
    DOT = "dot"
    TEXT = "text"
    PATH = "path"


@dataclass(frozen=True)
class Shape:
    """One shape. ``look`` names its style; ``title`` is told when it is pointed at.

    A box is at (``x``, ``y``) with ``width`` and ``height``; a line goes on to (``x + width``,
    ``y + height``); a dot has ``width`` as its radius; a path goes through ``points``.
    """

    form: Form
    look: str
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    text: str = ""
    title: str = ""
    anchor: str = "start"
    points: str = ""

    @property
    def end_x(self) -> float:
        """Where a line ends."""
        return round(self.x + self.width, 1)

    @property
    def end_y(self) -> float:
        """Where a line ends."""
        return round(self.y + self.height, 1)


@dataclass(frozen=True)
class Drawing:
    """Shapes on a ground of ``width`` x ``height`` pixels; ``label`` says what is to be seen."""

    label: str
    width: int
    height: int
    shapes: Sequence[Shape] = field(default_factory=tuple)
    look: str = ""


def box(x: float, y: float, width: float, height: float, look: str, title: str = "") -> Shape:
    return Shape(Form.BOX, look, _r(x), _r(y), _r(width), _r(height), title=title)


def line(x: float, y: float, end_x: float, end_y: float, look: str, title: str = "") -> Shape:
    return Shape(Form.LINE, look, _r(x), _r(y), _r(end_x - x), _r(end_y - y), title=title)


def dot(x: float, y: float, radius: float, look: str, title: str = "") -> Shape:
    return Shape(Form.DOT, look, _r(x), _r(y), _r(radius), title=title)


def text(x: float, y: float, words: str, look: str = "", anchor: str = "start", title: str = "") -> Shape:
    return Shape(Form.TEXT, look, _r(x), _r(y), text=words, anchor=anchor, title=title)


def path(points: Iterable[tuple[float, float]], look: str) -> Shape:
    return Shape(Form.PATH, look, points=" ".join(f"{_r(x)},{_r(y)}" for x, y in points))


def _r(number: float) -> float:
    return round(number, 1)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that cover ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span):
        return [0.0, 1.0]
    if span <= 1e-12 * max(abs(low), abs(high), 1e-280):
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
        span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor * most >= span * 0.999)
    first = math.floor(low / step + 1e-6)
    last = math.ceil(high / step - 1e-6)
    return [round(number * step, 15) if step > 1e-9 else number * step for number in range(first, last + 1)]
