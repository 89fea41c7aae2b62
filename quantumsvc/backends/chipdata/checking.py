"""Whether an uploaded properties document is one that clients can build a target from."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from quantumsvc.backends.chipdata.properties import SECONDS, TIMES, values_of

MOST_PROBLEMS = 50
Name = Annotated[str, Meta(min_length=1, max_length=100)]
PROBABILITIES = frozenset({"readout_error", "prob_meas0_prep1", "prob_meas1_prep0", "gate_error"})
# A measured T2 may be above twice T1 by its own error.
OVER_TWICE_T1 = 1.05


class _Item(msgspec.Struct, frozen=True):
    name: Name
    value: float
    date: str
    unit: Annotated[str, Meta(max_length=20)] = ""


class _Gate(msgspec.Struct, frozen=True):
    gate: Name
    qubits: Annotated[list[int], Meta(min_length=1, max_length=16)]
    parameters: Annotated[list[_Item], Meta(max_length=50)]
    name: Annotated[str, Meta(max_length=200)] = ""


class _Properties(msgspec.Struct, frozen=True):
    backend_name: str
    backend_version: str
    last_update_date: str
    qubits: list[Annotated[list[_Item], Meta(max_length=100)]]
    gates: Annotated[list[_Gate], Meta(max_length=100_000)]
    general: list[Any]


class NotProperties(ValueError):
    """The document can't be used; ``problems`` tells all that is wrong with it, up to a number."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def checked_properties(document: Any, *, name: str, qubits: int, gates: frozenset[str]) -> dict[str, Any]:
    """The document, if it tells of this backend and of nothing impossible. Raises :class:`NotProperties`."""
    try:
        read = msgspec.convert(document, _Properties)
    except msgspec.ValidationError as error:
        raise NotProperties([str(error)]) from None
    problems = [*_of_the_whole(read, name, qubits), *_of_qubits(read), *_of_gates(read, qubits, gates)]
    problems += _of_dates(read)
    if not problems:
        problems = list(_of_physics(document))
    if problems:
        raise NotProperties(problems[:MOST_PROBLEMS])
    return dict(document)


def _of_the_whole(read: _Properties, name: str, qubits: int) -> Iterator[str]:
    if read.backend_name != name:
        yield f"backend_name must be {name}"
    if len(read.qubits) != qubits:
        yield f"qubits must tell of all {qubits} qubits"


def _of_qubits(read: _Properties) -> Iterator[str]:
    for number, items in enumerate(read.qubits):
        for item in items:
            yield from _of_value(f"qubits.{number}.{item.name}", item)


def _of_gates(read: _Properties, qubits: int, gates: frozenset[str]) -> Iterator[str]:
    for gate in read.gates:
        where = f"gates.{gate.gate}{gate.qubits}"
        if gates and gate.gate not in gates:
            yield f"{where}: the backend has no such gate"
        if any(not 0 <= qubit < qubits for qubit in gate.qubits) or len(set(gate.qubits)) < len(gate.qubits):
            yield f"{where}: these are not qubits of the backend"
        for item in gate.parameters:
            yield from _of_value(f"{where}.{item.name}", item)


def _of_value(where: str, item: _Item) -> Iterator[str]:
    if not math.isfinite(item.value):
        yield f"{where}: must be a finite number"
    elif item.name in PROBABILITIES and not 0 <= item.value <= 1:
        yield f"{where}: must be from 0 to 1"
    elif item.name in TIMES and not item.value > 0:
        yield f"{where}: must be more than 0"
    if item.name in TIMES and item.unit not in SECONDS:
        yield f"{where}: its unit must be s, ms, us or ns"


def _of_dates(read: _Properties) -> Iterator[str]:
    items = [("last_update_date", read.last_update_date)]
    items += [(f"qubits.{number}", item.date) for number, each in enumerate(read.qubits) for item in each]
    items += [(f"gates.{gate.gate}", item.date) for gate in read.gates for item in gate.parameters]
    for where, text in items:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            yield f"{where}: {text[:40]!r} is not a date in ISO 8601"


def _of_physics(document: Any) -> Iterator[str]:
    known = values_of(document)
    for (parameter, place), value in known.items():
        limit = known.get(("T1", place))
        if parameter == "T2" and limit is not None and value > 2 * limit * OVER_TWICE_T1:
            yield f"qubits.{place[0]}.T2: is more than twice T1"
