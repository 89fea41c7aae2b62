"""What a child tells of a job's inputs, for people: circuits as gates on wires, pubs and options as text.

A payload is opened in children only. What comes back is data, not markup: it is decoded by these types,
whose every part is bounded, and drawn by whoever shows it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

CIRCUITS_MAX = 4
PUBS_MAX = 20
WIRES_MAX = 24
COLUMNS_MAX = 60
GATES_MAX = 400
OPTIONS_MAX = 8_000
"""Characters of the options' JSON."""
SKETCH_BYTES_MAX = 512 * 1024
"""No sketch is longer when encoded."""

Text = Annotated[str, Meta(max_length=120)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Row = Annotated[int, Meta(ge=0, lt=WIRES_MAX)]


class Gate(Struct, frozen=True, array_like=True):
    """One instruction: in which column, on which wires (in its own order of qubits), with which label.

    ``bits`` names the classical bits it reads or writes.
    """

    column: Annotated[int, Meta(ge=0, lt=COLUMNS_MAX)]
    name: Text
    label: Text
    rows: Annotated[list[Row], Meta(min_length=1, max_length=WIRES_MAX)]
    bits: Text = ""


class CircuitSketch(Struct, frozen=True, kw_only=True):
    """A circuit's beginning. ``wires`` are the device's numbers of the qubits that something happens to.

    ``qubits`` and ``gates`` count the whole circuit, ``depth`` its longest path; ``is_cut`` says that more
    follows than is told.
    """

    name: Text
    qubits: Count
    bits: Count
    gates: Count
    depth: Count
    parameters: Count
    counts: Annotated[dict[Text, Count], Meta(max_length=20)]
    wires: Annotated[list[Count], Meta(max_length=WIRES_MAX)]
    drawn: Annotated[list[Gate], Meta(max_length=GATES_MAX)]
    is_cut: bool


class PubSketch(Struct, frozen=True, kw_only=True):
    """One pub or item: the number of its circuit, its shots or precision, its shape, its observables."""

    circuit: Count
    amount: Text
    shape: Text
    observables: Text = ""


class Sketch(Struct, frozen=True, kw_only=True):
    """The beginning of a job's inputs; ``pub_count`` and ``circuit_count`` count all of them."""

    circuits: Annotated[list[CircuitSketch], Meta(max_length=CIRCUITS_MAX)]
    circuit_count: Count
    pubs: Annotated[list[PubSketch], Meta(max_length=PUBS_MAX)]
    pub_count: Count
    options: Annotated[str, Meta(max_length=OPTIONS_MAX)] = ""


_decoder = msgspec.json.Decoder(Sketch)


def encode_sketch(sketch: Sketch) -> bytes:
    """The sketch as a task's result."""
    return msgspec.json.encode(sketch)


def read_sketch(body: bytes) -> Sketch:
    """A sketch from what a child sent. Raises ``msgspec.MsgspecError`` for anything else."""
    return _decoder.decode(body)
