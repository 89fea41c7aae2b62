"""JSON payloads: parsed once, with a bounded depth and without NaN or Infinity."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from quantumsvc.wire.decode_arrays import read_npy
from quantumsvc.wire.decode_budget import MAX_DEPTH, Budget
from quantumsvc.wire.decode_errors import BAD_JSON, BAD_TYPE, BAD_VALUE, DecodeError

PLAIN_TYPES = frozenset({"ndarray", "complex", "datetime", "set"})
"""The typed values that options and circuit metadata may hold."""


def parse_json(raw: bytes) -> Any:
    """The JSON value of ``raw``; raises ``DecodeError`` for anything else."""
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        raise DecodeError(BAD_JSON, f"The payload nests deeper than {MAX_DEPTH}") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DecodeError(BAD_JSON, f"The payload is not valid JSON: {error}") from None
    check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Refuse deep nesting; walks without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise DecodeError(BAD_JSON, f"The payload nests deeper than {MAX_DEPTH}")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, (dict, list))]
    if isinstance(value, list):
        return [item for item in value if isinstance(item, (dict, list))]
    return []


def typed(value: Any) -> tuple[str, Any] | None:
    """The ``__type__`` and ``__value__`` of a typed form, or None for a plain value."""
    if not isinstance(value, dict) or "__type__" not in value:
        return None
    kind = value["__type__"]
    if not isinstance(kind, str) or value.keys() != {"__type__", "__value__"}:
        raise DecodeError(BAD_TYPE, "A typed value must have just __type__ (a name) and __value__")
    return kind, value["__value__"]


def decode_plain(value: Any, budget: Budget, where: str) -> Any:
    """A JSON tree with its typed values decoded; only ``PLAIN_TYPES`` are accepted."""
    form = typed(value)
    if form is not None:
        return _decode_form(form[0], form[1], budget, where)
    if isinstance(value, dict):
        return {key: decode_plain(item, budget, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [decode_plain(item, budget, where) for item in value]
    return value


def _decode_form(kind: str, inner: Any, budget: Budget, where: str) -> Any:
    if kind not in PLAIN_TYPES:
        raise DecodeError(BAD_TYPE, f"{where} holds a {kind[:40]!r}, which isn't accepted here")
    if kind == "ndarray":
        return read_array(inner, budget, where)
    if kind == "complex":
        return _complex(inner, where)
    if kind == "datetime":
        return _datetime(inner, where)
    return _set(inner, budget, where)


def read_array(inner: Any, budget: Budget, where: str) -> Any:
    """An ndarray form's value: a packed ``.npy`` file, or a JSON list of plain values."""
    if isinstance(inner, str):
        return read_npy(inner, budget)
    if isinstance(inner, list):
        budget.take(8 * len(inner))
        return np.array([_leaf(item, where) for item in inner], dtype=object)
    raise DecodeError(BAD_VALUE, f"{where} has an ndarray that is neither packed nor a list")


def _leaf(item: Any, where: str) -> Any:
    if item is None or isinstance(item, (str, int, float, bool)):
        return item
    raise DecodeError(BAD_VALUE, f"{where} has an ndarray of something else than plain values")


def _complex(inner: Any, where: str) -> complex:
    numbers = isinstance(inner, list) and len(inner) == 2 and all(type(x) in (int, float) for x in inner)
    if not numbers:
        raise DecodeError(BAD_VALUE, f"{where}: a complex number must be a pair of numbers")
    try:
        return complex(inner[0], inner[1])
    except OverflowError:
        raise DecodeError(BAD_VALUE, f"{where}: a complex number is out of range") from None


def _datetime(inner: Any, where: str) -> datetime:
    try:
        return datetime.fromisoformat(inner)
    except (TypeError, ValueError):
        raise DecodeError(BAD_VALUE, f"{where}: a datetime must be ISO 8601 text") from None


def _set(inner: Any, budget: Budget, where: str) -> set[Any]:
    if not isinstance(inner, list):
        raise DecodeError(BAD_VALUE, f"{where}: a set must be a list")
    return {_leaf(item, where) for item in inner}
