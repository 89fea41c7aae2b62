"""The states of a session and the ways between them, with the present one and those taken marked."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from quantumsvc.scheduling.states import SESSION_MOVES, SessionState
from sessions_app.pages.drawings.shapes import Drawing, Shape, box, line, path, text

BOX = (112, 44)
Point = tuple[float, float]
Move = tuple[SessionState, SessionState]
_OPEN, _ACTIVE = SessionState.OPEN, SessionState.ACTIVE
_INACTIVE, _CLOSED = SessionState.INACTIVE, SessionState.CLOSED
WHYS = {
    (_OPEN, _ACTIVE): "first job starts",
    (_ACTIVE, _INACTIVE): "interactive time over",
    (_INACTIVE, _ACTIVE): "next job starts",
    (_ACTIVE, _CLOSED): "closed, or time over",
}


@dataclass(frozen=True)
class Layout:
    """Where the states stand, which corners the arrows between them go through, and where it says why."""

    look: str
    width: int
    height: int
    places: Mapping[SessionState, Point]
    ways: Mapping[Move, Sequence[Point]]
    whys: Mapping[Move, tuple[float, float, str]]


LYING = Layout(
    "life",
    640,
    190,
    {_OPEN: (8, 20), _ACTIVE: (264, 20), _INACTIVE: (264, 132), _CLOSED: (520, 20)},
    {
        (_OPEN, _ACTIVE): [(120, 42), (264, 42)],
        (_OPEN, _CLOSED): [(98, 20), (98, 8), (542, 8), (542, 20)],
        (_ACTIVE, _INACTIVE): [(303, 64), (303, 132)],
        (_INACTIVE, _ACTIVE): [(337, 132), (337, 64)],
        (_ACTIVE, _CLOSED): [(376, 42), (520, 42)],
        (_INACTIVE, _CLOSED): [(376, 154), (576, 154), (576, 64)],
    },
    {
        (_OPEN, _ACTIVE): (188, 34, "middle"),
        (_ACTIVE, _INACTIVE): (282, 102, "end"),
        (_INACTIVE, _ACTIVE): (358, 102, "start"),
        (_ACTIVE, _CLOSED): (448, 34, "middle"),
    },
)
# For a narrow window, from top to bottom.
STANDING = Layout(
    "life standing",
    360,
    340,
    {_OPEN: (124, 8), _ACTIVE: (124, 96), _INACTIVE: (124, 198), _CLOSED: (124, 288)},
    {
        (_OPEN, _ACTIVE): [(180, 52), (180, 96)],
        (_OPEN, _CLOSED): [(124, 30), (12, 30), (12, 310), (124, 310)],
        (_ACTIVE, _INACTIVE): [(150, 140), (150, 198)],
        (_INACTIVE, _ACTIVE): [(210, 198), (210, 140)],
        (_ACTIVE, _CLOSED): [(236, 118), (348, 118), (348, 310), (236, 310)],
        (_INACTIVE, _CLOSED): [(180, 242), (180, 288)],
    },
    {
        (_OPEN, _ACTIVE): (190, 78, "start"),
        (_ACTIVE, _INACTIVE): (140, 173, "end"),
        (_INACTIVE, _ACTIVE): (220, 173, "start"),
        (_ACTIVE, _CLOSED): (292, 110, "middle"),
    },
)


def life_drawing(here: SessionState, taken: Collection[tuple[str, str]], layout: Layout = LYING) -> Drawing:
    """``taken`` are the moves that were made, as (from, to)."""
    shapes = [shape for source in SESSION_MOVES for shape in _moves(source, taken, layout)]
    for state, (x, y) in layout.places.items():
        look = "here" if state is here else ""
        shapes.append(box(x, y, *BOX, f"state {look}".strip()))
        shapes.append(text(x + BOX[0] / 2, y + BOX[1] / 2 + 4, state.value.capitalize(), look, "middle"))
    label = f"The session is {here.value}; from here it can become {_ahead(here)}"
    return Drawing(label, layout.width, layout.height, shapes, layout.look)


def _ahead(here: SessionState) -> str:
    return " or ".join(sorted(state.value for state in SESSION_MOVES[here])) or "nothing else"


def _moves(source: SessionState, taken: Collection[tuple[str, str]], layout: Layout) -> Iterator[Shape]:
    for target in sorted(SESSION_MOVES[source]):
        look = "arrow taken" if (source.value, target.value) in taken else "arrow"
        corners = layout.ways[source, target]
        for (a, b), (c, d) in pairwise(corners):
            yield line(a, b, c, d, look)
        yield path(_head(corners[-2], corners[-1]), f"head {look}")
        if (source, target) in WHYS:
            x, y, anchor = layout.whys[source, target]
            yield text(x, y, WHYS[source, target], "why", anchor)


def _head(before: Point, tip: Point) -> list[Point]:
    """Two short strokes back from the tip; arrows run along the axes."""
    (x, y), (u, v) = before, tip
    back = (-1 if u > x else 1 if u < x else 0, -1 if v > y else 1 if v < y else 0)
    across = (back[1], back[0])
    return [
        (u + 7 * back[0] + 5 * across[0], v + 7 * back[1] + 5 * across[1]),
        tip,
        (u + 7 * back[0] - 5 * across[0], v + 7 * back[1] - 5 * across[1]),
    ]
