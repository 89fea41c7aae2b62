"""Seeded jobs give what the field's primitives give directly on the same simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeGuadalupeV2, FakeNairobiV2

from tests.programs.conftest import Runner
from tests.programs.payloads import decoded, estimator_params, sampler_params

SEED = 11
TERMS = ["IIIIIZZ", "IIIIZZI", "IIIIIIX", "IIIXIII", "IIIIIII"]


@pytest.fixture(scope="module")
def direct() -> AerSimulator:
    """The simulator a user would make of the same chip."""
    return AerSimulator.from_backend(FakeNairobiV2())


def test_it_samples_several_pubs_as_one_direct_run_does(
    run: Runner, direct: AerSimulator, measured: QuantumCircuit, bell: QuantumCircuit, angles: Any
) -> None:
    pubs = [(measured, np.array([angles, angles * 2, angles]), 200), (bell, None, 200), (bell, None, 77)]
    got = decoded(run("sampler", sampler_params(pubs, simulator={"seed_simulator": SEED})))
    wanted = BackendSamplerV2(backend=direct, options={"seed_simulator": SEED}).run(pubs).result()
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.data.keys() == theirs.data.keys()
        assert all(np.array_equal(ours.data[name].array, theirs.data[name].array) for name in ours.data)


def test_it_estimates_several_pubs_as_one_direct_run_does(
    run: Runner, direct: AerSimulator, ansatz: QuantumCircuit, angles: Any
) -> None:
    observable = SparsePauliOp(TERMS, [1, 2, 0.5, -1, 3])
    table = [["IIIIIZZ"], ["IIIIIXX"]]
    pubs = [
        (ansatz, observable, angles),
        (ansatz, table, [angles, angles * 3]),
        (ansatz, "IIIIIZI", angles, 0.1),
    ]
    options = {"resilience_level": 0, "simulator": {"seed_simulator": SEED}}
    got = decoded(run("estimator", estimator_params(pubs, **options)))
    wanted = BackendEstimatorV2(backend=direct, options={"seed_simulator": SEED}).run(pubs).result()
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.data.evs.shape == theirs.data.evs.shape
        assert np.array_equal(ours.data.evs, theirs.data.evs)
        assert np.array_equal(ours.data.stds, theirs.data.stds)
        assert ours.metadata["shots"] == theirs.metadata["shots"]


def test_it_takes_the_precision_of_default_shots_exactly(
    run: Runner, ansatz: QuantumCircuit, angles: Any
) -> None:
    for shots in (1, 7, 1000, 4095, 4097, 10007):
        params = estimator_params([(ansatz, "IIIIIZZ", angles)], resilience_level=0, default_shots=shots)
        assert decoded(run("estimator", params))[0].metadata["shots"] == shots


def test_it_repeats_a_twirled_job_of_the_same_seed(
    run: Runner, measured: QuantumCircuit, ansatz: QuantumCircuit, angles: Any
) -> None:
    sampler = sampler_params(
        [(measured, angles, 100)], twirling={"enable_measure": True}, simulator={"seed_simulator": SEED}
    )
    one, two = (decoded(run("sampler", sampler))[0].data.meas.array for _ in range(2))
    assert np.array_equal(one, two)
    estimator = estimator_params([(ansatz, "IIIIIZZ", angles)], seed_estimator=SEED, default_shots=256)
    first, second = (decoded(run("estimator", estimator))[0].data.evs for _ in range(2))
    assert first == second


def test_it_uses_the_service_seed_only_when_the_user_sets_none(run: Runner, bell: QuantumCircuit) -> None:
    def bits(params: bytes, seed: int | None) -> Any:
        return decoded(run("sampler", params, seed=seed))[0].data.c.array

    plain, seeded = sampler_params([(bell,)]), sampler_params([(bell,)], simulator={"seed_simulator": SEED})
    assert np.array_equal(bits(plain, SEED), bits(seeded, 99))
    assert not np.array_equal(bits(plain, SEED), bits(plain, 99))


def test_it_loses_nothing_by_leaving_out_the_noise_of_unused_qubits(run: Runner, device_called: Any) -> None:
    circuit = QuantumCircuit(16, 16)
    circuit.sx(1)
    circuit.cx(1, 2)
    circuit.delay(8000, 3)
    circuit.sx(3)
    for qubit in (1, 2, 3):
        circuit.measure(qubit, qubit)
    params = sampler_params([(circuit, None, 500)], simulator={"seed_simulator": SEED})
    got = decoded(run("sampler", params, device_called("demo_guadalupe")))
    simulator = AerSimulator.from_backend(FakeGuadalupeV2())
    wanted = BackendSamplerV2(backend=simulator, options={"seed_simulator": SEED}).run([circuit], shots=500)
    assert np.array_equal(got[0].data.c.array, wanted.result()[0].data.c.array)
