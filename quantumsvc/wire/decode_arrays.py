"""Numeric arrays of the wire, read without numpy's own file reader.

Two forms: a zlib-packed ``.npy`` file, and the executor's tensor (packed raw bytes with shape and
type beside them). Both sizes are proven against the data before an array is made.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from quantumsvc.wire.decode_budget import Budget, inflate, unbase64
from quantumsvc.wire.decode_errors import BAD_VALUE, DecodeError

Array = npt.NDArray[Any]

MAX_DIMENSIONS = 16
NPY_MAGIC = b"\x93NUMPY"
NPY_TYPE = re.compile(r"[<>|=]?(f4|f8|c8|c16|[iu][1248]|b1)")
TENSOR_TYPES = {
    "f16": "<f2", "f32": "<f4", "f64": "<f8", "i8": "<i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "u8": "<u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "c64": "<c8", "c128": "<c16",
}  # fmt: skip


def read_npy(text: object, budget: Budget) -> Array:
    """The array in a base64 string of a zlib-packed ``.npy`` file."""
    raw = inflate(unbase64(text, "An ndarray"), budget, "An ndarray")
    header, start = _npy_header(raw)
    dtype, shape = _npy_type(header), _shape(header["shape"])
    wanted = math.prod(shape) * dtype.itemsize
    if len(raw) - start != wanted:
        raise DecodeError(BAD_VALUE, f"An ndarray holds {len(raw) - start} bytes where {wanted} belong")
    flat: Array = np.frombuffer(raw, dtype=dtype, offset=start)
    shaped: Array = flat.reshape(shape[::-1]).T if header["fortran_order"] else flat.reshape(shape)
    return np.ascontiguousarray(shaped, dtype=dtype.newbyteorder("=")).reshape(shape)


def _npy_header(raw: bytes) -> tuple[dict[str, Any], int]:
    """The header's dictionary and where the data begin."""
    if raw[:6] != NPY_MAGIC or len(raw) < 12 or raw[6] not in (1, 2, 3):
        raise DecodeError(BAD_VALUE, "An ndarray is not a .npy file")
    width = 2 if raw[6] == 1 else 4
    start = 8 + width
    size = int.from_bytes(raw[8:start], "little")
    if size > 4096 or start + size > len(raw):
        raise DecodeError(BAD_VALUE, "An ndarray has a malformed header")
    try:
        header = ast.literal_eval(raw[start : start + size].decode("latin-1"))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise DecodeError(BAD_VALUE, "An ndarray has a malformed header") from None
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise DecodeError(BAD_VALUE, "An ndarray has a malformed header")
    return header, start + size


def _npy_type(header: dict[str, Any]) -> np.dtype[Any]:
    described = header["descr"]
    if not isinstance(described, str) or not NPY_TYPE.fullmatch(described):
        raise DecodeError(BAD_VALUE, "An ndarray has an element type that isn't accepted")
    return np.dtype(described)


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or len(value) > MAX_DIMENSIONS:
        raise DecodeError(BAD_VALUE, "An array's shape must be a short list of sizes")
    if any(type(size) is not int or not 0 <= size < 1 << 40 for size in value):
        raise DecodeError(BAD_VALUE, "An array's shape must hold whole numbers from 0 on")
    return tuple(value)


def is_tensor(value: object) -> bool:
    """Whether a JSON value has the three keys of an executor tensor."""
    return isinstance(value, dict) and value.keys() == {"data", "shape", "dtype"}


def check_tensor(value: object, budget: Budget, what: str) -> None:
    """Prove that a tensor's data have the size that its shape and type say."""
    if not isinstance(value, dict) or not is_tensor(value):
        raise DecodeError(BAD_VALUE, f"{what} must be a tensor with data, shape and dtype")
    kind, shape = value["dtype"], _shape(value["shape"])
    if not isinstance(kind, str) or (kind != "bool" and kind not in TENSOR_TYPES):
        raise DecodeError(BAD_VALUE, f"{what} has an element type that isn't accepted")
    wanted = tensor_bytes(kind, math.prod(shape))
    raw = inflate(unbase64(value["data"], what), budget, what)
    if len(raw) != wanted:
        raise DecodeError(BAD_VALUE, f"{what} holds {len(raw)} bytes where {wanted} belong")


def tensor_bytes(kind: str, elements: int) -> int:
    """Bytes of so many elements; truth values are packed eight to a byte."""
    if kind == "bool":
        return (elements + 7) // 8
    return elements * np.dtype(TENSOR_TYPES[kind]).itemsize
