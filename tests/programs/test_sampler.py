"""The sampler through the client's own forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray, PrimitiveResult, SamplerPubResult
from qiskit_ibm_runtime.execution_span import DoubleSliceSpan, ExecutionSpans, TwirledSliceSpanV2

from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import Listener, Runner, Shelf
from tests.programs.payloads import decoded, sampler_params


def test_it_answers_bits_by_register_with_metadata_and_spans(
    run: Runner, bell: QuantumCircuit, measured: QuantumCircuit, angles: Any
) -> None:
    result = decoded(
        run("sampler", sampler_params([(bell, None, 300), (measured, [[angles], [angles]], 50)]))
    )
    assert isinstance(result, PrimitiveResult)
    assert all(isinstance(item, SamplerPubResult) for item in result)
    assert isinstance(result[0].data.c, BitArray)
    assert (result[0].data.c.num_shots, result[0].data.c.num_bits) == (300, 2)
    assert result[0].metadata["circuit_metadata"] == {"note": "kept"}
    assert result[1].data.shape == (2, 1)
    assert result[1].data.meas.array.shape == (2, 1, 50, 1)
    spans = result.metadata["execution"]["execution_spans"]
    assert isinstance(spans, ExecutionSpans)
    assert all(isinstance(span, DoubleSliceSpan) for span in spans)
    assert spans.pub_idxs == [0, 1]
    assert spans[1].mask(1).shape == (2, 1, 50)
    assert spans[1].mask(1).all()
    assert spans.start <= spans.stop
    assert result.metadata["version"] == 2


def test_it_sees_the_bell_pair_through_the_noise(run: Runner, bell: QuantumCircuit) -> None:
    counts = decoded(run("sampler", sampler_params([(bell, None, 4000)], simulator={"seed_simulator": 1})))
    found = counts[0].data.c.get_counts()
    assert found["00"] + found["11"] > 3400
    assert found.get("01", 0) + found.get("10", 0) > 40


def test_it_reports_phases_and_each_pub(run: Runner, bell: QuantumCircuit, listener: Listener) -> None:
    run("sampler", sampler_params([(bell,), (bell,), (bell,)], default_shots=10))
    assert listener.phases == ["preparing", "executing", "finishing"]
    assert listener.steps == [(1, 3), (2, 3), (3, 3)]


def test_it_takes_shots_from_the_pub_then_the_option_then_4096(run: Runner, bell: QuantumCircuit) -> None:
    result = decoded(run("sampler", sampler_params([(bell, None, 10), (bell,)], default_shots=20)))
    assert [item.data.c.num_shots for item in result] == [10, 20]
    assert decoded(run("sampler", sampler_params([(bell,)])))[0].data.c.num_shots == 4096


def test_it_runs_control_flow_and_mid_circuit_measurement(run: Runner, device_called: Any) -> None:
    for name in ("demo_nairobi", "ibmq_qasm_simulator"):
        circuit = _teleported_one(x_only=True)
        result = decoded(run("sampler", sampler_params([(circuit, None, 400)]), device_called(name)))
        assert set(dict(result[0].data)) == {"mid", "end"}
        found = result[0].data.end.get_counts()
        assert found.get("1", 0) > 320, (name, found)


def _teleported_one(*, x_only: bool) -> QuantumCircuit:
    """Measures a qubit in |1>, and flips the second when it read 1, inside a loop and a condition."""
    mid, end = ClassicalRegister(1, "mid"), ClassicalRegister(1, "end")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), mid, end)
    circuit.x(0)
    circuit.measure(0, mid[0])
    with circuit.if_test((mid, 1)):
        circuit.x(1)
    with circuit.for_loop(range(2)):
        circuit.x(0)
    circuit.measure(1, end[0])
    return circuit


def test_it_keeps_registers_apart_and_in_order(run: Runner, device_called: Any) -> None:
    one, two = ClassicalRegister(3, "one"), ClassicalRegister(9, "two")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), one, two)
    circuit.x(0)
    circuit.measure([0, 1, 2], [one[2], one[1], one[0]])
    circuit.measure(0, two[8])
    data = decoded(
        run("sampler", sampler_params([(circuit, None, 5)]), device_called("ibmq_qasm_simulator"))
    )[0].data
    assert list(data) == ["one", "two"]
    assert data.one.get_counts() == {"100": 5}
    assert data.two.get_counts() == {"100000000": 5}


@pytest.mark.parametrize(
    ("twirling", "executed"),
    [
        ({"enable_gates": True}, (4, 64)),
        ({"enable_measure": True}, (4, 64)),
        ({"enable_gates": True, "enable_measure": True, "num_randomizations": 5}, (5, 40)),
        ({"enable_gates": True, "shots_per_randomization": 30, "strategy": "all"}, (7, 30)),
        ({"enable_measure": True, "num_randomizations": 3, "shots_per_randomization": 10}, (20, 10)),
    ],
)
def test_it_twirls_and_gives_just_the_shots_that_a_pub_asked_for(
    run: Runner, measured: QuantumCircuit, angles: Any, twirling: dict[str, Any], executed: tuple[int, int]
) -> None:
    params = sampler_params([(measured, [angles, angles], 200)], twirling=twirling)
    result = decoded(run("sampler", params))
    assert result[0].data.meas.array.shape == (2, 200, 1)
    assert result[0].metadata["num_randomizations"] == executed[0]
    spans = result.metadata["execution"]["execution_spans"]
    assert isinstance(spans[0], TwirledSliceSpanV2)
    assert spans[0].mask(0).shape == (2, 200)
    assert spans[0].size == 2 * executed[0] * executed[1]


def test_it_lets_the_product_of_both_twirling_options_replace_default_shots(
    run: Runner, bell: QuantumCircuit
) -> None:
    twirling = {"enable_measure": True, "num_randomizations": 4, "shots_per_randomization": 25}
    result = decoded(run("sampler", sampler_params([(bell,)], twirling=twirling, default_shots=999)))
    assert result[0].data.c.num_shots == 100


def test_it_twirls_without_changing_what_is_measured(run: Runner, bell: QuantumCircuit) -> None:
    options: dict[str, Any] = {"enable_gates": True, "enable_measure": True}
    found = decoded(run("sampler", sampler_params([(bell, None, 2000)], twirling=options)))[
        0
    ].data.c.get_counts()
    assert found["00"] + found["11"] > 1650
    assert found["00"] > 700
    assert found["11"] > 700


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
def test_it_decouples_idle_qubits(run: Runner, bell: QuantumCircuit, sequence: str) -> None:
    options: dict[str, Any] = {"enable": True, "sequence_type": sequence, "skip_reset_qubits": True}
    params = sampler_params([(bell, None, 500)], dynamical_decoupling=options)
    found = decoded(run("sampler", params))[0].data.c.get_counts()
    assert found["00"] + found["11"] > 400


def test_it_refuses_decoupling_of_circuits_that_branch(run: Runner) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    with pytest.raises(ProgramError) as caught:
        run("sampler", sampler_params([(circuit,)], dynamical_decoupling={"enable": True}))
    assert caught.value.code == Code.OPTIONS_CONFLICT


def test_it_reads_and_checks_a_repeated_circuit_once_per_session(
    run: Runner, measured: QuantumCircuit, angles: Any
) -> None:
    cache, params = Shelf(), sampler_params([(measured, angles, 10)])
    for _ in range(3):
        run("sampler", params, cache=cache)
    assert cache.made == 1


def test_it_accepts_pubs_without_registers_and_without_parameter_sets(
    run: Runner, measured: QuantumCircuit
) -> None:
    nothing = QuantumCircuit(7)
    nothing.sx(0)
    empty = np.zeros((0, measured.num_parameters))
    result = decoded(run("sampler", sampler_params([(nothing, None, 5), (measured, empty, 5)])))
    assert list(result[0].data) == []
    assert result[1].data.meas.array.shape == (0, 5, 1)


def test_it_gives_random_bits_of_the_right_shape_in_a_dry_run(
    run: Runner, measured: QuantumCircuit, angles: Any
) -> None:
    params = sampler_params([(measured, [angles] * 3, 40)], simulator={"seed_simulator": 4})
    one, two = (decoded(run("sampler", params, dry_run=True))[0].data.meas for _ in range(2))
    assert one.array.shape == (3, 40, 1)
    assert np.array_equal(one.array, two.array)
    assert len(one.get_counts()) > 10


@pytest.mark.parametrize("name", ["class", "not a name", "1st"])
def test_it_refuses_registers_that_cannot_name_a_field(run: Runner, name: str) -> None:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, name))
    circuit.measure(0, 0)
    with pytest.raises(ProgramError, match="name a result field") as caught:
        run("sampler", sampler_params([(circuit,)]))
    assert caught.value.code == Code.BAD_PUB


def test_it_runs_library_gates_on_a_simulator_only(run: Runner, device_called: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.mcx([0, 1], 2)
    circuit.ry(Parameter("a"), 0)
    circuit.measure_all()
    params = sampler_params([(circuit, [0.3], 20)])
    assert decoded(run("sampler", params, device_called("simulator_mps")))[0].data.meas.num_shots == 20
    with pytest.raises(ProgramError, match="Transpile the circuit for demo_nairobi") as caught:
        run("sampler", params)
    assert caught.value.code == Code.NOT_IN_BASIS
