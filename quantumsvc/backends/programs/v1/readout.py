"""Readout mitigation of the sampler: what was read is turned back into what was there.

Errors of reading one qubit are measured with two circuits, all qubits in 0 and all in 1. The matrix of
what is read for what is true is built over the outcomes that were seen, and solved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.circuit_facts import facts_of
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.running import run_bits
from quantumsvc.backends.programs.v1.transpiling import Fitted

CALIBRATION_SHOTS = 8192
MOST_OUTCOMES = 2_000
"""Different outcomes of one run that are solved for; the matrix has their square."""

Bits = npt.NDArray[np.bool_]
Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mitigated:
    """Quasi-probabilities of the outcomes that were seen, the square of the matrix's gamma, and seconds."""

    quasi: npt.NDArray[np.float64]
    overhead: float
    seconds: float


def mitigated(job: Job, device: Device, fitted: Fitted, outcomes: Bits, shares: Rates) -> Mitigated:
    """Solve for the true distribution; ``outcomes`` has a row of bits for each of ``shares``."""
    began = time.monotonic()
    if len(outcomes) > MOST_OUTCOMES:
        told = f"The option resilience_level=1 isn't offered here for more than {MOST_OUTCOMES} outcomes"
        raise ProgramError(Code.OPTION_NOT_OFFERED, f"{told}; a run had {len(outcomes)}")
    qubits = measured_qubits(fitted.known.circuit)
    wrong = error_rates(job, device, tuple(qubit for qubit in qubits if qubit is not None))
    inverse = np.linalg.inv(_assignment(outcomes, qubits, wrong))
    gamma = float(np.abs(inverse).sum(axis=0).max())
    return Mitigated(inverse @ shares, gamma**2, time.monotonic() - began)


def measured_qubits(circuit: QuantumCircuit) -> list[int | None]:
    """For each bit of the registers in order, the qubit that it was read from last."""
    source: dict[Clbit, int] = {}
    for item in circuit.data:
        if item.operation.name == "measure":
            source[item.clbits[0]] = circuit.find_bit(item.qubits[0]).index
    return [source.get(bit) for register in circuit.cregs for bit in register]


def error_rates(job: Job, device: Device, qubits: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    """For each qubit: how often 0 is read as 1, and 1 as 0. Measured once in a session."""
    wanted = tuple(sorted(set(qubits)))
    return job.cache.get_or_make("readout", f"{device.key}:{wanted}", lambda: _measure(job, device, wanted))


def _measure(job: Job, device: Device, qubits: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    shots = min(CALIBRATION_SHOTS, job.limits.max_shots)
    ones = [_ones(job, device, qubits, shots, flipped) for flipped in (False, True)]
    return {qubit: (float(ones[0][index]), 1 - float(ones[1][index])) for index, qubit in enumerate(qubits)}


def _ones(job: Job, device: Device, qubits: tuple[int, ...], shots: int, flipped: bool) -> Rates:
    circuit = QuantumCircuit(device.num_qubits, len(qubits))
    if flipped:
        circuit.x(qubits)
    circuit.measure(qubits, range(len(qubits)))
    facts = facts_of(circuit, job.limits.max_gates)
    data = run_bits(device, circuit, facts, np.zeros(0), shots, job.task.seed)
    found: Rates = data.c.to_bool_array(order="little").mean(axis=0)
    return found


def _assignment(
    outcomes: Bits, qubits: list[int | None], wrong: dict[int, tuple[float, float]]
) -> npt.NDArray[np.float64]:
    """Column j: the probabilities of reading each outcome when j is true, among those that were seen."""
    matrix = np.ones((len(outcomes), len(outcomes)))
    for index, qubit in enumerate(qubits):
        if qubit is None:
            continue
        low, high = wrong[qubit]
        table = np.array([[1 - low, high], [low, 1 - high]])
        bits = outcomes[:, index].astype(int)
        matrix *= table[np.ix_(bits, bits)]
    found: npt.NDArray[np.float64] = matrix / matrix.sum(axis=0)
    return found
