"""How much one payload may inflate to, in all."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass

from quantumsvc.wire.decode_errors import BAD_VALUE, INFLATES, DecodeError

MAX_DEPTH = 64
"""How deep JSON may nest."""

FREE_BYTES = 1 << 20
"""Up to here the compression ratio doesn't matter: an array of zeros is honest."""

MAX_RATIO = 400
"""Beyond ``FREE_BYTES`` no stream may grow more than this; zlib's own bound is about 1030."""

OLDEST_QPY = 13
"""Older versions of the circuits' format may hold symbolic text or foreign binary forms."""

OLD_CLIENTS_QPY = 5
"""The oldest version that is read where old clients are served: 0.6.2 writes it."""


@dataclass
class Budget:
    """Counts inflated bytes over a whole payload.

    ``limit`` bounds the sum of everything that is inflated or copied out of base64, in bytes;
    ``max_qubits`` and ``max_gates`` bound each circuit before it is built. ``oldest_qpy`` is the oldest
    version of the circuits' format that is read.
    """

    limit: int
    max_items: int = 10_000
    max_qubits: int = 10_000
    max_gates: int = 5_000_000
    oldest_qpy: int = OLDEST_QPY
    used: int = 0

    def take(self, count: int) -> None:
        """Count bytes; raises ``DecodeError`` when the payload has had its share."""
        self.used += count
        if self.used > self.limit:
            raise DecodeError(INFLATES, f"The payload inflates to more than {self.limit} bytes")

    @property
    def left(self) -> int:
        """Bytes that may still be inflated."""
        return max(0, self.limit - self.used)


def unbase64(text: object, what: str) -> bytes:
    """Bytes of a base64 string; nothing but the standard alphabet is accepted."""
    if not isinstance(text, str):
        raise DecodeError(BAD_VALUE, f"{what} must be a base64 string")
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise DecodeError(BAD_VALUE, f"{what} is not valid base64") from None


def inflate(packed: bytes, budget: Budget, what: str) -> bytes:
    """Undo zlib within the budget: stops at the first byte too many, never after it."""
    allowed = min(budget.left, max(FREE_BYTES, MAX_RATIO * len(packed)))
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(packed, allowed + 1)
    except zlib.error:
        raise DecodeError(BAD_VALUE, f"{what} is not valid zlib data") from None
    if len(raw) > allowed:
        raise DecodeError(INFLATES, f"{what} inflates to more than {allowed} bytes")
    if not stream.eof or stream.unused_data:
        raise DecodeError(BAD_VALUE, f"{what} is cut short or has bytes after its end")
    budget.take(len(raw))
    return raw
