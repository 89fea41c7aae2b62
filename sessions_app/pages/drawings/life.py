"""The states of a session and the ways between them, with the present one and those taken marked."""

from collections.abc import Collection, Iterator
from itertools import pairwise

from quantumsvc.scheduling.states import SESSION_MOVES, SessionState
from sessions_app.pages.drawings.shapes import Drawing, Shape, box, line, path, text

WIDTH, HEIGHT = 640, 190
BOX = (112, 44)
PLACES = {
    SessionState.OPEN: (8, 20),
    SessionState.ACTIVE: (264, 20),
    SessionState.INACTIVE: (264, 132),
    SessionState.CLOSED: (520, 20),
}
WHYS = {
    (SessionState.OPEN, SessionState.ACTIVE): ("first job starts", 188, 34, "middle"),
    (SessionState.ACTIVE, SessionState.INACTIVE): ("interactive time over", 282, 102, "end"),
    (SessionState.INACTIVE, SessionState.ACTIVE): ("next job starts", 358, 102, "start"),
    (SessionState.ACTIVE, SessionState.CLOSED): ("closed, or time over", 448, 34, "middle"),
}
# Where an arrow leaves and arrives, as parts of the box, where it is not from side to side.
_WAYS = {
    (SessionState.OPEN, SessionState.ACTIVE): ((1, 0.5), (0, 0.5)),
    (SessionState.OPEN, SessionState.CLOSED): ((0.8, 0), (0.2, 0)),
    (SessionState.ACTIVE, SessionState.INACTIVE): ((0.35, 1), (0.35, 0)),
    (SessionState.INACTIVE, SessionState.ACTIVE): ((0.65, 0), (0.65, 1)),
    (SessionState.ACTIVE, SessionState.CLOSED): ((1, 0.5), (0, 0.5)),
    (SessionState.INACTIVE, SessionState.CLOSED): ((1, 0.5), (0.5, 1)),
}


def life_drawing(here: SessionState, taken: Collection[tuple[str, str]]) -> Drawing:
    """``taken`` are the moves that were made, as (from, to)."""
    shapes = [shape for source in SESSION_MOVES for shape in _moves(source, taken)]
    for state, (x, y) in PLACES.items():
        look = "here" if state is here else ""
        shapes.append(box(x, y, *BOX, f"state {look}".strip()))
        shapes.append(text(x + BOX[0] / 2, y + BOX[1] / 2 + 4, state.value.capitalize(), look, "middle"))
    label = f"The session is {here.value}; from here it can become {_ahead(here)}"
    return Drawing(label, WIDTH, HEIGHT, shapes, "life")


def _ahead(here: SessionState) -> str:
    return " or ".join(sorted(state.value for state in SESSION_MOVES[here])) or "nothing else"


def _moves(source: SessionState, taken: Collection[tuple[str, str]]) -> Iterator[Shape]:
    for target in sorted(SESSION_MOVES[source]):
        look = "arrow taken" if (source.value, target.value) in taken else "arrow"
        yield from _arrow(source, target, look)
        if (source, target) in WHYS:
            words, x, y, anchor = WHYS[source, target]
            yield text(x, y, words, "why", anchor)


def _arrow(source: SessionState, target: SessionState, look: str) -> Iterator[Shape]:
    leaves, arrives = _WAYS[source, target]
    (x, y), (u, v) = _at(source, leaves), _at(target, arrives)
    corners = [(x, y)]
    if (source, target) == (SessionState.OPEN, SessionState.CLOSED):
        corners += [(x, 8), (u, 8)]
    elif (source, target) == (SessionState.INACTIVE, SessionState.CLOSED):
        corners.append((u, y))
    corners.append((u, v))
    for (a, b), (c, d) in pairwise(corners):
        yield line(a, b, c, d, look)
    yield path(_head(corners[-2], (u, v)), f"head {look}")


def _at(state: SessionState, part: tuple[float, float]) -> tuple[float, float]:
    x, y = PLACES[state]
    return x + BOX[0] * part[0], y + BOX[1] * part[1]


def _head(before: tuple[float, float], tip: tuple[float, float]) -> list[tuple[float, float]]:
    """Two short strokes back from the tip; arrows run along the axes."""
    (x, y), (u, v) = before, tip
    back = (-1 if u > x else 1 if u < x else 0, -1 if v > y else 1 if v < y else 0)
    across = (back[1], back[0])
    return [
        (u + 7 * back[0] + 5 * across[0], v + 7 * back[1] + 5 * across[1]),
        tip,
        (u + 7 * back[0] - 5 * across[0], v + 7 * back[1] - 5 * across[1]),
    ]
