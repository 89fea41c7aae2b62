"""A device's qubits and connections, coloured by how good they are."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from quantumsvc.backends.layouts import Place
from sessions_app.pages.drawings.shapes import Drawing, Shape, dot, line, text

SHADES = 5
RADIUS = 13
MARGIN = 22


@dataclass(frozen=True)
class Scale:
    """Bounds between shades, the best shade first. ``low_is_good`` for errors, not for lifetimes."""

    bounds: tuple[float, ...]
    low_is_good: bool = True

    def shade(self, value: float | None) -> str:
        """The name of a value's shade; ``unknown`` for none."""
        if value is None:
            return "unknown"
        place = bisect(self.bounds, value)
        return f"shade-{place if self.low_is_good else len(self.bounds) - place}"

    def ranges(self, factor: float, unit: str) -> list[tuple[str, str]]:
        """Each shade with the values it stands for, the best first."""
        told = [f"{bound * factor:.3g}" for bound in self.bounds]
        words = (
            [f"below {told[0]}", *(f"{a} to {b}" for a, b in pairwise(told)), f"{told[-1]} and more"]
            if told
            else []
        )
        ordered = words if self.low_is_good else words[::-1]
        return [(f"shade-{place}", f"{each} {unit}") for place, each in enumerate(ordered)]


def scale_of(values: Sequence[float | None], *, low_is_good: bool) -> Scale:
    """Shades that hold about as many of the values each."""
    known = sorted(each for each in values if each is not None)
    if not known:
        return Scale((), low_is_good)
    bounds = [known[len(known) * number // SHADES] for number in range(1, SHADES)]
    return Scale(tuple(bounds), low_is_good)


@dataclass(frozen=True)
class Marks:
    """What is told of each qubit and of each connected pair: a value to colour by, and words."""

    qubits: Sequence[float | None]
    qubit_words: Sequence[str]
    qubit_scale: Scale
    pairs: Mapping[tuple[int, int], float | None]
    pair_words: Mapping[tuple[int, int], str]
    pair_scale: Scale


def device_drawing(name: str, spots: Sequence[Place], marks: Marks) -> Drawing:
    """The map of a device; a denser one for more qubits."""
    unit = 84 if len(spots) <= 10 else 62 if len(spots) <= 30 else 46
    places = [(MARGIN + x * unit, MARGIN + y * unit) for x, y in spots]
    width = max((x for x, _ in places), default=0) + MARGIN
    height = max((y for _, y in places), default=0) + MARGIN
    shapes = [*_pairs(places, marks), *_qubits(places, marks)]
    return Drawing(f"Map of {name}: {len(spots)} qubits", round(width), round(height), shapes, "device")


def _pairs(places: Sequence[Place], marks: Marks) -> Iterator[Shape]:
    for pair, value in marks.pairs.items():
        (x, y), (u, v) = places[pair[0]], places[pair[1]]
        yield line(x, y, u, v, f"pair {marks.pair_scale.shade(value)}", marks.pair_words.get(pair, ""))


def _qubits(places: Sequence[Place], marks: Marks) -> Iterator[Shape]:
    for number, (x, y) in enumerate(places):
        value = marks.qubits[number] if number < len(marks.qubits) else None
        words = marks.qubit_words[number] if number < len(marks.qubit_words) else f"qubit {number}"
        yield dot(x, y, RADIUS, f"qubit {marks.qubit_scale.shade(value)}", words)
        yield text(x, y + 4, str(number), f"number {marks.qubit_scale.shade(value)}", "middle")
