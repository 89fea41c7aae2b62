"""The reader of version 1 opens nothing that it doesn't know: no named class, no native form."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit.circuit import Parameter, ParameterExpression
from qiskit.qpy import common

from quantumsvc.wire.decode_budget import OLD_CLIENTS_QPY, Budget
from quantumsvc.wire.decode_circuits import load_circuits
from quantumsvc.wire.decode_errors import DecodeError
from quantumsvc.wire.decode_noise import decode_noise
from quantumsvc.wire.decode_symbols import MAX_TEXT, read_expression
from quantumsvc.wire.decode_v1 import decode_v1, is_v1
from tests.programs.payloads import form
from tests.programs.test_decoder_fuzz import TREES
from tests.programs.test_v1 import RECORDED, operator, sent

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
CIRCUIT = form("QuantumCircuit", "eJw=")
SPARSE = json.loads(
    json.dumps(operator({"ZZ": 1}), default=lambda array: {"__type__": "ndarray", "__value__": [1]})
)


def budget() -> Budget:
    return Budget(limit=1 << 22, max_items=10, max_qubits=20, max_gates=100, oldest_qpy=OLD_CLIENTS_QPY)


def estimator(**parts: Any) -> bytes:
    return json.dumps({"circuits": [CIRCUIT], "observables": [SPARSE], **parts}).encode()


# --- No class of a payload's choice ----------------------------------------------------------------


def settings_of(module: str, name: str, value: Any) -> dict[str, Any]:
    return form("settings", value, __module__=module, __class__=name)


HOSTILE = [
    settings_of("subprocess", "Popen", {"args": ["touch", "/tmp/opened"]}),
    settings_of("os", "system", {}),
    settings_of("qiskit.quantum_info.operators.operator", "QuantumCircuit", {"regs": 3}),
    settings_of("qiskit.quantum_info.operators", "Operator", {"data": [[1, 0], [0, 1]]}),
    settings_of("qiskit.quantum_info.", "PauliList", {"data": [settings_of("os", "x", {})]}),
    settings_of(
        "qiskit.quantum_info.", "SparsePauliOp", {"data": settings_of("os", "PauliList", {"data": ["Z"]})}
    ),
    form("_json", {}, __module__="os", __class__="x"),
    form("to_json", "{}"),
    form("spmatrix", "UEsDBA=="),
    form("Result", {}),
    form("Instruction", "eJw="),
    form("settings", {"data": ["ZZ"]}),
    {**SPARSE, "more": 1},
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(value.get("__class__", value["__type__"])))
def test_it_never_imports_what_a_payload_names(value: dict[str, Any]) -> None:
    before = set(sys.modules)
    with pytest.raises(DecodeError):
        decode_v1(estimator(observables=[value]), budget(), observables=True)
    for place in ("run_options", "transpilation_settings", "resilience_settings"):
        with pytest.raises(DecodeError):
            decode_v1(estimator(**{place: {"a": value}}), budget(), observables=True)
    assert set(sys.modules) == before


def test_it_does_not_open_parameters() -> None:
    """They repeat what is in the circuits; their packed form is never looked at."""
    raw = estimator(parameters=[[form("Parameter", "AAAA")]])
    assert decode_v1(raw, budget(), observables=True).runs[0].observable == {"ZZ": 1.0}


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"pubs":[],"circuits":[]}', b"[" * 100_000, b"\xff", b'"circuits"', b'{"a":NaN}'],
)
def test_it_tells_other_params_apart(raw: bytes) -> None:
    assert not is_v1(raw)


@pytest.mark.parametrize(
    "parts",
    [
        {"circuits": [CIRCUIT] * 11},
        {"circuits": ["eJw="]},
        {"circuits": [form("QuantumCircuit", 1)]},
        {"circuit_indices": [True]},
        {"circuit_indices": [0.0]},
        {"observable_indices": [-1]},
        {"observables": [SPARSE] * 11},
        {"observables": [operator({})]},
        {"parameter_values": [["a"]]},
        {"parameter_values": [[1e400]]},
        {"parameter_values": [[[1]]]},
        {"parameter_values": [form("ndarray", "eJw=")]},
        {"parameter_values": [form("complex", [1, 2])]},
        {"run_options": []},
        {"run_options": form("ndarray", [1])},
        {"version": 2},
        {"version": "1"},
    ],
    ids=lambda parts: str(parts)[:40],
)
def test_it_refuses_malformed_parts(parts: dict[str, Any]) -> None:
    raw = json.dumps(json.loads(estimator()) | parts, default=lambda array: array.tolist()).encode()
    with pytest.raises(DecodeError):
        decode_v1(raw, budget(), observables=True)


@quick
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "circuits", "circuit_indices", "parameters", "parameter_values", "observables",
                "observable_indices", "transpilation_settings", "resilience_settings", "run_options",
                "version", "other",
            ]
        ),
        TREES,
    )
)  # fmt: skip
def test_it_answers_any_tree_with_a_value_or_a_decode_error(parts: dict[str, Any]) -> None:
    for known in ({}, {"circuits": [CIRCUIT], "observables": [SPARSE]}):
        with suppress(DecodeError):
            decode_v1(json.dumps({**parts, **known}).encode(), budget(), observables=True)


@quick
@given(TREES)
def test_it_answers_any_observable_with_a_value_or_a_decode_error(tree: Any) -> None:
    for value in (
        tree,
        settings_of("qiskit.quantum_info.", "SparsePauliOp", tree),
        {**SPARSE, "__value__": tree},
    ):
        with suppress(DecodeError):
            decode_v1(estimator(observables=[value]), budget(), observables=True)


# --- Noise -----------------------------------------------------------------------------------------

STEP = {"name": "pauli", "params": ["X"], "qubits": [0]}
ERROR = {"type": "qerror", "operations": ["cx"], "instructions": [[STEP]], "probabilities": [1.0]}
READOUT = {"type": "roerror", "operations": ["measure"], "probabilities": [[0.9, 0.1], [0.2, 0.8]]}


@pytest.mark.parametrize(
    "error",
    [
        {**ERROR, "type": "other"},
        {**ERROR, "operations": [1]},
        {**ERROR, "operations": []},
        {**ERROR, "probabilities": [0.5]},
        {**ERROR, "probabilities": ["1"]},
        {**ERROR, "probabilities": [1.0, 0.0]},
        {**ERROR, "gate_qubits": [[-1]]},
        {**ERROR, "gate_qubits": [[0, 0]]},
        {**ERROR, "gate_qubits": [[0, 1, 2, 3]]},
        {**ERROR, "instructions": [[{**STEP, "name": "initialize"}]]},
        {**ERROR, "instructions": [[{**STEP, "params": ["XX"]}]]},
        {**ERROR, "instructions": [[{"name": "kraus", "qubits": [0], "params": [[[1]]]}]]},
        {**ERROR, "instructions": [[{"name": "kraus", "qubits": [0], "params": []}]]},
        {**ERROR, "instructions": [[{"name": "unitary", "qubits": [0], "params": ["a"]}]]},
        {**READOUT, "probabilities": [[0.9, 0.2], [0.2, 0.8]]},
        {**READOUT, "probabilities": [[1.5, -0.5], [0.2, 0.8]]},
        {**READOUT, "probabilities": [1]},
        {**READOUT, "probabilities": [["a", "b"], ["c", "d"]]},
        1,
    ],
    ids=lambda error: str(error)[:60],
)
def test_it_refuses_malformed_noise(error: Any) -> None:
    with pytest.raises(DecodeError):
        decode_noise(form("NoiseModel", {"errors": [error]}), budget())


def test_it_reads_well_formed_noise() -> None:
    assert len(decode_noise({"errors": [ERROR, READOUT]}, budget())) == 2


@quick
@given(TREES)
def test_it_answers_any_noise_with_a_value_or_a_decode_error(tree: Any) -> None:
    for value in (
        tree,
        {"errors": [tree]},
        {"errors": [{**ERROR, "instructions": tree}]},
        form("NoiseModel", tree),
    ):
        with suppress(DecodeError):
            decode_noise(value, budget())


# --- Circuits and their symbols --------------------------------------------------------------------


def circuits() -> list[bytes]:
    """Packed circuits that old releases sent."""
    texts = [json.loads(raw)["circuits"][0]["__value__"] for path in RECORDED for _, raw in sent(path)]
    return [zlib.decompress(base64.b64decode(text)) for text in texts]


@quick
@given(st.data())
def test_it_answers_a_spoiled_circuit_with_a_value_or_a_decode_error(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(circuits())))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DecodeError):
        load_circuits(bytes(raw), budget())


def test_it_refuses_circuits_older_than_those_of_old_clients() -> None:
    raw = bytearray(circuits()[0])
    raw[6] = OLD_CLIENTS_QPY - 1
    with pytest.raises(DecodeError, match="isn't accepted"):
        load_circuits(bytes(raw), budget())


def test_it_takes_the_place_of_the_native_reader() -> None:
    assert common.load_symengine_payload is read_expression


HEAD = {11: bytes.fromhex("0100000b00"), 15: bytes.fromhex("0100000f00")}


def part(version: int, number: int, code: int, rest: bytes) -> bytes:
    """A part that is met for the first time."""
    if version < 14:
        return struct.pack("<II", number | 1 << 31, code) + rest
    return struct.pack("<QBB", number, 1, code) + rest


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


@pytest.mark.parametrize("version", HEAD)
def test_it_reads_symbolic_expressions(version: int) -> None:
    """2*t + 1, as the two forms of the library write it."""

    def whole(number: int, value: str) -> bytes:
        return part(version, number, 0x00, text(value))

    symbol = part(version, 9, 0x0D, b"\0" + text("t"))
    payload = part(version, 1, 0x10, whole(2, "1") + struct.pack("<Q", 1) + symbol + whole(3, "2"))
    turn = Parameter("t")
    found = ParameterExpression({"t": turn}, read_expression(HEAD[version] + payload))
    assert float(found.bind({turn: 0.25})) == 1.5


def test_it_refuses_symbols_that_bring_code() -> None:
    """The native form lets a symbol be a pickled object; that flag is refused."""
    with pytest.raises(DecodeError, match="foreign"):
        read_expression(HEAD[15] + part(15, 1, 0x0D, b"\1" + text("cos\nsystem")))


def test_it_bounds_what_shared_parts_grow_to() -> None:
    """Each square of the one before is 10 bytes longer on the wire, and twice as long as text."""
    payload = part(15, 1, 0x0D, b"\0" + text("t"))
    for number in range(2, 40):
        payload = part(15, number, 0x11, payload + struct.pack("<QB", number - 1, 0))
    with pytest.raises(DecodeError, match="too long"):
        read_expression(HEAD[15] + payload)
    assert len(payload) < MAX_TEXT


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\1",
        bytes.fromhex("0100010f00"),
        bytes.fromhex("0100000900"),
        HEAD[15],
        HEAD[15] + struct.pack("<QB", 5, 0),
        HEAD[15] + part(15, 1, 0x7F, b""),
        HEAD[15] + part(15, 1, 0x00, text("1e5")),
        HEAD[15] + part(15, 1, 0x00, text("9" * 100)),
        HEAD[15] + part(15, 1, 0x06, struct.pack("<d", float("nan"))),
        HEAD[15] + part(15, 1, 0x1F, text("Catalan")),
        HEAD[15] + part(15, 1, 0x0D, b"\0" + struct.pack("<Q", 1 << 60)),
        HEAD[15] + part(15, 1, 0x0D, b"\0" + struct.pack("<Q", 2) + b"\xff\xff"),
        HEAD[15] + part(15, 1, 0x0D, b"\0" + text("t")) + b"more",
        HEAD[15] + struct.pack("<QBB", 1, 1, 0x23) * 200,
    ],
)
def test_it_refuses_malformed_expressions(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        read_expression(payload)


@quick
@given(st.sampled_from(list(HEAD)), st.binary(max_size=200))
def test_it_answers_any_expression_with_a_text_or_a_decode_error(version: int, rest: bytes) -> None:
    with suppress(DecodeError):
        read_expression(HEAD[version] + rest)
