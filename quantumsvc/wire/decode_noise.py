"""Noise models as clients of version 1 send them: the simulator's data form, read by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_errors import BAD_TYPE, BAD_VALUE, DecodeError
from quantumsvc.wire.decode_json import decode_plain, typed

MAX_ERRORS = 20_000
MAX_TERMS = 4_096
"""Alternatives of one error."""

MAX_WIDTH = 3
"""Qubits that one error acts on; a chip's errors act on one or two."""

GATES = frozenset({"id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "cx", "cz", "swap"})
Matrix = npt.NDArray[np.complex128]
WHERE = "The option simulator.noise_model"


@dataclass(frozen=True)
class Step:
    """One operation of an error: a gate or ``reset``, ``pauli`` with its string, or one with matrices."""

    name: str
    qubits: tuple[int, ...]
    pauli: str = ""
    matrices: tuple[Matrix, ...] = ()


@dataclass(frozen=True)
class GateError:
    """Alternatives with their probabilities, behind ``operations``; ``places`` is None for all qubits."""

    operations: tuple[str, ...]
    places: tuple[tuple[int, ...], ...] | None
    terms: tuple[tuple[float, tuple[Step, ...]], ...]


@dataclass(frozen=True)
class ReadoutError:
    """Row i holds the probabilities of what is read when i is true; ``places`` is None for all qubits."""

    places: tuple[tuple[int, ...], ...] | None
    probabilities: npt.NDArray[np.float64]


Error = GateError | ReadoutError


def decode_noise(value: Any, budget: Budget) -> tuple[Error, ...]:
    """The errors of a noise model; raises ``DecodeError`` for anything that isn't one."""
    form = typed(value)
    if form is not None and form[0] != "NoiseModel":
        raise DecodeError(BAD_TYPE, f"{WHERE} can't be a {form[0][:40]!r}")
    tree = decode_plain(form[1] if form else value, budget, WHERE)
    if not isinstance(tree, dict) or not set(tree) <= {"errors"}:
        raise _malformed("it must be an object of errors")
    return tuple(_error(item) for item in _list(tree.get("errors", []), MAX_ERRORS, "errors"))


def _malformed(why: str) -> DecodeError:
    return DecodeError(BAD_VALUE, f"{WHERE} can't be read: {why}")


def _list(value: Any, most: int, what: str) -> list[Any]:
    if not isinstance(value, (list, np.ndarray)) or len(value) > most:
        raise _malformed(f"{what} must be a list of at most {most} members")
    return list(value)


def _error(item: Any) -> Error:
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "qerror":
        return _gate_error(item)
    if kind == "roerror":
        return ReadoutError(_places(item), _probabilities(item.get("probabilities")))
    raise _malformed("an error must be a qerror or a roerror")


def _gate_error(item: dict[str, Any]) -> GateError:
    operations = _list(item.get("operations"), 100, "operations")
    if not operations or any(not isinstance(name, str) or not 0 < len(name) <= 60 for name in operations):
        raise _malformed("operations must be names of gates")
    steps = [_steps(term) for term in _list(item.get("instructions"), MAX_TERMS, "instructions")]
    shares = [_share(number) for number in _list(item.get("probabilities"), MAX_TERMS, "probabilities")]
    if not steps or len(steps) != len(shares) or abs(sum(shares) - 1) > 1e-6:
        raise _malformed("each of the instructions needs a probability, and these must add up to 1")
    return GateError(tuple(operations), _places(item), tuple(zip(shares, steps, strict=True)))


def _share(number: Any) -> float:
    if not isinstance(number, (int, float)) or not -1e-9 <= number <= 1 + 1e-9:
        raise _malformed("a probability must be a number from 0 to 1")
    return float(min(max(number, 0.0), 1.0))


def _places(item: dict[str, Any]) -> tuple[tuple[int, ...], ...] | None:
    if item.get("gate_qubits") is None:
        return None
    return tuple(_qubits(place, 1 << 20) for place in _list(item["gate_qubits"], MAX_ERRORS, "gate_qubits"))


def _qubits(value: Any, most: int) -> tuple[int, ...]:
    found = _list(value, MAX_WIDTH, "qubits")
    if not found or any(type(index) is not int or not 0 <= index < most for index in found):
        raise _malformed("qubits must be small whole numbers")
    if len(set(found)) != len(found):
        raise _malformed("an operation must act on different qubits")
    return tuple(found)


def _steps(term: Any) -> tuple[Step, ...]:
    return tuple(_step(item) for item in _list(term, 100, "an alternative"))


def _step(item: Any) -> Step:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _malformed("an operation must have a name")
    name, qubits = item["name"], _qubits(item.get("qubits"), MAX_WIDTH)
    params = item.get("params") or ()
    if name in GATES or name == "reset":
        return Step(name, qubits)
    if name == "pauli":
        return Step(name, qubits, pauli=_pauli(params, len(qubits)))
    if name in ("kraus", "unitary"):
        matrices = tuple(_matrix(each, 1 << len(qubits)) for each in _list(params, 64, "matrices"))
        if matrices and (name == "kraus" or len(matrices) == 1):
            return Step(name, qubits, matrices=matrices)
    raise _malformed(f"the operation {name[:40]!r} isn't accepted")


def _pauli(params: Any, width: int) -> str:
    label = params[0] if isinstance(params, list) and len(params) == 1 else None
    if not isinstance(label, str) or len(label) != width or set(label) - set("IXYZ"):
        raise _malformed("a pauli must have one letter for each of its qubits")
    return label


def _matrix(value: Any, size: int) -> Matrix:
    try:
        found = np.asarray(value, dtype=np.complex128)
    except (TypeError, ValueError, OverflowError):
        raise _malformed("a matrix must hold numbers") from None
    if found.shape != (size, size) or not np.isfinite(found).all():
        raise _malformed(f"a matrix must have {size} rows and columns of finite numbers")
    return found


def _probabilities(value: Any) -> npt.NDArray[np.float64]:
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _malformed("readout probabilities must be numbers") from None
    size = len(found) if found.ndim == 2 else 0
    fits = found.shape == (size, size) and size >= 2 and math.log2(size).is_integer() and size <= 8
    if not fits or (found < 0).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-6):
        raise _malformed("readout probabilities must be a square of rows that add up to 1")
    return found
