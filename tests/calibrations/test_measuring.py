"""What a calibration measures is what the device is like, within the errors it states (W9)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, SuperOp, average_gate_fidelity

from quantumsvc.backends.characterization import calibrate
from quantumsvc.backends.characterization.bench import batches
from quantumsvc.backends.characterization.fits import NoFit, layer_survival, lifetime
from quantumsvc.backends.characterization.mirror import (
    add_clifford,
    add_mirror,
    inverse,
    matrix_of,
    polarization,
    random_clifford,
)
from quantumsvc.backends.chipdata.properties import values_of
from quantumsvc.backends.chipdata.readings import Asked, Measured, Reading
from quantumsvc.backends.demo_devices import DemoDevice
from quantumsvc.backends.drivers import build_device
from quantumsvc.backends.drivers.base import Device, DeviceDocument, write_document
from quantumsvc.backends.drivers.drift import Truth, true_values
from quantumsvc.backends.programs.errors import ProgramError
from tests.programs.conftest import Listener
from tests.programs.conftest import _quiet_libraries as _quiet_libraries
from tests.programs.conftest import demo as demo
from tests.programs.conftest import listener as listener

STEP = 200
"""Of the drift: long enough that the chip is far from what its set says."""


@pytest.fixture(scope="module")
def truth(demo: dict[str, DemoDevice]) -> Truth:
    return Truth(seed=11, step=STEP, properties=demo["demo_manila"].properties)


@pytest.fixture(scope="module")
def device(demo: dict[str, DemoDevice], truth: Truth) -> Device:
    """A chip whose set is out of date: clients read what it was at the beginning."""
    row = demo["demo_manila"]
    document = DeviceDocument(
        row.name, row.driver, row.options, row.configuration, row.properties, truth=truth
    )
    return build_device(write_document(document)[1])


@pytest.fixture(scope="module")
def measured(device: Device) -> Measured:
    return calibrate(device, Asked(), Listener(), seed=5)


def pulls(measured: Measured, parameter: str, pairs: bool, true: Callable[[Reading], float]) -> list[float]:
    """How many standard deviations each value is off."""
    mine = [each for each in measured.readings if each.parameter == parameter]
    mine = [each for each in mine if (len(each.qubits) == 2) == pairs]
    return [(each.value - true(each)) / each.deviation for each in mine]


def error_of_gate(device: Device, gate: str, place: tuple[int, ...]) -> float:
    """One minus the average fidelity of what the simulator really does."""
    errors = device.backend.options.noise_model._local_quantum_errors[gate]
    return 1 - float(average_gate_fidelity(SuperOp(errors[place])))


def agrees(found: list[float], count: int) -> bool:
    """All values are there, none is far off, and they are not off to one side."""
    return len(found) == count and max(map(abs, found)) < 4.5 and abs(float(np.mean(found))) < 2


@pytest.mark.parametrize("parameter", ["T1", "T2"])
def test_it_measures_the_true_lifetimes(measured: Measured, truth: Truth, parameter: str) -> None:
    true = true_values(truth)
    assert agrees(pulls(measured, parameter, False, lambda each: true[each.key]), 5)


@pytest.mark.parametrize("parameter", ["readout_error", "prob_meas0_prep1", "prob_meas1_prep0"])
def test_it_measures_the_true_readout_errors(measured: Measured, truth: Truth, parameter: str) -> None:
    true = true_values(truth)
    found = pulls(measured, parameter, False, lambda each: true["readout_error", each.qubits])
    assert agrees(found, 5)


def test_it_measures_the_true_errors_of_pulses(measured: Measured, device: Device) -> None:
    found = pulls(measured, "gate_error", False, lambda each: error_of_gate(device, "sx", each.qubits))
    assert agrees(found, 5)


def test_it_measures_the_true_errors_of_gates(measured: Measured, device: Device) -> None:
    found = pulls(measured, "gate_error", True, lambda each: error_of_gate(device, "cx", each.qubits))
    assert agrees(found, 4)


def test_it_knows_more_than_the_set_did(measured: Measured, device: Device, truth: Truth) -> None:
    """Of a chip that has drifted, the measured lifetimes are nearer to the truth than the set's."""
    true, told = true_values(truth), values_of(device.properties)
    lifetimes = [each for each in measured.readings if each.parameter in ("T1", "T2")]
    new = [abs(math.log(each.value / true[each.key])) for each in lifetimes]
    old = [abs(math.log(told[each.key] / true[each.key])) for each in lifetimes]
    assert sum(new) < sum(old) / 2
    assert all(each.deviation < 0.2 * each.value for each in lifetimes), "its stated errors are small"


def test_it_states_errors_that_repeat(device: Device, truth: Truth) -> None:
    """Measured again and again, T1 of a qubit scatters as much as it says."""
    asked = Asked((0,), ("T1",))
    runs = [calibrate(device, asked, Listener(), seed=seed).readings[0] for seed in range(12)]
    scatter = float(np.std([each.value for each in runs], ddof=1))
    stated = float(np.mean([each.deviation for each in runs]))
    assert 0.4 < scatter / stated < 2.0


def test_it_repeats_a_seeded_run(device: Device) -> None:
    asked = Asked((1, 2), ("T1", "two_qubit"))
    first, second = (calibrate(device, asked, Listener(), seed=3) for _ in range(2))
    assert first == second
    assert first != calibrate(device, asked, Listener(), seed=4)


