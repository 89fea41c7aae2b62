"""Circuits of the wire (QPY): looked at before they are built, within bounds."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Mapping
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.qpy import QPY_VERSION, common, formats
from qiskit.qpy.binary_io import circuits as writing

from quantumsvc.wire.decode_budget import Budget, inflate, unbase64
from quantumsvc.wire.decode_errors import (
    BAD_QPY,
    BAD_VALUE,
    TOO_MANY_GATES,
    TOO_MANY_PUBS,
    TOO_MANY_QUBITS,
    DecodeError,
)
from quantumsvc.wire.decode_json import decode_plain
from quantumsvc.wire.decode_names import let_gates_only_be_named, reading
from quantumsvc.wire.decode_qasm import is_qasm, read_qasm
from quantumsvc.wire.decode_symbols import use_own_reader

HEADER_SIZE = formats.FILE_HEADER_V10_SIZE
OLD_HEADER_SIZE = formats.FILE_HEADER_SIZE
"""Of versions before 10, which don't say how symbols are written."""

CIRCUIT_HEADER = formats.CIRCUIT_HEADER_V2_PACK
"""What circuits of all versions that are read here begin with; later ones tell one count more."""
TYPE_CIRCUIT = b"q"

use_own_reader()
let_gates_only_be_named()
# Versions 13 and 14 name a replaced parameter by its name. The native reader takes a user's parameter for
# one of the library's own of the same name; the other reader does not.
common.QPY_RUST_READ_MIN_VERSION = 15


def read_circuit(text: object, budget: Budget) -> QuantumCircuit:
    """The circuit in a text of OpenQASM 3, or the only one in a base64 string of zlib-packed QPY.

    Its metadata have been checked.
    """
    if isinstance(text, str) and is_qasm(text):
        circuit = read_qasm(text, budget)
        _check_circuit(circuit, budget)
        return circuit
    return circuit_in(unpacked(text, budget), budget)


def unpacked(text: object, budget: Budget) -> bytes:
    """The QPY file in a base64 string of zlib-packed QPY, not looked at yet."""
    return inflate(unbase64(text, "A circuit"), budget, "A circuit")


def circuit_in(raw: bytes, budget: Budget) -> QuantumCircuit:
    """The only circuit of a QPY file, its metadata checked."""
    circuits = load_circuits(raw, budget)
    if len(circuits) != 1:
        raise DecodeError(BAD_QPY, f"A circuit form must hold one circuit, this one holds {len(circuits)}")
    return circuits[0]


def layout_length(circuit: QuantumCircuit) -> int:
    """How many bytes at the end of a circuit's QPY file tell its layout.

    They say where the qubits came from, in an order that changes from one writing of the same circuit to the
    next, and nothing of what runs. All before them is the same each time; it tells how many instructions
    there are, so that two files with the same bytes before the layout hold the same circuit.
    """
    written = io.BytesIO()
    writing._write_layout(written, circuit)
    return written.tell()


def load_circuits(
    raw: bytes, budget: Budget, annotations: Mapping[str, Any] | None = None
) -> list[QuantumCircuit]:
    """All circuits of a QPY file; whatever the reader makes of bad bytes becomes ``DecodeError``."""
    check_header(raw, budget)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        circuits = _load(raw, annotations)
    for circuit in circuits:
        _check_circuit(circuit, budget)
    return circuits


def _load(raw: bytes, annotations: Mapping[str, Any] | None) -> list[QuantumCircuit]:
    try:
        with reading():
            return list(qpy.load(io.BytesIO(raw), annotation_factories=annotations))
    except (MemoryError, DecodeError):
        raise
    except Exception as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DecodeError(BAD_QPY, f"A circuit can't be read: {told}") from None
    except BaseException as error:  # the native reader's panic is not an Exception
        if type(error).__name__ != "PanicException":
            raise
        raise DecodeError(BAD_QPY, "A circuit can't be read: malformed QPY") from None


def check_header(raw: bytes, budget: Budget) -> int:
    """Check magic, version, count and the circuits' sizes; answers how many circuits there are."""
    if len(raw) < HEADER_SIZE or raw[:6] != b"QISKIT":
        raise DecodeError(BAD_QPY, "A circuit is not in QPY format")
    version = raw[6]
    if not budget.oldest_qpy <= version <= QPY_VERSION:
        told = f"QPY version {version} isn't accepted; {budget.oldest_qpy} to {QPY_VERSION} are"
        raise DecodeError(BAD_QPY, told)
    count = int(struct.unpack_from(formats.FILE_HEADER_PACK, raw)[-1])
    if count > budget.max_items:
        raise DecodeError(TOO_MANY_PUBS, f"{count} circuits are more than the {budget.max_items} accepted")
    for offset in _offsets(raw, version, count):
        _check_sizes(raw, offset, budget)
    return count


def _offsets(raw: bytes, version: int, count: int) -> list[int]:
    """Where circuits begin: all of them from version 16 on, the first one before."""
    size = HEADER_SIZE if version >= 10 else OLD_HEADER_SIZE
    start = size + 1
    if raw[size:start] != TYPE_CIRCUIT:
        raise DecodeError(BAD_QPY, "A QPY file must hold circuits")
    if version < 16:
        return [start] if count else []
    try:
        return list(struct.unpack_from(f"!{count}Q", raw, start))
    except struct.error:
        raise DecodeError(BAD_QPY, "A circuit is cut short") from None


def _check_sizes(raw: bytes, offset: int, budget: Budget) -> None:
    try:
        found = formats.CIRCUIT_HEADER_V2._make(struct.unpack_from(CIRCUIT_HEADER, raw, offset))
    except (struct.error, OverflowError):
        raise DecodeError(BAD_QPY, "A circuit is cut short") from None
    _check_counts(found.num_qubits, found.num_instructions, budget)
    if found.num_clbits > 1_000_000:
        raise DecodeError(BAD_QPY, f"A circuit has {found.num_clbits} classical bits")


def _check_counts(qubits: int, instructions: int, budget: Budget) -> None:
    if qubits > budget.max_qubits:
        told = f"A circuit has {qubits} qubits; at most {budget.max_qubits} are accepted"
        raise DecodeError(TOO_MANY_QUBITS, told)
    if instructions > budget.max_gates:
        told = f"A circuit has {instructions} instructions; at most {budget.max_gates} are accepted"
        raise DecodeError(TOO_MANY_GATES, told)


def _check_circuit(circuit: object, budget: Budget) -> None:
    if not isinstance(circuit, QuantumCircuit):
        raise DecodeError(BAD_VALUE, "A QPY file holds something else than a circuit")
    _check_counts(circuit.num_qubits, len(circuit.data), budget)
    if circuit.metadata:
        # It travels back to readers whose decoder acts on typed values: know them all.
        decode_plain(circuit.metadata, budget, "Circuit metadata")
