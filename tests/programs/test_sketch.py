"""What people are told of a job's inputs."""

import json
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter

from quantumsvc.backends.execution.sketches import (
    COLUMNS_MAX,
    GATES_MAX,
    OPTIONS_MAX,
    PUBS_MAX,
    SKETCH_BYTES_MAX,
    WIRES_MAX,
    Sketch,
    read_sketch,
)
from quantumsvc.backends.programs import run_program
from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import LIMITS, Listener, Shelf, task
from tests.programs.payloads import estimator_params, sampler_params, with_options


def told(program: str, params: bytes, **changes: Any) -> Sketch:
    """The sketch that a child would send; there is no device."""
    asked = task(program, only_told=True, **changes)
    body = run_program(asked, params, None, Listener(), Shelf())  # type: ignore[arg-type]
    assert len(body) <= SKETCH_BYTES_MAX
    return read_sketch(body)


def test_it_sets_gates_into_columns_on_the_wires_in_use(bell: QuantumCircuit) -> None:
    found = told("sampler", sampler_params([(bell, None, 100), (bell, None, None)], default_shots=7))
    (circuit,) = found.circuits
    assert (circuit.name, circuit.qubits, circuit.bits, circuit.wires) == ("bell", 7, 2, [0, 1])
    assert [(gate.column, gate.label, gate.rows, gate.bits) for gate in circuit.drawn] == [
        (0, "rz(1.571)", [0], ""),
        (1, "sx", [0], ""),
        (2, "rz(1.571)", [0], ""),
        (3, "cx", [0, 1], ""),
        (4, "measure", [0], "c[0]"),
        (4, "measure", [1], "c[1]"),
    ]
    assert circuit.counts == {"measure": 2, "rz": 2, "cx": 1, "sx": 1}
    assert [(pub.circuit, pub.amount) for pub in found.pubs] == [(0, "100 shots"), (0, "default")]
    assert json.loads(found.options)["default_shots"] == 7


def test_it_tells_observables_and_parameters(ansatz: QuantumCircuit, angles: Any) -> None:
    paulis = [[{"ZZIIIII": 0.5, "XIIIIII": 1.0, "YIIIIII": 1.0, "IZIIIII": 2.0}]]
    found = told("estimator", estimator_params([(ansatz, paulis, np.tile(angles, (4, 1)), 0.01)]))
    assert found.circuits[0].parameters == ansatz.num_parameters
    (pub,) = found.pubs
    assert (pub.amount, pub.shape) == ("0.01 precision", "4")
    assert pub.observables.endswith("…")
    assert "0.5·ZZIIIII" in pub.observables


def test_it_bounds_whatever_is_large() -> None:
    wide = QuantumCircuit(40, name="w" * 500)
    for _ in range(200):
        for qubit in range(40):
            wide.rx(Parameter(f"{'p' * 300}{len(wide.data)}"), qubit)
    values = np.zeros((1, wide.num_parameters))
    params = sampler_params([(wide, values, 10)] * (PUBS_MAX + 5))
    limits = {"limits": LIMITS.__class__(**{**_fields(LIMITS), "max_gates": 100_000, "max_pubs": 100})}
    found = told("sampler", with_options(params, note="n" * 20_000), **limits)
    (circuit,) = found.circuits
    assert (len(circuit.wires), circuit.is_cut) == (WIRES_MAX, True)
    assert len(circuit.drawn) <= GATES_MAX
    assert max(gate.column for gate in circuit.drawn) < COLUMNS_MAX
    assert (len(found.pubs), found.pub_count) == (PUBS_MAX, PUBS_MAX + 5)
    assert len(found.options) <= OPTIONS_MAX


def _fields(limits: Any) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.__struct_fields__}


def test_it_names_blocks_of_control_flow_without_drawing_them() -> None:
    circuit = QuantumCircuit(2)
    circuit.add_register(ClassicalRegister(1, "c"))
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    found = told("sampler", sampler_params([(circuit, None, 10)])).circuits[0]
    assert [gate.name for gate in found.drawn] == ["measure", "if_else"]
    assert found.drawn[1].bits == "c[0]"


@pytest.mark.parametrize("params", [b"[]", b'{"pubs":[["no circuit"]]}', b"[" * 100_000])
def test_it_refuses_what_it_can_not_read(params: bytes) -> None:
    with pytest.raises(ProgramError) as refused:
        told("sampler", params)
    assert refused.value.code in set(Code)
