"""Circuits as they were written, made to fit the backend; each once in a session (L12)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit.exceptions import CircuitError
from qiskit.transpiler import CouplingMap, PassManager, TranspileLayout, generate_preset_pass_manager

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.circuit_facts import check_basis, facts_of
from quantumsvc.backends.programs.circuit_store import ALWAYS, UNTRANSLATED, Known
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.limits import check_facts
from quantumsvc.backends.programs.v1.plan import Transpilation
from quantumsvc.wire.decode_circuits import read_circuit

SEED = 0
"""The same circuit becomes the same one each time, whoever asks."""


@dataclass(frozen=True)
class Fitted:
    """A circuit that runs on the device. ``written`` is as the user sent it; ``layout`` tells where its
    qubits went, None when they stayed."""

    written: QuantumCircuit
    known: Known
    layout: TranspileLayout | None
    text: str

    def values(self, numbers: npt.NDArray[np.float64], run: int) -> npt.NDArray[np.float64]:
        """The run's numbers in the order of the fitted circuit's parameters, some of which may be gone."""
        names = list(self.written.parameters)
        if len(numbers) != len(names):
            told = f"Run {run}: {len(numbers)} parameter values for a circuit with {len(names)} parameters"
            raise ProgramError(Code.BAD_PUB, told)
        place = {parameter: index for index, parameter in enumerate(names)}
        return numbers[[place[parameter] for parameter in self.known.circuit.parameters]]


def fitted(job: Job, text: str, wish: Transpilation, device: Device) -> Fitted:
    """The circuit in a packed text, transpiled for ``device``, which may have noise of the job's own."""
    key = hashlib.sha256(f"{device.key}:{wish!r}:{text}".encode()).hexdigest()
    return job.cache.get_or_make("fitted", key, lambda: _fit(job, text, wish, device, key))


def _fit(job: Job, text: str, wish: Transpilation, device: Device, key: str) -> Fitted:
    circuit = read_circuit(text, job.budget)
    if circuit.num_qubits > device.num_qubits:
        told = f"A circuit has {circuit.num_qubits} qubits; {device.name} has {device.num_qubits}"
        raise ProgramError(Code.TOO_MANY_QUBITS, told)
    check_facts(facts_of(circuit, job.limits.max_gates), device, job.limits)
    ready = circuit if wish.skip and not job.device.is_simulator else _transpiled(circuit, wish, job.device)
    if wish.skip:
        check_basis(ready, job.device)
    facts = facts_of(ready, job.limits.max_gates)
    check_facts(facts, device, job.limits)
    return Fitted(circuit, Known(ready, facts, key), ready.layout, _text(ready))


def tell_circuits(job: Job, ready: Sequence[Fitted]) -> None:
    """Tell the circuits as they run, each once, in the order in which they are first run."""
    for text in {each.known.key: each.text for each in ready}.values():
        job.reporter.transpiled(text)


def _text(circuit: QuantumCircuit) -> str:
    """In OpenQASM 3, as far as it can say what the circuit holds."""
    try:
        return str(qasm3.dumps(circuit))
    except (qasm3.QASM3Error, CircuitError):
        return ""


def _transpiled(circuit: QuantumCircuit, wish: Transpilation, device: Device) -> QuantumCircuit:
    if wish.skip:
        # Simulators have gates of their own; circuits are translated into them, and nothing more.
        wish = Transpilation(True, 0, None, None, None, None, None, None)
    try:
        return _manager(wish, device).run(circuit)
    except (ProgramError, MemoryError):
        raise
    except Exception as error:
        lines = str(error).strip("'\" ").splitlines()
        told = lines[0][:200] if lines else type(error).__name__
        raise ProgramError(Code.NOT_IN_BASIS, f"A circuit can't be fitted to {device.name}: {told}") from None


def _manager(wish: Transpilation, device: Device) -> PassManager:
    where: dict[str, Any] = {"target": device.target}
    if device.is_simulator:
        where = {"basis_gates": _basis(wish, device), "coupling_map": _coupling(wish)}
    return generate_preset_pass_manager(
        optimization_level=wish.level,
        initial_layout=None if wish.initial_layout is None else list(wish.initial_layout),
        layout_method=wish.layout_method,
        routing_method=wish.routing_method,
        approximation_degree=1.0 if wish.approximation_degree is None else wish.approximation_degree,
        seed_transpiler=SEED,
        **where,
    )


def _basis(wish: Transpilation, device: Device) -> list[str]:
    known = {*device.configuration.get("basis_gates", ())}
    asked = known if wish.basis_gates is None else set(wish.basis_gates)
    usable = asked & {*known, *device.backend.operation_names, *ALWAYS}
    if not usable:
        raise ProgramError(Code.BAD_OPTION, f"The option simulator.basis_gates has no gate of {device.name}")
    return sorted((usable | ALWAYS) - UNTRANSLATED)


def _coupling(wish: Transpilation) -> CouplingMap | None:
    return None if wish.coupling_map is None else CouplingMap([list(pair) for pair in wish.coupling_map])
