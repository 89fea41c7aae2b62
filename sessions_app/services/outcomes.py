"""What a stored result says, for people: counts of bits, or values with their errors.

Results come out of children, so they are read as any payload is: their size is looked at before they are
loaded, by closed types, and one array at a time is unpacked within a bound.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from django.db.models import F, Func, IntegerField

from quantumsvc.wire.decode_arrays import read_npy
from quantumsvc.wire.decode_budget import Budget, inflate, unbase64
from quantumsvc.wire.decode_errors import DecodeError
from sessions_app.models import JobResult

# A longer result (bytes) is only given as a file; what is unpacked to show one part of it is bounded too.
SHOWN_BYTES = 8_000_000
UNPACKED_BYTES = 32_000_000
VALUES = ("evs", "stds")


class _Typed(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="__type__")
    value: msgspec.Raw = msgspec.field(name="__value__")


class _Result(msgspec.Struct, frozen=True):
    pub_results: list[_Typed]


class _Pub(msgspec.Struct, frozen=True):
    data: _Typed


class _Bin(msgspec.Struct, frozen=True):
    fields: dict[str, _Typed]


class _Bits(msgspec.Struct, frozen=True):
    array: _Typed
    num_bits: int


class _Tensor(msgspec.Struct, frozen=True):
    data: str
    shape: list[int]
    dtype: str


class _Item(msgspec.Struct, frozen=True):
    results: dict[str, _Tensor]


class _Items(msgspec.Struct, frozen=True):
    data: list[_Item]


class Unreadable(Exception):
    """There is nothing in a result that can be shown; the message says why."""


@dataclass(frozen=True)
class Counts:
    """How often each outcome of a register came up in one parameter set, by outcome (bit 0 on the right)."""

    bits: int
    shots: int
    found: Mapping[str, int]


@dataclass(frozen=True)
class Values:
    """The entries of a pub's arrays in their order; ``others`` are arrays beside value and error."""

    values: list[float]
    errors: list[float]
    others: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One pub (or item): what it holds, still packed. ``registers`` is empty for values."""

    registers: tuple[str, ...]
    arrays: Mapping[str, Any]

    @property
    def has_values(self) -> bool:
        """Whether it holds values with errors rather than bits."""
        return not self.registers and "evs" in self.arrays

    def sets(self, register: str) -> int:
        """How many parameter sets there are. Raises :class:`Unreadable`."""
        return prod(self._bits(register)[0].shape[:-2])

    def counts(self, register: str, which: int) -> Counts:
        """The outcomes of one parameter set, the number of which is taken as one of those there are."""
        rows, bits = self._bits(register)
        flat = rows.reshape(-1, *rows.shape[-2:])
        if not len(flat):
            return Counts(bits, 0, {})
        chosen = flat[min(max(which, 0), len(flat) - 1)]
        unique, numbers = np.unique(chosen, axis=0, return_counts=True)
        words = [format(int.from_bytes(row.tobytes(), "big"), f"0{bits}b") for row in unique]
        return Counts(bits, len(chosen), dict(zip(words, numbers.tolist(), strict=True)))

    def told(self) -> Values:
        """The values and their errors. Raises :class:`Unreadable`."""
        budget = _budget()
        found = {name: _numbers(packed, budget) for name, packed in self.arrays.items()}
        values = found.pop("evs", [])
        return Values(values, found.pop("stds", [0.0] * len(values)), found)

    def _bits(self, register: str) -> tuple[npt.NDArray[np.uint8], int]:
        """Each shot's bits as bytes, highest first, and how many bits there are."""
        packed = self.arrays.get(register)
        try:
            if isinstance(packed, _Tensor):
                return _bits_of_tensor(packed)
            held = msgspec.json.decode(packed.value, type=_Bits) if packed is not None else None
            rows = _array(held.array) if held is not None else np.zeros((0, 1), np.uint8)
        except (DecodeError, msgspec.MsgspecError, ValueError) as error:
            raise Unreadable("The result's bits can't be read.") from error
        bits = held.num_bits if held is not None else 0
        if rows.ndim < 2 or rows.dtype != np.uint8 or not 0 <= bits <= 8 * rows.shape[-1]:
            raise Unreadable("The result's bits can't be read.")
        return rows, bits


