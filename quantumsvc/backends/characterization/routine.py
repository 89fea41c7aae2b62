"""The standard calibration: every experiment, batch after batch, keeping what can't be measured apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from qiskit.exceptions import QiskitError

from quantumsvc.backends.characterization.bench import Bench, Place, batches
from quantumsvc.backends.characterization.lifetimes import Found, measure_readout, measure_t1, measure_t2
from quantumsvc.backends.characterization.mirror import Pair, measure_pairs, measure_single
from quantumsvc.backends.chipdata.readings import EXPERIMENTS, Asked, Experiment, Failure, Measured, Reading
from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.ports import Reporter

PAIR_GATES = ("cx", "ecr", "cz")
"""Gates between two qubits that can be measured here: each undoes itself."""
PULSE_GATES = ("sx", "x", "rz")

Measure = Callable[[Sequence[Place]], Found]


def calibrate(device: Device, asked: Asked, reporter: Reporter, seed: int | None = None) -> Measured:
    """Measure what is asked. Raises ``ProgramError`` if nothing could be measured.

    A batch that the device refuses, or a decay that tells nothing, leaves its qubits out; the rest goes on.
    """
    return Routine(device, asked, reporter, seed).run()


class Routine:
    """One calibration in progress."""

    def __init__(self, device: Device, asked: Asked, reporter: Reporter, seed: int | None) -> None:
        self.bench = Bench(device, seed)
        self.asked = asked
        self.reporter = reporter
        self.neighbours = _neighbours(device)
        self.pairs = _pairs(device, set(asked.qubits))
        self.readings: list[Reading] = []
        self.failures: list[Failure] = []
        self.done = 0

    def run(self) -> Measured:
        """Experiment after experiment."""
        missing = [gate for gate in PULSE_GATES if gate not in self.bench.device.target]
        if missing:
            raise ProgramError(
                Code.BAD_DEVICE,
                f"The standard calibration needs the gates {', '.join(missing)} of the device",
            )
        wanted = [each for each in EXPERIMENTS if each in (self.asked.experiments or EXPERIMENTS)]
        plan = [(each, batch) for each in wanted for batch in self._batches(each)]
        self.reporter.log("INFO", f"{len(plan)} batches of {', '.join(wanted)}")
        for experiment, batch in plan:
            self._measure(experiment, batch)
            self.done += 1
            self.reporter.progress(self.done, len(plan))
        if not self.readings:
            why = self.failures[0].reason if self.failures else "there was nothing to measure"
            raise ProgramError(Code.JOB_FAILED, f"Nothing could be measured: {why}")
        self._tell(wanted)
        return Measured(self.readings, self.failures)

    def _batches(self, experiment: Experiment) -> list[list[Place]]:
        if experiment == "two_qubit":
            places = list(self.pairs)
        else:
            places = [(qubit,) for qubit in self.asked.qubits or range(self.bench.device.num_qubits)]
        return list(batches(places, self.bench.together, lambda qubit: self.neighbours[qubit]))

    def _measure(self, experiment: Experiment, batch: list[Place]) -> None:
        measures: dict[Experiment, Measure] = {
            "readout": lambda places: measure_readout(self.bench, places),
            "T1": lambda places: measure_t1(self.bench, places),
            "T2": lambda places: measure_t2(self.bench, places),
            "single_qubit": lambda places: measure_single(self.bench, places),
            "two_qubit": lambda places: measure_pairs(self.bench, places, self.pairs),
        }
        try:
            readings, failures = measures[experiment](batch)
        except (ProgramError, QiskitError) as error:
            readings, failures = [], [Failure(experiment, place, str(error)[:300]) for place in batch]
        self.readings += readings
        self.failures += failures
        self.bench.known |= {reading.key: reading.value for reading in readings}
        for failure in failures:
            where = ", ".join(map(str, failure.qubits))
            self.reporter.log("WARNING", f"{experiment} of {where}: {failure.reason}")

    def _tell(self, wanted: Sequence[Experiment]) -> None:
        failed = len(self.failures)
        self.reporter.log(
            "INFO", f"{len(self.readings)} values measured, {failed} not, by {', '.join(wanted)}"
        )


def _pairs(device: Device, only: set[int]) -> dict[Place, Pair]:
    """One gate for each connected pair; of a pair that has it in both directions, one direction."""
    found: dict[Place, Pair] = {}
    for gate in PAIR_GATES:
        if gate not in device.target:
            continue
        matrix = np.asarray(device.target.operation_from_name(gate).to_matrix(), dtype=complex)
        for place in sorted(device.target.qargs_for_operation_name(gate) or ()):
            known = {tuple(sorted(each)) for each in found}
            if tuple(sorted(place)) not in known and (not only or only.issuperset(place)):
                found[tuple(place)] = Pair(gate, tuple(place), matrix)
    return found


def _neighbours(device: Device) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    coupling = device.target.build_coupling_map()
    for first, second in coupling.get_edges() if coupling is not None else ():
        found[first].add(second)
        found[second].add(first)
    return found