def test_it_measures_only_what_is_asked(device: Device) -> None:
    found = calibrate(device, Asked((1, 3), ("readout", "two_qubit")), Listener(), seed=1)
    assert {each.qubits for each in found.readings} == {(1,), (3,)}, "1 and 3 are not connected"
    assert not found.failures


def broken(device: Device, qubit: int) -> Device:
    """The same device, that refuses every circuit which touches one qubit."""
    return Device(**{**vars(device), "backend": Refusing(device.backend, qubit)})


class Refusing:
    def __init__(self, backend: Any, qubit: int) -> None:
        self.backend, self.qubit = backend, qubit

    def run(self, circuits: list[QuantumCircuit], **options: Any) -> Any:
        for circuit in circuits:
            if any(circuit.find_bit(bit).index == self.qubit for item in circuit.data for bit in item.qubits
                   if item.operation.name != "barrier"):  # fmt: skip
                raise ProgramError(5204, "the control of this qubit is off")
        return self.backend.run(circuits, **options)


def test_it_leaves_out_what_the_device_refuses(device: Device, listener: Listener) -> None:
    found = calibrate(broken(device, 4), Asked((), ("T1",)), listener, seed=1)
    assert [each.qubits for each in found.readings] == [(0,), (1,), (2,), (3,)]
    assert [(each.qubits, each.experiment) for each in found.failures] == [((4,), "T1")]
    assert any(level == "WARNING" and "control of this qubit" in text for level, text in listener.lines)


def test_it_fails_when_nothing_can_be_measured(device: Device, listener: Listener) -> None:
    with pytest.raises(ProgramError, match="Nothing could be measured: the control"):
        calibrate(broken(device, 4), Asked((4,), ("T1", "readout")), listener, seed=1)


# --- Parts ---


def test_it_fits_no_lifetime_to_what_does_not_decay() -> None:
    random = np.random.default_rng(1)
    times = [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(NoFit):
        lifetime(times, list(random.normal(0.5, 0.01, 4)), 2000)
    with pytest.raises(NoFit):
        layer_survival([2, 2, 20, 20], [0.01, 0.02, 0.0, 0.01], 0.01)


def test_it_fits_a_lifetime_however_readout_shifts_it() -> None:
    times = list(np.linspace(0, 300e-6, 9))
    ones = [0.04 + 0.9 * math.exp(-each / 80e-6) for each in times]
    found = lifetime(times, ones, 100_000)
    assert found.value == pytest.approx(80e-6, rel=1e-3)


def test_it_draws_cliffords_evenly() -> None:
    random = np.random.default_rng(2)
    seen = [canonical(matrix_of(random_clifford(random))) for _ in range(4_800)]
    counts = [seen.count(each) for each in set(seen)]
    assert len(counts) == 24
    assert 130 < min(counts) <= max(counts) < 275, "200 each, within five standard deviations"


def canonical(matrix: Any) -> tuple[complex, ...]:
    """The matrix without its phase: the first entry that is not zero made real."""
    flat = np.asarray(matrix).ravel()
    first = flat[int(np.argmax(np.abs(flat) > 0.1))]
    turned = np.round(flat * (abs(first) / first), 2) + 0.0
    return tuple(complex(each) for each in turned)


@pytest.mark.parametrize("number", range(8))
def test_it_undoes_each_clifford(number: int) -> None:
    turns = random_clifford(np.random.default_rng(number))
    circuit = QuantumCircuit(1)
    add_clifford(circuit, 0, turns)
    assert Operator(circuit).equiv(Operator(matrix_of(turns)))
    add_clifford(circuit, 0, inverse(turns))
    assert Operator(circuit).equiv(Operator(np.eye(2)))


@pytest.mark.parametrize("seed", range(6))
def test_it_knows_where_a_mirror_circuit_ends(seed: int, device: Device) -> None:
    from qiskit.quantum_info import Statevector

    from quantumsvc.backends.characterization.mirror import Pair

    random = np.random.default_rng(seed)
    matrix = np.asarray(device.target.operation_from_name("cx").to_matrix(), dtype=complex)
    for pair in (None, Pair("cx", (1, 0), matrix)):
        circuit = QuantumCircuit(2)
        place = pair.place if pair else (0,)
        target = add_mirror(circuit, place, pair, 5, random)
        probabilities = Statevector(circuit).probabilities_dict(list(place))
        assert probabilities[target] == pytest.approx(1.0)


def test_it_counts_polarization() -> None:
    assert polarization({"01": 100}, [0, 1], "01") == pytest.approx(1.0)
    assert polarization({"00": 25, "01": 25, "10": 25, "11": 25}, [0, 1], "01") == pytest.approx(0.0)
    assert polarization({"110": 100}, [1], "1") == pytest.approx(1.0)
    assert polarization({"100": 50, "110": 50}, [1], "1") == pytest.approx(0.0)


def test_it_keeps_pairs_apart_that_are_measured_together() -> None:
    line = {0: {1}, 1: {0, 2}, 2: {1, 3}, 3: {2, 4}, 4: {3, 5}, 5: {4}}
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    found = list(batches(pairs, 4, lambda qubit: line[qubit]))
    assert found == [[(0, 1), (3, 4)], [(1, 2), (4, 5)], [(2, 3)]]
    singles = [(number,) for number in range(6)]
    assert [len(batch) for batch in batches(singles, 4, lambda qubit: line[qubit])] == [4, 2]
