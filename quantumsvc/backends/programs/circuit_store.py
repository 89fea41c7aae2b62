"""Circuits of one job, each text read, checked and translated once per session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from qiskit import QuantumCircuit, transpile
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.messages import Limits
from quantumsvc.backends.programs.circuit_facts import CircuitFacts, check_basis, facts_of
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.limits import check_facts
from quantumsvc.backends.programs.ports import SessionCache
from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_circuits import circuit_in, layout_length, read_circuit, unpacked
from quantumsvc.wire.decode_qasm import is_qasm

ALWAYS = frozenset({"measure", "reset", "delay", "barrier", "store", *CONTROL_FLOW_OP_NAMES})
UNTRANSLATED = frozenset({"barrier", "store"})
"""Never translated, and not accepted as names of a basis."""
TWIRLABLE = ALWAYS | {"rz", "sx", "x", "cx"}


@dataclass(frozen=True)
class Known:
    """A circuit that may run on the device, and what is known of it. Never changed in place."""

    circuit: QuantumCircuit
    facts: CircuitFacts
    key: str


@dataclass
class CircuitStore:
    """Reads circuits for one job; ``cache`` outlives the job when it is in a session."""

    device: Device
    limits: Limits
    cache: SessionCache
    budget: Budget
    seen: dict[str, Known] = field(default_factory=dict)

    def read(self, text: str) -> QuantumCircuit:
        """The circuit in a packed text, ready to run on the device."""
        return self.known(text).circuit

    def known(self, text: str) -> Known:
        """The circuit with its facts; raises ``DecodeError`` or ``ProgramError`` when it can't run."""
        if text not in self.seen:
            found = self._found_in(text)
            check_facts(found.facts, self.device, self.limits)
            self.seen[text] = found
        return self.seen[text]

    def _found_in(self, text: str) -> Known:
        if not is_qasm(text):
            return self._found(unpacked(text, self.budget))
        key = hashlib.sha256(f"{self.device.key}:{text}".encode()).hexdigest()
        return self.cache.get_or_make(
            "circuit", key, lambda: self._admitted(read_circuit(text, self.budget), key)
        )

    def _found(self, raw: bytes) -> Known:
        """The circuit of a QPY file, by what comes before its layout once that is known to be so long."""
        size = str(len(raw))
        layout = self.cache.peek("layout", size)
        if isinstance(layout, int):
            key = self._key(raw, layout)
            return self.cache.get_or_make("circuit", key, lambda: self._admitted(self._read(raw), key))
        circuit = self._read(raw)
        layout = layout_length(circuit)
        self.cache.keep("layout", size, layout)
        key = self._key(raw, layout)
        return self.cache.get_or_make("circuit", key, lambda: self._admitted(circuit, key))

    def _key(self, raw: bytes, layout: int) -> str:
        digest = hashlib.sha256(f"{self.device.key}:{len(raw)}:".encode())
        digest.update(memoryview(raw)[: len(raw) - layout])
        return digest.hexdigest()

    def _read(self, raw: bytes) -> QuantumCircuit:
        return circuit_in(raw, self.budget)

    def _admitted(self, circuit: QuantumCircuit, key: str) -> Known:
        return admit(circuit, self.device, self.limits, key)


def admit(circuit: QuantumCircuit, device: Device, limits: Limits, key: str) -> Known:
    """Check a circuit against the device and translate it if the device is a simulator."""
    check_basis(circuit, device)
    facts = facts_of(circuit, limits.max_gates)
    check_facts(facts, device, limits)
    ready = translated(circuit, device)
    if ready is not circuit:
        facts = facts_of(ready, limits.max_gates)
        check_facts(facts, device, limits)
    return Known(ready, facts, key)


def translated(circuit: QuantumCircuit, device: Device) -> QuantumCircuit:
    """The circuit in the simulator's own gates; the same object when it already is."""
    if not device.is_simulator:
        return circuit
    known = set(device.backend.operation_names) | ALWAYS
    if set(circuit.count_ops()) <= known and not circuit.has_control_flow_op():
        return circuit
    return _transpiled(circuit, {*device.configuration.get("basis_gates", ()), *ALWAYS}, device)


def twirlable(circuit: QuantumCircuit, device: Device) -> QuantumCircuit:
    """The circuit in gates that can be twirled: a chip's own are, a simulator's are too many."""
    if not device.is_simulator or set(circuit.count_ops()) <= TWIRLABLE:
        return circuit
    return _transpiled(circuit, TWIRLABLE, device)


def _transpiled(circuit: QuantumCircuit, basis: Iterable[str], device: Device) -> QuantumCircuit:
    try:
        return transpile(
            circuit, basis_gates=sorted(set(basis) - UNTRANSLATED), optimization_level=0, seed_transpiler=0
        )
    except Exception as error:
        told = str(error).strip("'\" ").splitlines()[0][:200]
        raise ProgramError(Code.NOT_IN_BASIS, f"{device.name} can't run this circuit: {told}") from None
