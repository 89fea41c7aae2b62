"""The params of sampler and estimator jobs, taken apart into Python values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit

from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_errors import BAD_PUB, BAD_TYPE, BAD_VALUE, TOO_MANY_PUBS, DecodeError
from quantumsvc.wire.decode_json import decode_plain, parse_json, read_array, typed
from quantumsvc.wire.decode_qasm import is_qasm

MAX_TERMS = 1_000_000
"""Pauli terms in one job, over all observables."""

TOP_KEYS = frozenset({"pubs", "options", "version", "support_qiskit"})

CircuitReader = Callable[[str], QuantumCircuit]
"""From a circuit's packed text to the circuit; lets a session read the same text once."""


@dataclass(frozen=True)
class RawPub:
    """One pub: ``amount`` is shots (sampler) or precision (estimator), None for the default."""

    circuit: QuantumCircuit
    text: str
    values: npt.NDArray[np.float64]
    amount: int | float | None
    observables: Any = None


@dataclass(frozen=True)
class PrimitiveParams:
    """What the client sent: ``options`` holds only what the user set."""

    pubs: tuple[RawPub, ...]
    options: dict[str, Any]
    resilience_level: Any = None


def decode_primitive(
    raw: bytes, budget: Budget, reader: CircuitReader, *, observables: bool
) -> PrimitiveParams:
    """Take sampler params apart, or estimator params when pubs have ``observables``."""
    params = parse_json(raw)
    known = {"pubs", "options", "version", "support_qiskit"} | (
        {"resilience_level"} if observables else set()
    )
    _check_top(params, known)
    pubs = params.get("pubs")
    if not isinstance(pubs, list) or not pubs:
        raise DecodeError(BAD_PUB, "There must be a list with at least one pub")
    if len(pubs) > budget.max_items:
        raise DecodeError(TOO_MANY_PUBS, f"{len(pubs)} pubs are more than the {budget.max_items} accepted")
    options = params.get("options") or {}
    if not isinstance(options, dict):
        raise DecodeError(BAD_VALUE, "options must be an object")
    read = _PubReader(budget, reader, observables)
    return PrimitiveParams(
        pubs=tuple(read(index, pub) for index, pub in enumerate(pubs)),
        options=decode_plain(options, budget, "options"),
        resilience_level=params.get("resilience_level"),
    )


def _check_top(params: Any, known: set[str]) -> None:
    if not isinstance(params, dict):
        raise DecodeError(BAD_VALUE, "The params must be an object")
    unknown = sorted(set(params) - known)
    if unknown:
        raise DecodeError(BAD_VALUE, f"The params hold an unknown {unknown[0][:60]!r}")
    if params.get("version", 2) != 2:
        raise DecodeError(BAD_VALUE, "Only version 2 of the primitives runs here")


class _PubReader:
    def __init__(self, budget: Budget, reader: CircuitReader, observables: bool) -> None:
        self.budget, self.reader, self.with_observables, self.terms = budget, reader, observables, 0

    def __call__(self, index: int, pub: Any) -> RawPub:
        where = f"Pub {index}"
        most = 4 if self.with_observables else 3
        least = 2 if self.with_observables else 1
        if not isinstance(pub, list) or not least <= len(pub) <= most:
            raise DecodeError(BAD_PUB, f"{where} must be a list of {least} to {most} parts")
        parts = pub + [None] * (most - len(pub))
        text = self._circuit_text(parts[0], where)
        circuit = self.reader(text)
        observables = self._observables(parts[1], where) if self.with_observables else None
        values = self._values(parts[-2], circuit, where)
        return RawPub(circuit, text, values, self._amount(parts[-1], where), observables)

    def _circuit_text(self, value: Any, where: str) -> str:
        if isinstance(value, str) and is_qasm(value):
            return value
        form = typed(value)
        if form is None or form[0] != "QuantumCircuit":
            found = "something else" if form is None else repr(form[0][:40])
            raise DecodeError(BAD_TYPE, f"{where} must begin with a QuantumCircuit or OpenQASM, not {found}")
        if not isinstance(form[1], str):
            raise DecodeError(BAD_VALUE, f"{where}: a circuit must be a base64 string")
        return form[1]

    def _values(self, value: Any, circuit: QuantumCircuit, where: str) -> npt.NDArray[np.float64]:
        """Parameter values as real numbers, last axis over the circuit's parameters."""
        found = self._numbers(value, where)
        wanted = circuit.num_parameters
        if found.shape == (0,) and wanted == 0:
            return found
        if found.ndim == 0 or found.shape[-1] != wanted:
            raise DecodeError(
                BAD_PUB, f"{where}: parameter values of shape {found.shape} don't fit {wanted} parameters"
            )
        if not np.isfinite(found).all():
            raise DecodeError(BAD_PUB, f"{where}: parameter values must be finite")
        return found

    def _numbers(self, value: Any, where: str) -> npt.NDArray[np.float64]:
        if value is None:
            return np.zeros((0,))
        form = typed(value)
        if form is not None and form[0] != "ndarray":
            raise DecodeError(BAD_TYPE, f"{where}: parameter values can't be a {form[0][:40]!r}")
        array = read_array(form[1], self.budget, where) if form else value
        if isinstance(array, np.ndarray) and array.dtype.kind == "c":
            raise DecodeError(BAD_PUB, f"{where}: parameter values must be real numbers")
        try:
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise DecodeError(BAD_PUB, f"{where}: parameter values must be real numbers") from None

    def _amount(self, value: Any, where: str) -> int | float | None:
        if value is None:
            return None
        if self.with_observables:
            if type(value) not in (int, float) or not 0 < value < 1e6:
                raise DecodeError(BAD_PUB, f"{where}: precision must be a number above 0")
            return float(value)
        if type(value) is not int:
            raise DecodeError(BAD_PUB, f"{where}: shots must be a whole number")
        return value

    def _observables(self, value: Any, where: str) -> Any:
        """Nested lists of ``{pauli: coefficient}``; the leaves checked, the nesting kept."""
        form = typed(value)
        if form is not None:
            if form[0] not in ("ObservablesArray", "ndarray"):
                raise DecodeError(BAD_TYPE, f"{where}: observables can't be a {form[0][:40]!r}")
            value = form[1]
        return self._observable(value, where)

    def _observable(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self._observable(item, where) for item in value]
        if isinstance(value, str):
            value = {value: 1.0}
        if not isinstance(value, dict) or not value or "__type__" in value:
            raise DecodeError(BAD_PUB, f"{where}: an observable must be an object of Pauli strings")
        self.terms += len(value)
        if self.terms > MAX_TERMS:
            raise DecodeError(BAD_PUB, f"There are more than {MAX_TERMS} Pauli terms")
        for pauli, coefficient in value.items():
            if not pauli or set(pauli) - set("IXYZ01+-rl"):
                raise DecodeError(BAD_PUB, f"{where}: {pauli[:40]!r} is not a Pauli string")
            if type(coefficient) not in (int, float):
                raise DecodeError(
                    BAD_PUB, f"{where}: the coefficient of {pauli[:40]!r} must be a real number"
                )
        return value
