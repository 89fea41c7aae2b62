"""Limits are told before anything is simulated."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import LIMITS, Listener, Runner
from tests.programs.payloads import decoded, estimator_params, form, npy, packed, sampler_params


def limited(**changes: int) -> Any:
    return msgspec.structs.replace(LIMITS, **changes)


def ghz(qubits: int, *, clifford: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for target in range(1, qubits):
        circuit.cx(target - 1, target)
    if not clifford:
        circuit.t(0)
    circuit.measure_all()
    return circuit


def refused(run: Runner, code: int, *args: Any, **changes: Any) -> str:
    with pytest.raises(ProgramError) as caught:
        run(*args, **changes)
    assert caught.value.code == code
    return caught.value.message


def test_it_refuses_shots_outside_the_range(run: Runner, bell: QuantumCircuit, listener: Listener) -> None:
    told = refused(run, Code.SHOTS_MAXIMUM, "sampler", sampler_params([(bell, None, 20_001)]))
    assert "20001" in told
    assert "20000" in told
    refused(run, Code.SHOTS_MAXIMUM, "estimator", estimator_params([(bell, "IIIIIZZ", None, 0.001)]))
    assert "executing" not in listener.phases


def test_it_refuses_too_many_pubs(run: Runner, bell: QuantumCircuit) -> None:
    params = sampler_params([(bell, None, 1)] * 3)
    refused(run, Code.TOO_MANY_PUBS, "sampler", params, limits=limited(max_pubs=2))


def test_it_counts_active_qubits_only(run: Runner, device_called: Any, bell: QuantumCircuit) -> None:
    wide = QuantumCircuit(127)
    wide.x(5)
    wide.measure_all()
    data = decoded(run("sampler", sampler_params([(wide, None, 20)]), device_called("demo_brisbane")))[0].data
    assert data.meas.num_bits == 127
    told = refused(
        run, Code.TOO_MANY_QUBITS, "sampler", sampler_params([(bell,)]), limits=limited(max_qubits=1)
    )
    assert "2 qubits" in told


def test_it_refuses_too_many_gates_and_too_much_work(run: Runner, bell: QuantumCircuit) -> None:
    refused(run, Code.TOO_MANY_GATES, "sampler", sampler_params([(bell,)]), limits=limited(max_gates=3))
    told = refused(
        run, Code.TOO_MUCH_WORK, "sampler", sampler_params([(bell,)] * 3), limits=limited(max_work=9000)
    )
    assert "12288" in told


def test_it_refuses_a_state_that_does_not_fit(run: Runner, device_called: Any) -> None:
    simulator, limits = device_called("ibmq_qasm_simulator"), limited(max_qubits=32, memory_bytes=1 << 20)
    params = sampler_params([(ghz(17, clifford=False), None, 5)])
    assert "2 MB" in refused(run, Code.MEMORY, "sampler", params, simulator, limits=limits)
    assert decoded(run("sampler", sampler_params([(ghz(30), None, 5)]), simulator, limits=limits))


def test_it_refuses_a_result_over_the_size_limit(run: Runner, bell: QuantumCircuit) -> None:
    params = sampler_params([(bell, None, 5000)])
    refused(run, Code.RESULT_SIZE, "sampler", params, limits=limited(max_result_bytes=100))


def test_it_refuses_broadcasts_to_enormous_shapes(run: Runner, device_called: Any) -> None:
    tree = msgspec.json.decode(sampler_params([(QuantumCircuit(1), None, 1)]))
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 100000, 0)}"
    tree["pubs"][0][1] = form("ndarray", packed(npy(header)))
    refused(
        run, Code.RESULT_SHAPE, "sampler", msgspec.json.encode(tree), device_called("ibmq_qasm_simulator")
    )


def test_it_samples_qubits_apart_with_the_right_frequencies(run: Runner, device_called: Any) -> None:
    guadalupe = device_called("demo_guadalupe")
    circuit = QuantumCircuit(16)
    for qubit in range(0, 16, 2):
        circuit.x(qubit)
    circuit.cx(0, 1)
    circuit.measure_all()
    params = sampler_params([(circuit, None, 4000)], simulator={"seed_simulator": 3})
    bits = decoded(run("sampler", params, guadalupe))[0].data.meas.to_bool_array(order="little").mean(axis=0)
    assert isinstance(guadalupe.backend, AerSimulator)
    wanted = np.array([1, 1, *[1, 0] * 7])
    assert np.abs(bits - wanted).max() < 0.12
    assert np.abs(bits - wanted).min() > 0


def test_it_keeps_correlations_when_it_samples_apart(run: Runner, device_called: Any) -> None:
    circuit = QuantumCircuit(16)
    circuit.rz(np.pi / 2, 0)
    circuit.sx(0)
    circuit.rz(np.pi / 2, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    params = sampler_params([(circuit, None, 2000)])
    bits = decoded(run("sampler", params, device_called("demo_guadalupe")))[0].data.meas
    pair = bits.to_bool_array(order="little")[:, :2]
    assert (pair[:, 0] == pair[:, 1]).mean() > 0.9
    assert 0.4 < pair[:, 0].mean() < 0.6
