"""Symbolic expressions in symengine's binary form, which circuits of clients from 0.23 to 0.30 hold.

The library's own reader unpickles what a payload names, and is native code that has crashed on malformed
input. This one knows numbers, symbols and the functions below, and answers the expression as text.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from qiskit.qpy import common

from quantumsvc.wire.decode_errors import BAD_QPY, DecodeError

VERSIONS = frozenset({11, 12, 13, 14, 15})
"""The library's releases (0.11 to 0.15) that write this form."""

ADDRESSES_FROM = 14
"""From this release on, parts are numbered by 8 bytes and a flag; before by 4 bytes with a bit for it."""

FIRST_MET = 1 << 31
MAX_TEXT = 100_000
"""Characters of one expression: its parts may be shared, so that little data can mean a long text."""

MAX_DEPTH = 100
FUNCTIONS = {
    0x1D: "log", 0x1E: "conjugate", 0x20: "sign", 0x23: "sin", 0x24: "cos", 0x25: "tan",
    0x29: "asin", 0x2A: "acos", 0x2D: "atan", 0x4D: "abs",
}  # fmt: skip
CONSTANTS = {"pi": repr(math.pi), "E": repr(math.e)}


class _Reader:
    """Reads one payload from its beginning to its end."""

    def __init__(self, payload: bytes) -> None:
        self.payload, self.place, self.depth, self.version = payload, 0, 0, 0
        self.known: dict[int, str] = {}

    def take(self, pattern: str) -> Any:
        """The next number."""
        try:
            found = struct.unpack_from(f"<{pattern}", self.payload, self.place)
        except struct.error:
            raise _unreadable("is cut short") from None
        self.place += struct.calcsize(f"<{pattern}")
        return found[0]

    def text(self) -> str:
        """The next string."""
        size = self.take("Q")
        raw = self.payload[self.place : self.place + size]
        if len(raw) != size:
            raise _unreadable("is cut short")
        self.place += size
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise _unreadable("holds a name that is not text") from None

    def whole(self) -> str:
        """The expression, when there is nothing after it."""
        little, major, self.version = self.take("B"), self.take("H"), self.take("H")
        if (little, major) != (1, 0) or self.version not in VERSIONS:
            raise _unreadable(f"is of a version that isn't read here ({major}.{self.version})")
        found = self.part()
        if self.place != len(self.payload):
            raise _unreadable("has bytes after its end")
        return found

    def part(self) -> str:
        """A part: written out where it is met first, named by a number where it is met again."""
        number, first = self._number()
        if not first:
            if number not in self.known:
                raise _unreadable("names a part that it doesn't hold")
            return self.known[number]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _unreadable("nests too deeply")
        found = self._written_out(self.take("I" if self.version < ADDRESSES_FROM else "B"))
        self.depth -= 1
        if len(found) > MAX_TEXT:
            raise _unreadable("is too long")
        self.known[number] = found
        return found

    def _number(self) -> tuple[int, bool]:
        """A part's number, and whether it is met for the first time."""
        if self.version >= ADDRESSES_FROM:
            return self.take("Q"), bool(self.take("B"))
        number = self.take("I")
        return number & ~FIRST_MET, bool(number & FIRST_MET)

    def _written_out(self, code: int) -> str:
        if code in FUNCTIONS:
            return f"{FUNCTIONS[code]}({self.part()})"
        if code not in _FORMS:
            raise _unreadable(f"holds something of kind {code}, which isn't accepted here")
        return _FORMS[code](self)

    def integer(self) -> str:
        text = self.text()
        if len(text) > 40 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
            raise _unreadable("holds a whole number that is none")
        return f"({text})"

    def real(self) -> str:
        value = self.take("d")
        if not math.isfinite(value):
            raise _unreadable("holds a number that is not finite")
        return f"({value!r})"

    def quotient(self) -> str:
        return f"({self.part()}/{self.part()})"

    def complex_number(self) -> str:
        return f"({self.part()}+{self.part()}*I)"

    def symbol(self) -> str:
        if self.take("B"):
            raise _unreadable("holds a foreign symbol")
        return self.text()

    def constant(self) -> str:
        name = self.text()
        if name not in CONSTANTS:
            raise _unreadable(f"holds an unknown constant {name[:40]!r}")
        return CONSTANTS[name]

    def power(self) -> str:
        return f"({self.part()}**{self.part()})"

    def product(self) -> str:
        return self._joined("*", "**")

    def sum(self) -> str:
        return self._joined("+", "*")

    def _joined(self, outer: str, inner: str) -> str:
        """A number, and pairs that belong to it: factors with exponents, or terms with weights."""
        parts = [self.part()]
        for _ in range(self.take("Q")):
            one, by = self.part(), self.part()
            parts.append(one if by == "(1)" else f"({one}{inner}{by})")
            if sum(map(len, parts[-2:])) > MAX_TEXT or len(parts) > MAX_TEXT:
                raise _unreadable("is too long")
        return f"({outer.join(parts)})"


_FORMS: dict[int, Callable[[_Reader], str]] = {
    0x00: _Reader.integer,
    0x01: _Reader.quotient,
    0x02: _Reader.complex_number,
    0x03: _Reader.complex_number,
    0x06: _Reader.real,
    0x0D: _Reader.symbol,
    0x0F: _Reader.product,
    0x10: _Reader.sum,
    0x11: _Reader.power,
    0x1F: _Reader.constant,
}


def _unreadable(why: str) -> DecodeError:
    return DecodeError(BAD_QPY, f"A symbolic expression {why}")


def read_expression(payload: bytes) -> str:
    """The expression as text; raises ``DecodeError`` for anything else than arithmetic."""
    return _Reader(bytes(payload)).whole()


def use_own_reader() -> None:
    """Have Qiskit's reader of circuits ask this one instead of the native library."""
    common.load_symengine_payload = read_expression
