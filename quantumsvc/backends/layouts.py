"""Where a device's qubits are drawn: known chips by their plan, others by forces between neighbours."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from statistics import median

Place = tuple[float, float]
Edges = tuple[tuple[int, int], ...]

# More qubits than this are drawn as a grid: forces take the square of their number.
MOST_WITH_FORCES = 150
STEPS = 120
ROW_LENGTH = 20
# Columns and rows of the chips whose plans are public, by their number of qubits.
_SEVEN = ((0, 0), (1, 0), (2, 0), (1, 1), (0, 2), (1, 2), (2, 2))
_SIXTEEN = (
    (0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 3), (3, 0), (3, 1),
    (3, 3), (3, 4), (4, 1), (4, 3), (5, 1), (5, 2), (5, 3), (6, 1),
)  # fmt: skip
_TWENTY_SEVEN = (
    *_SIXTEEN, (6, 3), (7, 0), (7, 1), (7, 3), (7, 4), (8, 1), (8, 3), (9, 1), (9, 2), (9, 3), (10, 3),
)  # fmt: skip


def _eagle() -> Iterator[tuple[int, int]]:
    """127 qubits: seven long rows, four qubits between each two of them."""
    for row in range(7):
        columns = range(14) if row == 0 else range(1, 15) if row == 6 else range(15)
        yield from ((column, 2 * row) for column in columns)
        if row < 6:
            yield from ((4 * step + 2 * (row % 2), 2 * row + 1) for step in range(4))


_PLANS = {7: _SEVEN, 16: _SIXTEEN, 27: _TWENTY_SEVEN, 127: tuple(_eagle())}


@lru_cache(maxsize=64)
def places(qubits: int, edges: Edges) -> tuple[Place, ...]:
    """Column and row of each qubit, about one unit between neighbours; the same for the same device.

    ``edges`` are pairs of different qubits below ``qubits``.
    """
    plan = _PLANS.get(qubits)
    if plan is not None and all(_is_step(plan[one], plan[other]) for one, other in edges):
        return tuple((float(x), float(y)) for x, y in plan)
    if (line := _line(qubits, edges)) is not None:
        return line
    if not edges or qubits > MOST_WITH_FORCES:
        return tuple(_grid(qubits))
    return _settled(qubits, edges)


def _is_step(one: Sequence[int], other: Sequence[int]) -> bool:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) == 1


def _line(qubits: int, edges: Edges) -> tuple[Place, ...] | None:
    """A chain in its order, if the qubits are one; a long one turns back at the end of each row."""
    pairs = {(min(pair), max(pair)) for pair in edges}
    if pairs != {(number, number + 1) for number in range(qubits - 1)}:
        return None
    rows = [divmod(number, ROW_LENGTH) for number in range(qubits)]
    return tuple((float(x if row % 2 == 0 else ROW_LENGTH - 1 - x), float(row)) for row, x in rows)


def _grid(qubits: int) -> Iterator[Place]:
    width = math.ceil(math.sqrt(qubits)) or 1
    return ((float(number % width), float(number // width)) for number in range(qubits))


def _settled(qubits: int, edges: Edges) -> tuple[Place, ...]:
    """Neighbours pull, all push, each step is shorter than the one before."""
    radius = max(qubits / 6, 1.0)
    turns = [2 * math.pi * number / qubits for number in range(qubits)]
    spots = [complex(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]
    pairs = {(min(pair), max(pair)) for pair in edges}
    for step in range(STEPS):
        longest = radius * 0.2 * (1 - step / STEPS) + 0.01
        forces = _pushes(spots)
        for one, other in pairs:
            gap = spots[other] - spots[one]
            forces[one] += gap * abs(gap)
            forces[other] -= gap * abs(gap)
        for number, force in enumerate(forces):
            spots[number] += force / max(abs(force) / longest, 1.0)
    return _moved_to_corner(spots, median(abs(spots[one] - spots[other]) for one, other in pairs))


def _pushes(spots: Sequence[complex]) -> list[complex]:
    forces = [0j] * len(spots)
    for one, spot in enumerate(spots):
        for other in range(one):
            gap = spot - spots[other] or 0.01 + 0.01j * (one - other)
            push = gap / abs(gap) ** 2
            forces[one] += push
            forces[other] -= push
    return forces


def _moved_to_corner(spots: Sequence[complex], unit: float) -> tuple[Place, ...]:
    left, top = min(each.real for each in spots), min(each.imag for each in spots)
    return tuple((round((each.real - left) / unit, 3), round((each.imag - top) / unit, 3)) for each in spots)
