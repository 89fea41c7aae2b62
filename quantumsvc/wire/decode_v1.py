"""The params of sampler and estimator jobs of version 1, taken apart into Python values.

The clients that send them name classes in what they send (``__module__``, ``__class__``). Here a name is
only compared with the few that are known; what it stands for is read by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_errors import BAD_PUB, BAD_TYPE, BAD_VALUE, TOO_MANY_PUBS, DecodeError
from quantumsvc.wire.decode_json import decode_plain, parse_json, read_array, typed

MAX_TERMS = 1_000_000
"""Pauli terms in one job, over all observables."""

OPERATORS = "qiskit.quantum_info."
"""Where the named classes of observables live at their senders."""

SHARED_KEYS = frozenset({"circuits", "circuit_indices", "parameters", "parameter_values", "version"})
ESTIMATOR_KEYS = SHARED_KEYS | {"observables", "observable_indices"}
SETTINGS = {"transpilation_settings": "transpilation", "resilience_settings": "resilience"}
RUN_PLACES = {"noise_model": "simulator", "seed_simulator": "simulator"}
"""Run options that the user knows as options of the simulator; the others are those of the execution."""

SET_PLACES = {"coupling_map": "simulator", "basis_gates": "simulator"}


@dataclass(frozen=True)
class Run:
    """One circuit with its values; for an estimator with real weights by Pauli string."""

    circuit: str
    values: npt.NDArray[np.float64]
    observable: Mapping[str, float] | None = None


@dataclass(frozen=True)
class V1Params:
    """What the client sent. ``options`` are in the shape and under the names that the user knows."""

    runs: tuple[Run, ...]
    options: dict[str, Any]


class _Outline(msgspec.Struct):
    circuits: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    pubs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def is_v1(raw: bytes) -> bool:
    """Whether params are of version 1, which has circuits where version 2 has pubs."""
    try:
        seen = msgspec.json.decode(raw, type=_Outline)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return seen.circuits is not msgspec.UNSET and seen.pubs is msgspec.UNSET


def decode_v1(raw: bytes, budget: Budget, *, observables: bool) -> V1Params:
    """Take the params apart; raises ``DecodeError`` for whatever isn't a job of version 1."""
    params = parse_json(raw)
    if not isinstance(params, dict):
        raise DecodeError(BAD_VALUE, "The params must be an object")
    if params.get("version", 1) != 1:
        raise DecodeError(BAD_VALUE, "Params with circuits are of version 1")
    reader = _Reader(params, budget)
    return V1Params(reader.runs(observables), reader.options(observables))


class _Reader:
    def __init__(self, params: dict[str, Any], budget: Budget) -> None:
        self.params, self.budget, self.terms = params, budget, 0

    def runs(self, with_observables: bool) -> tuple[Run, ...]:
        circuits = [_circuit_text(item, number) for number, item in enumerate(self._list("circuits"))]
        indices = self._indices("circuit_indices", len(circuits))
        values = self._values(len(indices))
        observables: list[Mapping[str, float] | None] = [None] * len(indices)
        if with_observables:
            observables = self._observables(len(indices))
        return tuple(
            Run(circuits[index], numbers, observable)
            for index, numbers, observable in zip(indices, values, observables, strict=True)
        )

    def _list(self, name: str) -> list[Any]:
        found = self.params.get(name)
        if not isinstance(found, list) or not found:
            raise DecodeError(BAD_PUB, f"{name} must be a list with at least one member")
        if len(found) > self.budget.max_items:
            told = f"{len(found)} {name} are more than the {self.budget.max_items} accepted"
            raise DecodeError(TOO_MANY_PUBS, told)
        return found

    def _indices(self, name: str, count: int) -> list[int]:
        """Clients up to 0.17 say which of the circuits or observables belong to each run."""
        if self.params.get(name) is None:
            return list(range(count))
        found = self._list(name)
        if any(type(index) is not int or not 0 <= index < count for index in found):
            raise DecodeError(BAD_PUB, f"{name} must hold whole numbers from 0 to {count - 1}")
        return found

    def _values(self, runs: int) -> list[npt.NDArray[np.float64]]:
        found = self.params.get("parameter_values")
        if found is None:
            return [np.zeros(0)] * runs
        if not isinstance(found, list) or len(found) != runs:
            raise DecodeError(BAD_PUB, f"parameter_values must be a list of {runs} lists of numbers")
        return [self._numbers(item, number) for number, item in enumerate(found)]

    def _numbers(self, value: Any, number: int) -> npt.NDArray[np.float64]:
        where = f"The parameter values of run {number}"
        form = typed(value)
        if form is not None and form[0] != "ndarray":
            raise DecodeError(BAD_TYPE, f"{where} can't be a {form[0][:40]!r}")
        array = read_array(form[1], self.budget, where) if form else value
        return real_numbers(array, where)

    def _observables(self, runs: int) -> list[Mapping[str, float] | None]:
        every = [self._observable(item, number) for number, item in enumerate(self._list("observables"))]
        indices = self._indices("observable_indices", len(every))
        if len(indices) != runs:
            raise DecodeError(BAD_PUB, f"There are {runs} circuits to run and {len(indices)} observables")
        return [every[index] for index in indices]

    def _observable(self, value: Any, number: int) -> Mapping[str, float]:
        where = f"Observable {number}"
        if isinstance(value, str):
            return {_pauli(value, where): 1.0}
        name, inner = named(value, where)
        if name == "SparsePauliOp":
            return self._weighted(inner, where)
        if name == "PauliList":
            return _by_pauli(self._paulis(inner, where), None, where)
        if name == "Pauli":
            return {_pauli(inner.get("data"), where): 1.0}
        raise DecodeError(BAD_TYPE, f"{where} can't be a {name[:40]!r}")

    def _weighted(self, inner: dict[str, Any], where: str) -> Mapping[str, float]:
        name, paulis = named(inner.get("data"), where)
        if name != "PauliList" or not set(inner) <= {"data", "coeffs"}:
            raise DecodeError(BAD_TYPE, f"{where} must hold a PauliList and its coefficients")
        labels = self._paulis(paulis, where)
        weights = decode_plain(inner.get("coeffs"), self.budget, where)
        return _by_pauli(labels, weights, where)

    def _paulis(self, inner: dict[str, Any], where: str) -> list[str]:
        found = inner.get("data")
        if not isinstance(found, list) or not found:
            raise DecodeError(BAD_PUB, f"{where} must hold at least one Pauli string")
        self.terms += len(found)
        if self.terms > MAX_TERMS:
            raise DecodeError(BAD_PUB, f"There are more than {MAX_TERMS} Pauli terms")
        labels = [_pauli(item, where) for item in found]
        if len({len(label) for label in labels}) != 1:
            raise DecodeError(BAD_PUB, f"{where} has Pauli strings of different lengths")
        return labels

    def options(self, observables: bool) -> dict[str, Any]:
        """The settings under the users' names; anything unknown stays, to be refused by its name."""
        known = ESTIMATOR_KEYS if observables else SHARED_KEYS
        found: dict[str, Any] = {}
        for name, value in self.params.items():
            if name in SETTINGS:
                self._place(found, SETTINGS[name], name, value)
            elif name == "run_options":
                self._place(found, "execution", name, value)
            elif name == "skip_transpilation":
                # Clients before 0.8 say it beside the settings.
                self._place(found, "transpilation", name, {name: value})
            elif name not in known:
                found[name] = value
        _lift_levels(found)
        return found

    def _place(self, found: dict[str, Any], section: str, name: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, dict) or "__type__" in value:
            raise DecodeError(BAD_VALUE, f"{name} must be an object")
        for key, item in value.items():
            place = {**RUN_PLACES, **SET_PLACES}.get(key, section)
            read = item if key == "noise_model" else decode_plain(item, self.budget, f"{place}.{key}")
            found.setdefault(place, {})[key] = read


