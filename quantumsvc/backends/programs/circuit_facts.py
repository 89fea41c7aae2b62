"""What must be known of a circuit before it may run."""

from __future__ import annotations

from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, ControlFlowOp, ForLoopOp, Instruction
from qiskit_ibm_runtime.utils.utils import is_isa_circuit

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.errors import Code, ProgramError

NO_WORK = frozenset({"barrier"})
CLIFFORD = frozenset({"h", "s", "sdg", "x", "y", "z", "id", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr"})
CLIFFORD |= {"iswap", "dcx", "measure", "barrier", "reset", "delay"}


@dataclass(frozen=True)
class CircuitFacts:
    """``active``: indices of the qubits that anything happens to. ``width``: how many of them the
    largest group has whose qubits interact; groups can be simulated apart unless ``dynamic``
    (control flow, or bits that steer gates). ``gates``: instructions, loops counted in full."""

    active: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    gates: int
    dynamic: bool
    clifford: bool

    @property
    def width(self) -> int:
        """Qubits of the largest group that must be simulated together."""
        if self.dynamic:
            return len(self.active)
        return max((len(group) for group in self.groups), default=0)


def facts_of(circuit: QuantumCircuit, most_gates: int) -> CircuitFacts:
    """Look over a circuit; raises ``ProgramError`` as soon as it has too many gates."""
    count = _GateCount(most_gates)
    index = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    union = _Groups()
    writer: dict[Clbit, int] = {}
    dynamic, clifford = bool(circuit.num_vars or circuit.num_stretches), True
    for item in circuit.data:
        operation = item.operation
        count.add(operation)
        if operation.name in NO_WORK:
            continue
        # Qubits that are measured into one bit belong together: the later outcome replaces the earlier.
        shared = [writer.setdefault(bit, index[item.qubits[0]]) for bit in item.clbits if item.qubits]
        union.join([index[qubit] for qubit in item.qubits] + shared)
        dynamic = dynamic or isinstance(operation, ControlFlowOp) or _reads_bits(operation, item.clbits)
        clifford = clifford and operation.name in CLIFFORD
    groups = union.groups()
    active = tuple(sorted(number for group in groups for number in group))
    return CircuitFacts(active, groups, count.total, dynamic, clifford)


def _reads_bits(operation: Instruction, clbits: tuple[object, ...]) -> bool:
    return bool(clbits) and operation.name != "measure"


class _Groups:
    """Qubits that interact end in one group."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def _root(self, number: int) -> int:
        self.parent.setdefault(number, number)
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def join(self, numbers: list[int]) -> None:
        for number in numbers:
            self.parent[self._root(number)] = self._root(numbers[0])

    def groups(self) -> tuple[tuple[int, ...], ...]:
        found: dict[int, list[int]] = {}
        for number in sorted(self.parent):
            found.setdefault(self._root(number), []).append(number)
        return tuple(tuple(group) for group in found.values())


class _GateCount:
    """Counts instructions as they will run: into blocks, definitions and loops, up to a bound."""

    def __init__(self, most: int) -> None:
        self.most, self.total = most, 0
        self.known: dict[int, tuple[QuantumCircuit, int]] = {}

    def add(self, operation: Instruction) -> None:
        self.total += self._size(operation)
        if self.total > self.most:
            raise ProgramError(
                Code.TOO_MANY_GATES, f"A circuit has more than the {self.most} gates that are accepted"
            )

    def _size(self, operation: Instruction) -> int:
        if operation.name in NO_WORK:
            return 0
        if isinstance(operation, ControlFlowOp):
            inner = sum(self._body(block) for block in operation.blocks)
            return 1 + inner * (len(operation.params[0]) if isinstance(operation, ForLoopOp) else 1)
        if operation._standard_gate is not None or operation.name in ("measure", "reset", "delay"):
            return 1
        return self._defined(operation)

    def _defined(self, operation: Instruction) -> int:
        definition = operation.definition
        if definition is None:
            return 1
        if id(definition) not in self.known:
            # The definition is kept beside its size: a freed object's id would be given away again.
            self.known[id(definition)] = definition, max(1, self._body(definition))
        return self.known[id(definition)][1]

    def _body(self, body: QuantumCircuit) -> int:
        total = 0
        for item in body.data:
            total += self._size(item.operation)
            if total > self.most:
                break
        return total


def check_basis(circuit: QuantumCircuit, device: Device) -> None:
    """Refuse what the device has no instruction or connection for; simulators take anything."""
    if device.is_simulator:
        if circuit.num_qubits > device.num_qubits:
            told = f"A circuit has {circuit.num_qubits} qubits; {device.name} has {device.num_qubits}"
            raise ProgramError(Code.TOO_MANY_QUBITS, told)
        return
    problem = is_isa_circuit(circuit, device.target)
    if problem:
        told = f"{problem} Transpile the circuit for {device.name} first."
        raise ProgramError(Code.NOT_IN_BASIS, told)
