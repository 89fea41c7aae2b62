"""What a calibration set says of qubits and gates, in seconds and hertz; and what a device's plan is.

The documents are the clients'; here they are only read, and what is odd in them is left out.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import msgspec

SCALES = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
SCALES |= {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}


class _Value(msgspec.Struct, frozen=True):
    name: str = ""
    value: Any = None
    unit: str = ""


class _Gate(msgspec.Struct, frozen=True):
    qubits: list[int] = []
    gate: str = ""
    parameters: list[_Value] = []


class _Properties(msgspec.Struct, frozen=True):
    qubits: list[list[_Value]] = []
    gates: list[_Gate] = []


class _Configuration(msgspec.Struct, frozen=True):
    n_qubits: int = 0
    coupling_map: list[list[int]] | None = None
    basis_gates: list[str] = []


@dataclass(frozen=True, slots=True)
class GateReading:
    """One gate on certain qubits: its error (a probability) and its length (seconds); None: not known."""

    name: str
    qubits: tuple[int, ...]
    error: float | None
    length: float | None


@dataclass(frozen=True, slots=True)
class Readings:
    """One set. ``qubits`` maps a quantity's name, as in the document, to the value of each qubit."""

    count: int = 0
    qubits: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    gates: tuple[GateReading, ...] = ()

    def of(self, name: str) -> tuple[float | None, ...]:
        """A quantity of every qubit, None where it is not known."""
        return self.qubits.get(name, (None,) * self.count)

    def pairs(self) -> dict[tuple[int, int], float | None]:
        """The error of the two-qubit gate on each pair, the lower number first; the better one of two."""
        found: dict[tuple[int, int], float | None] = {}
        for gate in self.gates:
            if len(gate.qubits) == 2:
                pair = (min(gate.qubits), max(gate.qubits))
                found[pair] = min((e for e in (found.get(pair), gate.error) if e is not None), default=None)
        return found

    def single(self) -> tuple[float | None, ...]:
        """The error of ``sx`` on each qubit."""
        found = {gate.qubits[0]: gate.error for gate in self.gates if gate.name == "sx"}
        return tuple(found.get(number) for number in range(self.count))

    def summary(self) -> dict[str, float | None]:
        """The middle value of each quantity that people follow."""
        return {
            "T1": middle(self.of("T1")),
            "T2": middle(self.of("T2")),
            "readout_error": middle(self.of("readout_error")),
            "sx_error": middle(self.single()),
            "pair_error": middle(self.pairs().values()),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A device's qubits, the pairs that are connected (the lower number first) and its gates."""

    qubits: int
    edges: tuple[tuple[int, int], ...]
    gates: tuple[str, ...]


def middle(values: Iterable[float | None]) -> float | None:
    """The median of what is known."""
    known = [each for each in values if each is not None]
    return median(known) if known else None


def readings_of(properties: str) -> Readings:
    """The readings of a set's document; nothing for one that can't be read."""
    try:
        document = msgspec.json.decode(properties, type=_Properties)
    except (msgspec.MsgspecError, RecursionError):
        return Readings()
    count = len(document.qubits)
    known = [{each.name: _si(each) for each in qubit} for qubit in document.qubits]
    names = dict.fromkeys(name for qubit in known for name in qubit)
    return Readings(
        count=count,
        qubits={name: tuple(qubit.get(name) for qubit in known) for name in names},
        gates=tuple(_gate(each) for each in document.gates if _fits(each.qubits, count)),
    )


def _fits(qubits: list[int], count: int) -> bool:
    return bool(qubits) and all(0 <= each < count for each in qubits)


def _gate(gate: _Gate) -> GateReading:
    values = {each.name: _si(each) for each in gate.parameters}
    return GateReading(gate.gate, tuple(gate.qubits), values.get("gate_error"), values.get("gate_length"))


def _si(value: _Value) -> float | None:
    if isinstance(value.value, bool) or not isinstance(value.value, int | float):
        return None
    found = value.value * SCALES.get(value.unit, math.nan)
    return found if math.isfinite(found) else None


def plan_of(configuration: str) -> Plan:
    """The plan in a device's document; an empty one for a document that can't be read."""
    try:
        document = msgspec.json.decode(configuration, type=_Configuration)
    except (msgspec.MsgspecError, RecursionError):
        return Plan(0, (), ())
    count = max(document.n_qubits, 0)
    pairs = (tuple(sorted(pair)) for pair in document.coupling_map or ())
    edges = {(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and 0 <= pair[0] < pair[1] < count}
    return Plan(count, tuple(sorted(edges)), tuple(document.basis_gates))
