"""Bombs, lies and foreign types end as clean failures, soon and in little memory."""

from __future__ import annotations

import base64
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit_ibm_runtime.decoders.executor.decoder import ExecutorResultDecoder
from qiskit_ibm_runtime.executor_sampler.prepare import prepare
from qiskit_ibm_runtime.options_models import SamplerOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import LIMITS, Runner
from tests.programs.payloads import executor_params, form, npy, packed, sampler_params

MIB = 1 << 20
Change = Callable[[dict[str, Any]], Any]


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def qpy_bytes(circuit: Any, version: int = 17) -> bytearray:
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=version)
    return bytearray(buffer.getvalue())


def qpy_with(at: int, value: int) -> bytes:
    raw = qpy_bytes(QuantumCircuit(1, 1))
    raw[at] = value
    return bytes(raw)


@contextmanager
def bounded() -> Iterator[None]:
    """Fails when the block takes long or much Python memory."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 60
    assert peak < 6 * LIMITS.max_inflated_bytes


BOMB = packed(bytes(1200 * MIB // 4))
VALUES: dict[str, tuple[Any, int]] = {
    "zlib bomb": (form("ndarray", BOMB), Code.INFLATES),
    "lying npy header": (
        form("ndarray", packed(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1073741824,)}"))),
        Code.BAD_VALUE,
    ),
    "enormous shape": (
        form(
            "ndarray", packed(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999)}"))
        ),
        Code.BAD_VALUE,
    ),
    "npz": (form("ndarray", packed(npz())), Code.BAD_VALUE),
    "pickle": (form("ndarray", packed(pickled())), Code.BAD_VALUE),
    "object type": (
        form("ndarray", packed(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"x" * 8))),
        Code.BAD_VALUE,
    ),
    "code in the header": (
        form("ndarray", packed(npy("{'descr': __import__('os').getcwd(), 'fortran_order': 0, 'shape': ()}"))),
        Code.BAD_VALUE,
    ),
    "not zlib": (form("ndarray", base64.b64encode(b"hello").decode()), Code.BAD_VALUE),
    "cut zlib": (form("ndarray", base64.b64encode(zlib.compress(b"a" * 99)[:-3]).decode()), Code.BAD_VALUE),
    "not base64": (form("ndarray", "§§§"), Code.BAD_VALUE),
    "settings": (form("settings", {}, __module__="os", __class__="system"), Code.BAD_TYPE),
    "operators settings": (
        form("settings", {}, __module__="qiskit.quantum_info.operators.operator", __class__="QuantumCircuit"),
        Code.BAD_TYPE,
    ),
    "_json": (form("_json", {}, __module__="x", __class__="y"), Code.BAD_TYPE),
    "to_json": (form("to_json", "{}"), Code.BAD_TYPE),
    "Result": (form("Result", {}), Code.BAD_TYPE),
    "spmatrix": (form("spmatrix", ""), Code.BAD_TYPE),
    "type without value": ({"__type__": "ndarray"}, Code.BAD_TYPE),
    "type that is no name": (form([], 1), Code.BAD_TYPE),  # type: ignore[arg-type]
    "text": ("abc", Code.BAD_PUB),
    "complex numbers": (form("ndarray", [form("complex", [1, 2])]), Code.BAD_VALUE),
    "too many numbers": ([[1.0, 2.0, 3.0]], Code.BAD_PUB),
    "ragged": ([[1.0], [1.0, 2.0]], Code.BAD_PUB),
    "infinite": (form("ndarray", [1e400] * 20), Code.BAD_JSON),
}


@pytest.mark.parametrize("name", VALUES)
def test_it_refuses_bad_parameter_values(
    run: Runner, measured: QuantumCircuit, angles: Any, name: str
) -> None:
    value, code = VALUES[name]
    tree = json.loads(sampler_params([(measured, angles)]))
    tree["pubs"][0][1] = value
    with bounded(), pytest.raises(ProgramError) as caught:
        run("sampler", json.dumps(tree).encode())
    assert caught.value.code == code


CIRCUITS: dict[str, tuple[Any, int]] = {
    "bomb": (form("QuantumCircuit", BOMB), Code.INFLATES),
    "old version": (form("QuantumCircuit", packed(qpy_with(6, 12))), Code.BAD_QPY),
    "future version": (form("QuantumCircuit", packed(qpy_with(6, 99))), Code.BAD_QPY),
    "other magic": (form("QuantumCircuit", packed(qpy_with(0, 0))), Code.BAD_QPY),
    "schedule": (form("QuantumCircuit", packed(qpy_with(19, 115))), Code.BAD_QPY),
    "empty": (form("QuantumCircuit", packed(b"")), Code.BAD_QPY),
    "garbage": (
        form("QuantumCircuit", packed(bytes(qpy_bytes(QuantumCircuit(1)))[:-20] + b"\xff" * 20)),
        Code.BAD_QPY,
    ),
    "cut": (form("QuantumCircuit", packed(bytes(qpy_bytes(QuantumCircuit(2)))[:-9])), Code.BAD_QPY),
    "two circuits": (
        form("QuantumCircuit", packed(bytes(qpy_bytes([QuantumCircuit(1)] * 2)))),
        Code.BAD_QPY,
    ),
    "too many qubits": (
        form("QuantumCircuit", packed(bytes(qpy_bytes(QuantumCircuit(20_000))))),
        Code.TOO_MANY_QUBITS,
    ),
    "other type": (form("Instruction", ""), Code.BAD_TYPE),
    "settings": (form("settings", {}), Code.BAD_TYPE),
    "text": ("a circuit", Code.BAD_TYPE),
    "broken OpenQASM": ("OPENQASM 3; qubit", Code.BAD_QPY),
    "no text": (form("QuantumCircuit", 3), Code.BAD_VALUE),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_it_refuses_bad_circuits(run: Runner, bell: QuantumCircuit, name: str) -> None:
    value, code = CIRCUITS[name]
    tree = json.loads(sampler_params([(bell,)]))
    tree["pubs"][0][0] = value
    with bounded(), pytest.raises(ProgramError) as caught:
        run("sampler", json.dumps(tree).encode())
    assert caught.value.code == code


def test_it_refuses_a_small_text_of_very_many_gates(run: Runner) -> None:
    circuit = QuantumCircuit(1)
    for _ in range(60_000):
        circuit.x(0)
    with bounded(), pytest.raises(ProgramError) as caught:
        run("sampler", sampler_params([(circuit,)]))
    assert caught.value.code == Code.TOO_MANY_GATES


def test_it_refuses_definitions_that_double_again_and_again(run: Runner, device_called: Any) -> None:
    inner = QuantumCircuit(1, name="g0")
    inner.x(0)
    for level in range(1, 11):
        outer = QuantumCircuit(1, name=f"g{level}")
        gate = inner.to_gate()
        outer.append(gate, [0])
        outer.append(gate, [0])
        inner = outer
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])
    params, limits = sampler_params([(circuit,)]), msgspec.structs.replace(LIMITS, max_gates=1000)
    with bounded(), pytest.raises(ProgramError) as caught:
        run("sampler", params, device_called("ibmq_qasm_simulator"), limits=limits)
    assert caught.value.code == Code.TOO_MANY_GATES


def test_it_refuses_loops_of_very_many_rounds(run: Runner) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(10**7)):
        circuit.x(0)
    with bounded(), pytest.raises(ProgramError) as caught:
        run("sampler", sampler_params([(circuit,)]))
    assert caught.value.code == Code.TOO_MANY_GATES


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"[" * 100_000 + b"]" * 100_000, Code.BAD_JSON),
        (b'{"pubs":' + b"[" * 100 + b"]" * 100 + b"}", Code.BAD_JSON),
        (b'{"pubs": [NaN]}', Code.BAD_JSON),
        (b'{"pubs": [Infinity]}', Code.BAD_JSON),
        (b"\xff\xfe", Code.BAD_JSON),
        (b"", Code.BAD_JSON),
        (b"3", Code.BAD_VALUE),
        (b"{}", Code.BAD_PUB),
        (b'{"pubs": []}', Code.BAD_PUB),
        (b'{"pubs": {}}', Code.BAD_PUB),
        (b'{"pubs": [[]]}', Code.BAD_PUB),
        (b'{"pubs": [[1,2,3,4,5]]}', Code.BAD_PUB),
        (b'{"pubs": [[1]], "version": 1}', Code.BAD_VALUE),
        (b'{"pubs": [[1]], "extra": 1}', Code.BAD_VALUE),
        (b'{"pubs": [[1]], "options": []}', Code.BAD_TYPE),
        (b'{"pubs": [[1]], "options": 7}', Code.BAD_VALUE),
    ],
)
@pytest.mark.parametrize("program", ["sampler", "executor"])
def test_it_refuses_params_that_are_not_params(run: Runner, raw: bytes, code: int, program: str) -> None:
    with bounded(), pytest.raises(ProgramError) as caught:
        run(program, raw)
    assert caught.value.code == (code if program == "sampler" or code == Code.BAD_JSON else Code.BAD_VALUE)


def test_it_refuses_circuit_metadata_that_a_reader_would_act_on(run: Runner) -> None:
    evil = {"x": form("settings", {"args": "id"}, __module__="subprocess", __class__="Popen")}
    circuit = QuantumCircuit(1, metadata=evil)
    with pytest.raises(ProgramError) as caught:
        run("sampler", sampler_params([(circuit,)]))
    assert caught.value.code == Code.BAD_TYPE


@pytest.fixture
def twirled(bell: QuantumCircuit) -> dict[str, Any]:
    """A program with a samplex, as JSON."""
    made, _ = prepare([(bell, None, 64)], SamplerOptions(twirling={"enable_measure": True}))
    tree: dict[str, Any] = json.loads(executor_params(made))
    return tree


def _first(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["quantum_program"]["items"][0]
    return found


def _samplex(text: Any) -> Change:
    return lambda tree: _first(tree)["samplex"].update(samplex_json=text)


def _in_table(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(tree: dict[str, Any]) -> None:
        samplex = json.loads(_first(tree)["samplex"]["samplex_json"])
        table = json.loads(samplex["attrs"]["param_table"])
        change(table)
        samplex["attrs"]["param_table"] = json.dumps(table)
        _samplex(json.dumps(samplex))(tree)

    return apply


def _in_samplex(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(tree: dict[str, Any]) -> None:
        samplex = json.loads(_first(tree)["samplex"]["samplex_json"])
        change(samplex)
        _samplex(json.dumps(samplex))(tree)

    return apply


def _promise(samplex: dict[str, Any], size: int) -> None:
    """Let the samplex promise one more array, which none of its nodes fills."""
    outputs = json.loads(samplex["attrs"]["output_specification"])
    flips = json.loads(outputs["measurement_flips.c"])
    loot = {**flips, "name": "loot", "shape": ["num_randomizations", size]}
    samplex["attrs"]["output_specification"] = json.dumps({**outputs, "loot": json.dumps(loot)})


def _old_qpy(table: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(table["circuit_base64"]))
    raw[6] = 10
    table["circuit_base64"] = base64.b64encode(bytes(raw)).decode()


TENSOR = {"data": BOMB, "shape": [1200 * MIB // 32], "dtype": "f64"}
PROGRAMS: dict[str, Change] = {
    "passthrough bomb": lambda tree: tree["quantum_program"].update(passthrough_data={"a": [TENSOR]}),
    "passthrough typed": lambda tree: tree["quantum_program"].update(passthrough_data=[form("settings", {})]),
    "argument bomb": lambda tree: _first(tree)["samplex_arguments"].update(parameter_values=TENSOR),
    "lying tensor": lambda tree: _first(tree)["samplex_arguments"].update(
        x={"data": packed(b""), "shape": [1 << 39], "dtype": "f64"}
    ),
    "unknown element type": lambda tree: _first(tree)["samplex_arguments"].update(
        x={"data": packed(b""), "shape": [0], "dtype": "object"}
    ),
    "unknown argument": lambda tree: _first(tree)["samplex_arguments"].update(x=1),
    "samplex garbage": _samplex("garbage"),
    "samplex number": _samplex(3),
    "samplex empty": _samplex("{}"),
    "samplex deep": _samplex('{"ssv":"4","a":' + "[" * 5000 + "]" * 5000 + "}"),
    "samplex old expressions": _in_table(_old_qpy),
    "samplex bad expressions": _in_table(lambda table: table.update(circuit_base64="§")),
    "samplex unknown node": _in_samplex(lambda samplex: samplex["nodes"][0]["data"].update(id="os")),
    "samplex enormous output": _in_samplex(lambda samplex: _promise(samplex, 1 << 40)),
    "samplex bad specification": _in_samplex(
        lambda samplex: samplex["attrs"].update(input_specification="[3]")
    ),
    "future samplex": lambda tree: _first(tree)["samplex"].update(ssv=99),
    "enormous shape": lambda tree: _first(tree).update(shape=[1 << 30, 1 << 30]),
    "negative shape": lambda tree: _first(tree).update(shape=[-1]),
    "other item": lambda tree: _first(tree).update(item_type="qasm"),
    "no item": lambda tree: tree["quantum_program"].update(items=[3]),
    "circuit item without arguments": lambda tree: _first(tree).update(item_type="circuit"),
    "qasm circuits": lambda tree: tree["quantum_program"].update(circuits={"programs": ["OPENQASM 3;"]}),
    "circuit bomb": lambda tree: tree["quantum_program"]["circuits"].update(b64_data=BOMB),
    "circuit count": lambda tree: tree["quantum_program"]["circuits"].update(num_programs=2),
    "too many items": lambda tree: tree["quantum_program"].update(
        items=tree["quantum_program"]["items"] * 30
    ),
    "no shots": lambda tree: tree["quantum_program"].update(shots=0),
    "many shots": lambda tree: tree["quantum_program"].update(shots=10**9),
    "other schema": lambda tree: tree.update(schema_version="v1.1"),
    "unknown key": lambda tree: tree["quantum_program"].update(more=1),
    "options list": lambda tree: tree.update(options=[1]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_refuses_bad_quantum_programs(run: Runner, twirled: dict[str, Any], name: str) -> None:
    PROGRAMS[name](twirled)
    with bounded(), pytest.raises(ProgramError) as caught:
        run("executor", json.dumps(twirled).encode())
    assert caught.value.code >= 6000
    assert len(caught.value.message) > 10


def test_it_refuses_an_unknown_program(run: Runner) -> None:
    with pytest.raises(ProgramError) as caught:
        run("noise-learner", b"{}")
    assert caught.value.code == Code.BAD_PROGRAM


def test_it_accepts_the_honest_program_that_the_others_are_made_of(
    run: Runner, twirled: dict[str, Any]
) -> None:
    assert run("executor", json.dumps(twirled).encode()).startswith(b'{"schema_version":"v2.0"')


def test_it_refuses_an_unhonest_argument_tensor(run: Runner, measured: QuantumCircuit, angles: Any) -> None:
    made = QuantumProgram(shots=5)
    made.append_circuit_item(measured, circuit_arguments=angles[np.newaxis])
    tree = json.loads(executor_params(made))
    for change in (TENSOR, {"shape": [10**6, 10**6]}, {"dtype": "bool"}, {"data": 3}, {"shape": 3}):
        bad = json.loads(json.dumps(tree))
        _first(bad)["circuit_arguments"].update(change)
        with bounded(), pytest.raises(ProgramError):
            run("executor", json.dumps(bad).encode())


def test_it_hands_out_zeros_where_a_samplex_fills_nothing(run: Runner, twirled: dict[str, Any]) -> None:
    _in_samplex(lambda samplex: _promise(samplex, 5000))(twirled)
    result = ExecutorResultDecoder.decode(run("executor", json.dumps(twirled).encode()).decode())
    assert result[0]["loot"].shape[-1] == 5000
    assert not result[0]["loot"].any()
