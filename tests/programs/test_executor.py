"""The executor: programs prepared and finished by the client's own code."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit_ibm_runtime.decoders.executor.decoder import ExecutorResultDecoder
from qiskit_ibm_runtime.decoders.executor_estimator.decoder import ClientSideEstimatorDecoder
from qiskit_ibm_runtime.decoders.executor_sampler.decoder import ClientSideSamplerResultDecoder
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.options_models import EstimatorOptions, ExecutorOptions, SamplerOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import Listener, Runner
from tests.programs.payloads import executor_params


@pytest.fixture
def program(measured: QuantumCircuit, angles: Any) -> QuantumProgram:
    """Two parameter sets of the ansatz, 10 shots each."""
    made = QuantumProgram(shots=10, passthrough_data={"a": np.array([1.5, 2]), "b": [1, None, "x", True]})
    made.append_circuit_item(measured, circuit_arguments=np.stack([angles, angles]))
    return made


def result_of(body: bytes) -> Any:
    return ExecutorResultDecoder.decode(body.decode())


def test_it_answers_arrays_timing_and_what_passes_through(run: Runner, program: QuantumProgram) -> None:
    params = executor_params(program, role="someone's own")
    body = run("executor", params)
    result = result_of(body)
    assert result[0]["meas"].shape == (2, 10, 5)
    assert result[0]["meas"].dtype == bool
    assert np.array_equal(result.passthrough_data["a"], [1.5, 2])
    assert result.passthrough_data["b"] == [1, None, "x", True]
    assert result._semantic_role == "someone's own"
    sent, got = json.loads(params)["quantum_program"], json.loads(body)
    assert got["passthrough_data"] == sent["passthrough_data"]
    assert not got["metadata"]["chunk_timing"][0]["start"].endswith(("Z", "+00:00"))
    assert [part.size for span in result.timing for part in span.parts] == [2]


def test_it_puts_classical_bit_i_at_index_i(run: Runner) -> None:
    circuit = QuantumCircuit(7)
    circuit.add_register(ClassicalRegister(3, "c"))
    circuit.x(0)
    circuit.measure([0, 1, 2], [2, 1, 0])
    made = QuantumProgram(shots=200)
    made.append_circuit_item(circuit)
    bits = result_of(run("executor", executor_params(made)))[0]["c"].mean(axis=0)
    assert bits[2] > 0.8
    assert max(bits[:2]) < 0.2


def test_it_runs_in_chunks_of_the_wished_size(
    run: Runner, measured: QuantumCircuit, angles: Any, listener: Listener
) -> None:
    made = QuantumProgram(shots=5)
    values = np.stack([angles] * 6).reshape(2, 3, -1)
    made.append_circuit_item(measured, circuit_arguments=values, chunk_size=4)
    made.append_circuit_item(measured, circuit_arguments=values, chunk_size=6)
    body = run("executor", executor_params(made))
    result = result_of(body)
    assert result[0]["meas"].shape == (2, 3, 5, 5)
    parts = [span["parts"][0] for span in json.loads(body)["metadata"]["chunk_timing"]]
    assert [(part["idx_item"], part["element_range"]) for part in parts] == [
        (0, [0, 4, 1]), (0, [4, 6, 1]), (1, [0, 6, 1]),
    ]  # fmt: skip
    assert listener.steps == [(1, 2), (2, 2)]


def test_it_repeats_a_program_of_the_same_seed_whatever_the_chunks(
    run: Runner, measured: QuantumCircuit, angles: Any
) -> None:
    found = []
    for size in (None, 2):
        made = QuantumProgram(shots=20)
        made.append_circuit_item(measured, circuit_arguments=np.stack([angles] * 4), chunk_size=size)
        found.append(result_of(run("executor", executor_params(made), seed=5))[0]["meas"])
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    "options", [{}, {"twirling": {"enable_gates": True, "enable_measure": True}}], ids=str
)
def test_it_serves_the_client_side_sampler(
    run: Runner, bell: QuantumCircuit, measured: QuantumCircuit, angles: Any, options: dict[str, Any]
) -> None:
    pubs = [(bell, None, 500), (measured, [angles, angles], 500)]
    made, executor_options = prepare_sampler(pubs, SamplerOptions(**options))
    result = result_of(run("executor", executor_params(made, executor_options, "sampler_v2"), seed=3))
    done = ClientSideSamplerResultDecoder.decode(result)
    found = done[0].data.c.get_counts()
    assert found["00"] + found["11"] > 0.8 * sum(found.values())
    assert done[1].data.shape == (2,)
    assert done[0].metadata["circuit_metadata"] == {"note": "kept"}


@pytest.mark.parametrize("level", [0, 1, 2])
def test_it_serves_the_client_side_estimator(run: Runner, level: int) -> None:
    circuit = QuantumCircuit(7)
    circuit.x(0)
    circuit.cx(0, 1)
    options = EstimatorOptions(resilience_level=level, default_shots=1024)
    made, executor_options = prepare_estimator([(circuit, ["IIIIIIZ", "IIIIIZZ"])], options)
    result = result_of(run("executor", executor_params(made, executor_options, "estimator_v2"), seed=3))
    done = ClientSideEstimatorDecoder.decode(result)
    assert np.allclose(done[0].data.evs, [-1, 1], atol=0.2)


def test_it_serves_wide_devices_whose_qubits_are_all_measured(run: Runner, device_called: Any) -> None:
    circuit = QuantumCircuit(27)
    circuit.x(0)
    circuit.cx(0, 1)
    options = EstimatorOptions(default_shots=256)
    made, executor_options = prepare_estimator([(circuit, "I" * 25 + "ZZ")], options)
    params = executor_params(made, executor_options, "estimator_v2")
    result = result_of(run("executor", params, device_called("demo_kolkata")))
    assert result[0]["_meas"].shape[-1] == 27
    done = ClientSideEstimatorDecoder.decode(result)
    assert abs(done[0].data.evs - 1) < 0.2


def test_it_gives_random_bits_and_real_twirls_in_a_dry_run(run: Runner, bell: QuantumCircuit) -> None:
    made, _ = prepare_sampler([(bell, None, 64)], SamplerOptions(twirling={"enable_measure": True}))
    body = run("executor", executor_params(made, role="sampler_v2"), dry_run=True)
    done = ClientSideSamplerResultDecoder.decode(result_of(body))
    assert done[0].data.c.num_shots == 64


@pytest.mark.parametrize(
    "change",
    [
        {"init_qubits": False},
        {"scheduler_timing": True},
        {"stretch_values": True},
        {"experimental": {"x": 1}},
    ],
    ids=str,
)
def test_it_refuses_by_name_what_it_does_not_do(
    run: Runner, program: QuantumProgram, change: dict[str, Any]
) -> None:
    tree = json.loads(executor_params(program))
    tree["options"].update(change)
    with pytest.raises(ProgramError, match=next(iter(change))) as caught:
        run("executor", json.dumps(tree).encode())
    assert caught.value.code == Code.OPTION_NOT_OFFERED


@pytest.mark.parametrize("level", ["kerneled", "avg_kerneled", "both"])
def test_it_refuses_other_measurement_levels(run: Runner, program: QuantumProgram, level: str) -> None:
    tree = json.loads(executor_params(program))
    tree["quantum_program"]["meas_level"] = level
    with pytest.raises(ProgramError, match=f"meas_level={level}"):
        run("executor", json.dumps(tree).encode())


def test_it_refuses_circuits_outside_the_basis(run: Runner) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    made = QuantumProgram(shots=5)
    made.append_circuit_item(circuit)
    with pytest.raises(ProgramError) as caught:
        run("executor", executor_params(made))
    assert caught.value.code == Code.NOT_IN_BASIS


def test_it_takes_a_repetition_delay_within_the_range(run: Runner, program: QuantumProgram) -> None:
    options = ExecutorOptions()
    options.execution.rep_delay = 50e-6
    assert result_of(run("executor", executor_params(program, options)))[0]["meas"].shape == (2, 10, 5)
    options.execution.rep_delay = 5
    with pytest.raises(ProgramError, match="rep_delay"):
        run("executor", executor_params(program, options))
