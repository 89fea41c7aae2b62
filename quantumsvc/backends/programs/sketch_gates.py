"""Sets a circuit's instructions into columns, each as far to the left as its wires are free."""

from __future__ import annotations

import re

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction

from quantumsvc.backends.execution.sketches import COLUMNS_MAX, GATES_MAX, WIRES_MAX, Gate

TEXT_MAX = 120
LABEL_PARAMETERS = 3
LONG_NUMBER = re.compile(r"(?<![\w.])\d+\.\d{3,}(?:e[+-]?\d+)?(?![\w.])")
UNDRAWN = frozenset({"barrier"})


def cut(text: str) -> str:
    """Text of bounded length that any page takes."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def drawn(circuit: QuantumCircuit, active: tuple[int, ...]) -> tuple[list[int], list[Gate], bool]:
    """The wires that are shown, the gates on them, and whether more follows than is told."""
    wires = list(active[:WIRES_MAX])
    rows = {circuit.qubits[number]: row for row, number in enumerate(wires)}
    free, gates = [0] * len(wires), list[Gate]()
    for item in circuit.data:
        if item.operation.name in UNDRAWN or not item.qubits:
            continue
        on = [rows[qubit] for qubit in item.qubits if qubit in rows]
        if len(on) < len(item.qubits):
            continue
        column = max(free[min(on) : max(on) + 1])
        if column >= COLUMNS_MAX or len(gates) >= GATES_MAX:
            return wires, gates, True
        free[min(on) : max(on) + 1] = [column + 1] * (max(on) + 1 - min(on))
        gates.append(Gate(column, cut(item.operation.name), _label(item), on, _bits(circuit, item)))
    return wires, gates, len(active) > len(wires)


def _label(item: CircuitInstruction) -> str:
    """The gate's name with its first parameters."""
    numbers = [each for each in item.operation.params if not isinstance(each, QuantumCircuit)]
    told = [_number(each) for each in numbers[:LABEL_PARAMETERS]]
    if not told:
        return cut(item.operation.name)
    more = ", …" if len(numbers) > LABEL_PARAMETERS else ""
    return cut(f"{item.operation.name}({', '.join(told)}{more})")


def _number(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:.4g}"
    return LONG_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", cut(str(value)))[:30]


def _bits(circuit: QuantumCircuit, item: CircuitInstruction) -> str:
    """The classical bits by register, such as ``c[2]``."""
    told = []
    for bit in item.clbits[:LABEL_PARAMETERS]:
        places = circuit.find_bit(bit).registers
        told.append(f"{places[0][0].name}[{places[0][1]}]" if places else "a bit")
    return cut(", ".join(told))
