"""A circuit's file names kinds of gates. Whatever else it names is refused, and nothing here changes."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import qiskit.circuit
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import controlflow, library
from qiskit.circuit.library import PauliEvolutionGate, PauliGate
from qiskit.qpy import formats
from qiskit.quantum_info import SparsePauliOp
from qiskit.synthesis import SuzukiTrotter, evolution

from quantumsvc.wire.decode_budget import OLD_CLIENTS_QPY, Budget
from quantumsvc.wire.decode_circuits import load_circuits
from quantumsvc.wire.decode_errors import BAD_QPY, DecodeError

MODULES = (qiskit.circuit, library, controlflow, evolution)
# Read by this library's Python and by its native reader; 5 is what 0.6.2 writes, whatever Qiskit it has.
VERSIONS = (5, 9, 13, 14, 15, 17, 18)
HOSTILE = (
    "__setattr__", "__delattr__", "__init__", "__class__", "__getattribute__", "__reduce_ex__", "__loader__",
    "random_iqp", "quantum_volume", "efficient_su2", "get_standard_gate_name_mapping", "Parameters",
    "CircuitError", "CommutationChecker", "EquivalenceLibrary", "Popen", "os", "nothing",
)  # fmt: skip


def state(module: ModuleType) -> dict[str, Any]:
    return dict(vars(module))


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """No module has another name, or a part more, less or another, after it was read."""
    before = [state(module) for module in MODULES]
    yield
    for module, was in zip(MODULES, before, strict=True):
        now = state(module)
        # What it loads when it is first asked for may come.
        assert {name: now[name] for name in was} == was
        assert now["__name__"].startswith("qiskit.")


def budget() -> Budget:
    return Budget(limit=1 << 22, max_items=10, max_qubits=20, max_gates=100, oldest_qpy=OLD_CLIENTS_QPY)


def written(circuit: QuantumCircuit, version: int) -> bytes:
    """The circuit's file; this library writes none before 13, of which the forms are the same here."""
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=max(version, 13))
    raw = buffer.getvalue()
    if version >= 13:
        return raw
    head, body = raw[: formats.FILE_HEADER_SIZE], raw[formats.FILE_HEADER_V10_SIZE + 1 :]
    counts = body[: formats.CIRCUIT_HEADER_V2_SIZE]
    return head[:6] + bytes([version]) + head[7:] + b"q" + counts + body[formats.CIRCUIT_HEADER_V12_SIZE :]


def text(value: str) -> bytes:
    """A parameter that is a text."""
    return b"s" + struct.pack("!Q", len(value)) + value.encode()


def expression(value: str) -> bytes:
    """A parameter that is an expression, as versions before 13 write it."""
    data = struct.pack("!QQ", 0, len(value)) + value.encode()
    return b"e" + struct.pack("!Q", len(data)) + data


def naming(name: str, params: tuple[bytes, ...], version: int) -> bytes:
    """A file whose only gate has that name and those parameters."""
    circuit = QuantumCircuit(2)
    circuit.append(PauliGate("XX"), [0, 1])
    raw = written(circuit, version)
    place = raw.index(b"PauliGate")
    begin = place - formats.CIRCUIT_INSTRUCTION_V2_SIZE
    head = bytearray(raw[begin:place])
    struct.pack_into("!H", head, 0, len(name))
    struct.pack_into("!H", head, 4, len(params))
    at = raw.index(text("XX"), place)
    between = raw[place + len("PauliGate") : at]
    after = raw[at + len(text("XX")) :]
    return raw[:begin] + bytes(head) + name.encode() + between + b"".join(params) + after


def evolving(kind: str, settings: dict[str, Any], version: int) -> bytes:
    """A file with an evolution that is synthesized so."""
    circuit = QuantumCircuit(2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX"]), synthesis=SuzukiTrotter()), [0, 1])
    raw = written(circuit, version)
    begin = raw.index(b'{"class"')
    end = raw.index(b"}}", begin) + 2
    text = json.dumps({"class": kind, "settings": settings}).encode()
    assert len(text) <= end - begin
    return raw[:begin] + text.ljust(end - begin) + raw[end:]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_reads_what_names_gates(version: int) -> None:
    (circuit,) = load_circuits(naming("PauliGate", (text("XX"),), version), budget())
    assert circuit.data[0].operation.name == "pauli"
    (circuit,) = load_circuits(evolving("LieTrotter", {"reps": 2}, version), budget())
    assert circuit.data[0].operation.name == "PauliEvolution"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", HOSTILE)
def test_it_refuses_whatever_else_a_gate_is_named(name: str, version: int) -> None:
    for params in ((), (text("XGate"),), (text("XGate"), text("XX"))):
        with pytest.raises(DecodeError) as caught:
            load_circuits(naming(name, params, version), budget())
        assert caught.value.code == BAD_QPY


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("__init__", {"name": "gone"}),
        ("__class__", {"name": "gone"}),
        ("__dir__", {}),
        ("synth_pauli_network_rustiq", {}),
        ("Popen", {"args": "true"}),
    ],
)
def test_it_refuses_whatever_else_a_synthesis_is_named(
    kind: str, settings: dict[str, Any], version: int
) -> None:
    with pytest.raises(DecodeError) as caught:
        load_circuits(evolving(kind, settings, version), budget())
    assert caught.value.code == BAD_QPY


@pytest.mark.parametrize("version", [5, 9])
@pytest.mark.parametrize(
    "words",
    [
        "Pow(Pow(Integer(10), Integer(300)), Integer(300))",
        "Pow(Integer(10), Integer(1000000000000))",
        "Mul('x', Integer(1000000000000))",
        "__import__('os').system('true')",
        "Symbol('t').__class__",
        "Symbol('t')",
        "Popen('true')",
        "(" * 300 + "1" + ")" * 300,
    ],
)
def test_it_calculates_with_numbers_only_in_the_texts_of_old_versions(words: str, version: int) -> None:
    with pytest.raises(DecodeError) as caught:
        load_circuits(naming("RXGate", (expression(words),), version), budget())
    assert caught.value.code == BAD_QPY


def test_it_reads_the_texts_of_old_versions() -> None:
    words = "Add(Mul(Integer(2), Float('1.5')), Pow(Integer(2), Integer(3)))"
    raw = naming("PauliGate", (text("XX"), expression(words)), 5)
    with pytest.raises(DecodeError, match="positional"):
        load_circuits(raw, budget())
