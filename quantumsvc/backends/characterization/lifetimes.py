"""Readout errors, T1 and T2 (Hahn echo) of qubits measured side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from qiskit import QuantumCircuit

from quantumsvc.backends.characterization.bench import SHOTS, Bench, Place, share_of_ones
from quantumsvc.backends.characterization.fits import Fitted, NoFit, lifetime
from quantumsvc.backends.chipdata.readings import Failure, Reading

# Of the expected time: close together where the decay is steep, and far enough to see where it ends.
STEPS = (0.0, 0.15, 0.35, 0.6, 0.9, 1.3, 1.8, 2.5, 3.5)
Found = tuple[list[Reading], list[Failure]]


def measure_readout(bench: Bench, batch: Sequence[Place]) -> Found:
    """How often a prepared 0 reads 1, and a prepared 1 reads 0."""
    idle, excited = bench.circuit(len(batch)), bench.circuit(len(batch))
    for (qubit,) in batch:
        excited.x(qubit)
    for circuit in (idle, excited):
        _measure(circuit, batch)
    zeros, ones = bench.run([idle, excited])
    readings = []
    for bit, place in enumerate(batch):
        wrong_one, wrong_zero = share_of_ones(zeros, bit), 1 - share_of_ones(ones, bit)
        readings += [
            _share("prob_meas1_prep0", place, wrong_one),
            _share("prob_meas0_prep1", place, wrong_zero),
            _share("readout_error", place, (wrong_one + wrong_zero) / 2, 2 * SHOTS),
        ]
    return readings, []


def _share(parameter: str, place: Place, value: float, shots: int = SHOTS) -> Reading:
    # With few events the count's own deviation says too little; one more event of each kind is assumed.
    likely = (value * shots + 1) / (shots + 2)
    return Reading(parameter, place, value, math.sqrt(likely * (1 - likely) / shots))  # type: ignore[arg-type]


def _measure(circuit: QuantumCircuit, batch: Sequence[Place]) -> None:
    circuit.barrier()
    for bit, (qubit,) in enumerate(batch):
        circuit.measure(qubit, bit)


def measure_t1(bench: Bench, batch: Sequence[Place]) -> Found:
    """How long a 1 lasts: excite, wait, measure."""

    def one(circuit: QuantumCircuit, qubit: int, seconds: float) -> float:
        circuit.x(qubit)
        return _wait(bench, circuit, qubit, seconds)

    return _decays(bench, batch, "T1", one)


def measure_t2(bench: Bench, batch: Sequence[Place]) -> Found:
    """How long a superposition lasts with an echo in the middle, which takes out what is slow."""

    def one(circuit: QuantumCircuit, qubit: int, seconds: float) -> float:
        circuit.sx(qubit)
        waited = _wait(bench, circuit, qubit, seconds / 2)
        circuit.x(qubit)
        waited += _wait(bench, circuit, qubit, seconds / 2)
        circuit.sx(qubit)
        return waited

    return _decays(bench, batch, "T2", one)


def _wait(bench: Bench, circuit: QuantumCircuit, qubit: int, seconds: float) -> float:
    """A delay that the device's clock can tell; its real length."""
    dt: float | None = bench.device.target.dt
    if not seconds:
        return 0.0
    if not dt:
        circuit.delay(seconds, qubit, unit="s")
        return seconds
    # Multiples of 16 ticks suit every device's alignment.
    ticks = max(round(seconds / dt / 16), 1) * 16
    circuit.delay(ticks, qubit, unit="dt")
    return ticks * dt


def _decays(
    bench: Bench,
    batch: Sequence[Place],
    parameter: str,
    one: Callable[[QuantumCircuit, int, float], float],
) -> Found:
    circuits = []
    times: dict[Place, list[float]] = {place: [] for place in batch}
    for step in STEPS:
        circuit = bench.circuit(len(batch))
        for place in batch:
            seconds = step * bench.expected(parameter, place)
            times[place].append(one(circuit, place[0], seconds))
        _measure(circuit, batch)
        circuits.append(circuit)
    counts = bench.run(circuits)
    readings, failures = [], []
    for bit, place in enumerate(batch):
        ones = [share_of_ones(each, bit) for each in counts]
        try:
            readings.append(_reading(parameter, place, lifetime(times[place], ones, SHOTS)))
        except NoFit as why:
            failures.append(Failure(parameter, place, str(why)))  # type: ignore[arg-type]
    return readings, failures


def _reading(parameter: str, place: Place, found: Fitted) -> Reading:
    return Reading(parameter, place, found.value, found.deviation)  # type: ignore[arg-type]
