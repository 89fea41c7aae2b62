"""Circuits as gates on wires."""

from collections.abc import Iterator

from quantumsvc.backends.execution.sketches import CircuitSketch, Gate
from sessions_app.pages.drawings.shapes import Drawing, Shape, box, dot, line, text

ROW = 34
WIRES_FROM = 46
GATE_HEIGHT = 22
LETTER = 6.6
MOST_LETTERS = 16
# Drawn as a dot on the first wires and a mark on the last, as everybody does.
CONTROLLED = {"cx": "X", "cz": "", "cy": "Y", "ch": "H", "ccx": "X", "ccz": "", "cp": "P", "crz": "RZ"}
SWAPS = frozenset({"swap"})


def circuit_drawing(sketch: CircuitSketch) -> Drawing:
    """The beginning of a circuit, wires from top to bottom."""
    columns = _columns(sketch)
    starts = [WIRES_FROM + 8.0]
    for width in columns:
        starts.append(starts[-1] + width + 10)
    width, height = starts[-1] + (30 if sketch.is_cut else 8), ROW * len(sketch.wires) + 14
    shapes = [
        *_wires(sketch, starts[-1]),
        *(shape for gate in sketch.drawn for shape in _gate(gate, starts[gate.column], columns[gate.column])),
    ]
    if sketch.is_cut:
        shapes.append(text(starts[-1] + 8, height / 2, "…", "more"))
    label = f"Circuit {sketch.name}: {sketch.gates} gates on {len(sketch.wires)} of {sketch.qubits} qubits"
    return Drawing(label, round(width), max(height, 20), shapes, "circuit")


def _columns(sketch: CircuitSketch) -> list[float]:
    """The width of each column: that of its longest label."""
    count = max((gate.column for gate in sketch.drawn), default=-1) + 1
    widths = [22.0] * count
    for gate in sketch.drawn:
        widths[gate.column] = max(widths[gate.column], _width(_word(gate)))
    return widths


def _width(word: str) -> float:
    return max(22.0, LETTER * len(word) + 10)


def _word(gate: Gate) -> str:
    """What stands in a gate's box."""
    if gate.name == "measure":
        return f"M {gate.bits}".strip()[:MOST_LETTERS]
    if gate.name in CONTROLLED and len(gate.rows) > 1:
        return CONTROLLED[gate.name]
    if gate.name in SWAPS:
        return ""
    return gate.label if len(gate.label) <= MOST_LETTERS else gate.label[: MOST_LETTERS - 1] + "…"


def _y(row: int) -> float:
    return ROW * row + ROW / 2 + 5


def _wires(sketch: CircuitSketch, end: float) -> Iterator[Shape]:
    for row, number in enumerate(sketch.wires):
        yield line(WIRES_FROM, _y(row), end, _y(row), "wire")
        yield text(WIRES_FROM - 8, _y(row) + 4, f"q{number}", "name", "end")


def _gate(gate: Gate, start: float, width: float) -> Iterator[Shape]:
    middle, rows = start + width / 2, gate.rows
    title = f"{gate.label} on wire {', '.join(str(row) for row in rows)}" + (
        f", {gate.bits}" if gate.bits else ""
    )
    if len(rows) > 1:
        yield line(middle, _y(min(rows)), middle, _y(max(rows)), "link")
    if gate.name in SWAPS and len(rows) == 2:
        for row in rows:
            yield line(middle - 5, _y(row) - 5, middle + 5, _y(row) + 5, "link", title)
            yield line(middle - 5, _y(row) + 5, middle + 5, _y(row) - 5, "link", title)
        return
    boxed = rows
    if gate.name in CONTROLLED and len(rows) > 1:
        boxed = rows[-1:] if CONTROLLED[gate.name] else []
        for row in rows[: len(rows) - len(boxed)]:
            yield dot(middle, _y(row), 4, "control", title)
    yield from _boxes(gate, boxed, middle, title)


def _boxes(gate: Gate, rows: list[int], middle: float, title: str) -> Iterator[Shape]:
    word = _word(gate)
    size = _width(word)
    look = "measure" if gate.name == "measure" else "gate"
    for row in rows:
        yield box(middle - size / 2, _y(row) - GATE_HEIGHT / 2, size, GATE_HEIGHT, look, title)
        yield text(middle, _y(row) + 4, word, "label", "middle")
