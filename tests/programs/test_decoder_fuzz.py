"""Whatever comes, the decoder answers with a value or with ``DecodeError``; anything else fails here."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import RuntimeEncoder

from quantumsvc.wire.decode_arrays import check_tensor, read_npy
from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_circuits import read_circuit
from quantumsvc.wire.decode_errors import DecodeError
from quantumsvc.wire.decode_executor import decode_executor
from quantumsvc.wire.decode_json import decode_plain, parse_json
from quantumsvc.wire.decode_params import decode_primitive

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
TYPES = st.sampled_from(
    [
        "ndarray",
        "complex",
        "datetime",
        "set",
        "QuantumCircuit",
        "settings",
        "_json",
        "NoiseModel",
        "BitArray",
        "",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.fixed_dictionaries({"__type__": TYPES, "__value__": inner})
        | st.fixed_dictionaries({"data": inner, "shape": inner, "dtype": inner})
    ),
    max_leaves=20,
)


def budget() -> Budget:
    return Budget(limit=1 << 22, max_items=10, max_qubits=20, max_gates=100)


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2, 1, metadata={"a": 1})
    made.rx(Parameter("t"), 0)
    made.cx(0, 1)
    made.measure(0, 0)
    return made


TEXT = json.loads(json.dumps(circuit(), cls=RuntimeEncoder))["__value__"]
QPY = zlib.decompress(base64.b64decode(TEXT))


@quick
@given(st.binary(max_size=200))
def test_it_survives_any_bytes(raw: bytes) -> None:
    for decode in (
        lambda: decode_primitive(raw, budget(), lambda text: read_circuit(text, budget()), observables=True),
        lambda: decode_executor(raw, budget()),
    ):
        with pytest.raises(DecodeError):
            decode()


@quick
@given(TREES)
def test_it_survives_any_tree(tree: Any) -> None:
    with suppress(DecodeError):
        decode_plain(parse_json(json.dumps(tree).encode()), budget(), "options")


@quick
@given(TREES, TREES, TREES, TREES)
def test_it_survives_any_pub(one: Any, two: Any, three: Any, four: Any) -> None:
    first = {"__type__": "QuantumCircuit", "__value__": TEXT}
    for pub in ([one, two, three, four], [first, two, three, four], [first, {"ZZ": 1}, three, four]):
        raw = json.dumps({"pubs": [pub]}).encode()
        with suppress(DecodeError):
            decode_primitive(raw, budget(), lambda text: read_circuit(text, budget()), observables=True)


@quick
@given(TREES, TREES, TREES)
def test_it_survives_any_quantum_program(items: Any, circuits: Any, passed: Any) -> None:
    program = {"shots": 1, "items": items, "circuits": circuits, "passthrough_data": passed}
    raw = json.dumps({"schema_version": "v2.0", "quantum_program": program, "options": {}}).encode()
    with pytest.raises(DecodeError):
        decode_executor(raw, budget())


@quick
@given(st.lists(st.tuples(st.integers(0, len(QPY) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_it_survives_changed_circuits(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(QPY)
    for place, value in changes:
        raw[place] = value
    with suppress(DecodeError):
        found = read_circuit(base64.b64encode(zlib.compress(bytes(raw))).decode(), budget())
        assert found.num_qubits <= 20


@quick
@given(st.binary(max_size=300))
def test_it_survives_any_array_file(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_npy(base64.b64encode(zlib.compress(b"\x93NUMPY" + data)).decode(), budget())


@quick
@given(TREES)
def test_it_survives_any_tensor(value: Any) -> None:
    with suppress(DecodeError):
        check_tensor(value, budget(), "it")


@pytest.mark.parametrize("kind", ["f4", "f8", "c8", "c16", "i1", "i8", "u2", "b1", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_it_reads_what_the_client_writes(kind: str, order: Any) -> None:
    array = np.asarray(np.arange(12).reshape(3, 4) % 2, dtype=kind, order=order)
    text = json.loads(json.dumps(array, cls=RuntimeEncoder))["__value__"]
    found = read_npy(text, budget())
    assert found.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(found, array)