def _lift_levels(found: dict[str, Any]) -> None:
    """The two levels are options of their own for the user, and parts of the settings on the wire."""
    optimization = found.get("transpilation", {}).pop("optimization_settings", None)
    if optimization is not None:
        if not isinstance(optimization, dict) or not set(optimization) <= {"level"}:
            raise DecodeError(BAD_VALUE, "optimization_settings must be an object with a level")
        found["optimization_level"] = optimization.get("level")
    found["resilience_level"] = found.get("resilience", {}).pop("level", None)


def named(value: Any, where: str) -> tuple[str, dict[str, Any]]:
    """The class name and the settings of an object that its sender took apart."""
    keys = {"__type__", "__module__", "__class__", "__value__"}
    if not isinstance(value, dict) or value.keys() != keys or value["__type__"] != "settings":
        raise DecodeError(BAD_TYPE, f"{where} must be an operator's settings")
    module, name, inner = value["__module__"], value["__class__"], value["__value__"]
    if not isinstance(module, str) or not module.startswith(OPERATORS):
        raise DecodeError(BAD_TYPE, f"{where} is of a module that isn't accepted")
    if not isinstance(name, str) or not isinstance(inner, dict):
        raise DecodeError(BAD_VALUE, f"{where} is malformed")
    return name, inner


def real_numbers(array: Any, where: str) -> npt.NDArray[np.float64]:
    """A list of finite real numbers."""
    if isinstance(array, np.ndarray) and array.dtype.kind == "c":
        raise DecodeError(BAD_PUB, f"{where} must be real numbers")
    try:
        found = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DecodeError(BAD_PUB, f"{where} must be real numbers") from None
    if found.ndim != 1 or not np.isfinite(found).all():
        raise DecodeError(BAD_PUB, f"{where} must be a list of finite real numbers")
    return found


def _circuit_text(value: Any, number: int) -> str:
    form = typed(value)
    if form is None or form[0] != "QuantumCircuit":
        found = "something else" if form is None else repr(form[0][:40])
        raise DecodeError(BAD_TYPE, f"Circuit {number} must be a QuantumCircuit, not {found}")
    if not isinstance(form[1], str):
        raise DecodeError(BAD_VALUE, f"Circuit {number} must be a base64 string")
    return form[1]


def _pauli(label: Any, where: str) -> str:
    if not isinstance(label, str) or not label or set(label) - set("IXYZ"):
        raise DecodeError(BAD_PUB, f"{where}: {str(label)[:40]!r} is not a Pauli string")
    return label


def _by_pauli(labels: Sequence[str], weights: Any, where: str) -> dict[str, float]:
    numbers = [1.0] * len(labels) if weights is None else _weights(weights, where)
    if len(numbers) != len(labels):
        raise DecodeError(BAD_PUB, f"{where} has {len(labels)} Pauli strings and {len(numbers)} coefficients")
    found: dict[str, float] = {}
    for label, number in zip(labels, numbers, strict=True):
        found[label] = found.get(label, 0.0) + number
    return found


def _weights(weights: Any, where: str) -> list[float]:
    try:
        numbers = np.asarray(weights, dtype=np.complex128)
    except (TypeError, ValueError, OverflowError):
        raise DecodeError(BAD_PUB, f"{where}: the coefficients must be numbers") from None
    if numbers.ndim != 1:
        raise DecodeError(BAD_PUB, f"{where}: the coefficients must be a list")
    if any(number.imag or not math.isfinite(number.real) for number in numbers):
        raise DecodeError(BAD_PUB, f"{where}: the coefficients must be real and finite")
    return [float(number.real) for number in numbers]
