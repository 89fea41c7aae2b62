"""A backend's qubits and gates as its page shows them: map, tables, files, the course of calibrations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from quantumsvc.backends.layouts import places
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.readings import GateReading, Plan, Readings, plan_of, readings_of
from sessions_app.pages.drawings.devices import Marks, Scale, device_drawing, scale_of
from sessions_app.pages.drawings.shapes import Drawing
from sessions_app.pages.drawings.trends import Point, trend

# Sets that the history looks back over.
SHOWN_SETS = 30
# What qubits can be coloured by: name in the address, words, whether low is good, factor, unit.
COLOURS = {
    "readout": ("readout error", True, 100.0, "%"),
    "sx": ("error of sx", True, 100.0, "%"),
    "t1": ("T1", False, 1e6, "µs"),
    "t2": ("T2", False, 1e6, "µs"),
}
_QUANTITIES = {"readout": "readout_error", "t1": "T1", "t2": "T2"}
_TRENDS = (
    ("T1", "T1, middle qubit", 1e6, "µs"),
    ("T2", "T2, middle qubit", 1e6, "µs"),
    ("readout_error", "Readout error, middle qubit", 100.0, "%"),
    ("sx_error", "Error of sx, middle qubit", 100.0, "%"),
    ("pair_error", "Error of the two-qubit gate, middle pair", 100.0, "%"),
)


@lru_cache(maxsize=64)
def _readings(ident: str) -> Readings:
    """A set's readings; sets never change."""
    return readings_of(CalibrationSet.objects.values_list("properties", flat=True).get(pk=ident))


@lru_cache(maxsize=64)
def _plan(backend_id: int, version: str) -> Plan:
    return plan_of(Backend.objects.values_list("configuration", flat=True).get(pk=backend_id))


def plan_for(backend: Backend) -> Plan:
    """The device's plan, read again when its row has changed."""
    return _plan(backend.pk, backend.updated_at.isoformat())


def current_readings(backend: Backend, calibration: CalibrationSet | None) -> Readings:
    """What the set says; nothing without one."""
    return _readings(calibration.pk) if calibration else Readings()


@dataclass(frozen=True)
class Device:
    """A device as it is drawn and listed."""

    drawing: Drawing | None
    colour: str
    legend: Sequence[tuple[str, str]]
    qubits: Sequence[Sequence[object]]
    gates: Sequence[GateReading]


def device_of(backend: Backend, plan: Plan, readings: Readings, colour: str) -> Device:
    """The map, coloured by what the address names, and the tables behind it."""
    colour = colour if colour in COLOURS else "readout"
    _, low_is_good, factor, unit = COLOURS[colour]
    values = readings.single() if colour == "sx" else readings.of(_QUANTITIES[colour])
    scale = scale_of(values, low_is_good=low_is_good)
    is_drawn = bool(plan.edges and readings.count)
    drawing = _map(backend, plan, readings, colour, values, scale) if is_drawn else None
    pairs = [gate for gate in readings.gates if len(gate.qubits) > 1]
    return Device(drawing, colour, scale.ranges(factor, unit), list(qubit_rows(readings)), pairs)


def _map(
    backend: Backend,
    plan: Plan,
    readings: Readings,
    colour: str,
    values: Sequence[float | None],
    scale: Scale,
) -> Drawing:
    words, _, factor, unit = COLOURS[colour]
    known = readings.pairs()
    pairs = {pair: known.get(pair) for pair in plan.edges}
    told = [f"qubit {number}: {words} {_shown(value, factor, unit)}" for number, value in enumerate(values)]
    errors = {
        pair: f"{pair[0]} to {pair[1]}: error {_shown(value, 100.0, '%')}" for pair, value in pairs.items()
    }
    marks = Marks(
        qubits=values,
        qubit_words=told,
        qubit_scale=scale,
        pairs=pairs,
        pair_words=errors,
        pair_scale=scale_of(list(pairs.values()), low_is_good=True),
    )
    return device_drawing(backend.name, places(plan.qubits, plan.edges), marks)


def _shown(value: float | None, factor: float, unit: str) -> str:
    return "not known" if value is None else f"{value * factor:.4g} {unit}"


QUBIT_HEAD = (
    "Qubit",
    "T1 (µs)",
    "T2 (µs)",
    "Frequency (GHz)",
    "Readout error",
    "P(0|1)",
    "P(1|0)",
    "sx error",
)
GATE_HEAD = ("Gate", "Qubits", "Error", "Length (ns)")


def qubit_rows(readings: Readings) -> Iterator[tuple[object, ...]]:
    """One row a qubit, in the units of the head; empty where nothing is known."""
    columns = (
        _scaled(readings.of("T1"), 1e6),
        _scaled(readings.of("T2"), 1e6),
        _scaled(readings.of("frequency"), 1e-9),
        _scaled(readings.of("readout_error"), 1),
        _scaled(readings.of("prob_meas0_prep1"), 1),
        _scaled(readings.of("prob_meas1_prep0"), 1),
        _scaled(readings.single(), 1),
    )
    return ((number, *row) for number, row in enumerate(zip(*columns, strict=True)))


def gate_rows(gates: Sequence[GateReading]) -> Iterator[tuple[object, ...]]:
    """One row a gate, in the units of the head."""
    for gate in gates:
        error, length = _scaled((gate.error,), 1)[0], _scaled((gate.length,), 1e9)[0]
        yield gate.name, " ".join(str(each) for each in gate.qubits), error, length


def _scaled(values: Sequence[float | None], factor: float) -> list[str]:
    return ["" if value is None else f"{value * factor:.5g}" for value in values]


@dataclass(frozen=True)
class Trend:
    """How one quantity went: its plot, its last value, and how far that is from the one before (part)."""

    name: str
    drawing: Drawing
    last: str
    drift: float | None


def trends_of(sets: Sequence[CalibrationSet]) -> list[Trend]:
    """The course of what people follow over the sets, oldest first; nothing of what is never known."""
    summaries = [(each.taken_at, _readings(each.pk).summary()) for each in sets]
    return [
        _trend(name, [Point(at, value * factor) for at, value in known], unit)
        for key, name, factor, unit in _TRENDS
        if (known := [(at, value) for at, found in summaries if (value := found[key]) is not None])
    ]


def _trend(name: str, points: list[Point], unit: str) -> Trend:
    last = points[-1].value
    before = points[-2].value if len(points) > 1 else 0.0
    drift = (last - before) / before * 100 if before else None
    return Trend(name, trend(f"{name} ({unit})", points, unit), f"{last:.4g} {unit}", drift)