def parts_of(job_id: str) -> list[Part]:
    """The parts of a job's result. Raises :class:`Unreadable`."""
    rows = JobResult.objects.filter(pk=job_id)
    size = rows.values_list(Func(F("body"), function="octet_length", output_field=IntegerField())).first()
    if size is None:
        raise Unreadable("There is no result.")
    if size[0] > SHOWN_BYTES:
        raise Unreadable(f"The result has {size[0]:,} bytes, too many to be drawn here.")
    return parts_in(bytes(rows.values_list("body", flat=True).get()))


def parts_in(body: bytes) -> list[Part]:
    """The same of a result's bytes."""
    for read in (_primitive, _executor):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            return read(body)
    raise Unreadable("The result is of a kind that is not drawn here.")


def _primitive(body: bytes) -> list[Part]:
    held = msgspec.json.decode(msgspec.json.decode(body, type=_Typed).value, type=_Result)
    return [_part(each) for each in held.pub_results]


def _part(typed: _Typed) -> Part:
    pub = msgspec.json.decode(typed.value, type=_Pub)
    fields = msgspec.json.decode(pub.data.value, type=_Bin).fields
    return Part(tuple(name for name, each in fields.items() if each.type == "BitArray"), fields)


def _executor(body: bytes) -> list[Part]:
    items = msgspec.json.decode(body, type=_Items).data
    return [
        Part(tuple(name for name, each in item.results.items() if _is_bits(each)), item.results)
        for item in items
    ]


def _is_bits(tensor: _Tensor) -> bool:
    return tensor.dtype == "bool" and len(tensor.shape) >= 2


def _budget() -> Budget:
    return Budget(limit=UNPACKED_BYTES)


def _array(typed: _Typed) -> npt.NDArray[Any]:
    return read_npy(msgspec.json.decode(typed.value, type=str), _budget())


def _bits_of_tensor(tensor: _Tensor) -> tuple[npt.NDArray[np.uint8], int]:
    """Truth values are packed over all axes, lowest first; the last axis is over bits."""
    length = prod(tensor.shape)
    if not 0 <= length <= 8 * UNPACKED_BYTES or min(tensor.shape) < 0:
        raise ValueError("an impossible shape")
    raw = inflate(unbase64(tensor.data, "bits"), _budget(), "bits")
    if len(raw) != -(-length // 8) or length > UNPACKED_BYTES:
        raise ValueError("another number of bits than the shape says")
    flat = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[:length]
    bits = flat.reshape(tensor.shape)
    # Bit 0 is the last of a word, and words fill their bytes from the right.
    missing = -tensor.shape[-1] % 8
    padded = np.pad(bits[..., ::-1], [(0, 0)] * (bits.ndim - 1) + [(missing, 0)])
    return np.packbits(padded, axis=-1), tensor.shape[-1]


def _numbers(packed: Any, budget: Budget) -> list[float]:
    """An array's entries as numbers; none for what holds no real numbers."""
    if not isinstance(packed, _Typed) or packed.type != "ndarray":
        return []
    try:
        array = read_npy(msgspec.json.decode(packed.value, type=str), budget)
    except (DecodeError, msgspec.MsgspecError) as error:
        raise Unreadable("The result's values can't be read.") from error
    return [] if array.dtype.kind not in "fiu" else [float(each) for each in array.ravel()]


def ordered(counts: Counts, *, by_count: bool) -> list[tuple[str, int]]:
    """The outcomes in the order of their bits, or the most frequent first."""
    pairs: Iterable[tuple[str, int]] = counts.found.items()
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]) if by_count else (0, pair[0]))
