"""A simulator with the errors that a job brings with it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction
from qiskit.circuit.library import PauliGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.circuit.reset import Reset
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError
from qiskit_aer.noise import ReadoutError as AerReadoutError
from qiskit_aer.noise.noiseerror import NoiseError

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.drivers.outcomes import checked
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.wire.decode_noise import Error, GateError, Step


def noisy(device: Device, errors: Sequence[Error]) -> Device:
    """The ideal simulator with these errors. Its circuits aren't translated any further."""
    simulator = AerSimulator(method=device.method or "automatic", noise_model=_model(errors))
    simulator.set_max_qubits(max(device.num_qubits, simulator.num_qubits or 0))
    key = hashlib.sha256(f"{device.key}:{errors!r}".encode()).hexdigest()
    return replace(device, backend=checked(simulator), noisy=True, is_simulator=False, key=key, scratch={})


def _model(errors: Sequence[Error]) -> NoiseModel:
    model = NoiseModel()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for error in errors:
                _add(model, error)
    except (NoiseError, ValueError, IndexError) as problem:
        told = str(problem).strip("'\" ").splitlines()[0][:200]
        raise ProgramError(
            Code.BAD_OPTION, f"The option simulator.noise_model can't be used: {told}"
        ) from None
    return model


def _add(model: NoiseModel, error: Error) -> None:
    if isinstance(error, GateError):
        made = QuantumError([(_circuit(steps), share) for share, steps in error.terms])
        if error.places is None:
            model.add_all_qubit_quantum_error(made, list(error.operations), warnings=False)
        for place in error.places or ():
            model.add_quantum_error(made, list(error.operations), place, warnings=False)
        return
    readout = AerReadoutError(error.probabilities)
    if error.places is None:
        model.add_all_qubit_readout_error(readout, warnings=False)
    for place in error.places or ():
        model.add_readout_error(readout, place, warnings=False)


def _circuit(steps: Sequence[Step]) -> QuantumCircuit:
    width = 1 + max((max(step.qubits) for step in steps), default=0)
    circuit = QuantumCircuit(width)
    for step in steps:
        circuit.append(_instruction(step), step.qubits)
    return circuit


def _instruction(step: Step) -> Instruction:
    if step.name == "reset":
        return Reset()
    if step.name == "pauli":
        return PauliGate(step.pauli)
    if step.name == "unitary":
        return UnitaryGate(step.matrices[0])
    if step.name == "kraus":
        return Instruction("kraus", len(step.qubits), 0, list(step.matrices))
    return get_standard_gate_name_mapping()[step.name]
