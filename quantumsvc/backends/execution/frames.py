"""Frames on a stream socket: one byte of kind, two lengths, a JSON header and a raw body.

The reader is made for hostile senders: it refuses a frame by its announced lengths, before it
keeps any of it.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

PREFIX = struct.Struct(">BII")
HEADER_MAX = 64 * 1024
"""No message's header is longer, in bytes."""


class Kind(IntEnum):
    """What a frame holds."""

    TASK = 1
    DEVICE = 2
    NOTE = 3
    RESULT = 4
    CONTROL = 5


class Frame(NamedTuple):
    """One whole frame."""

    kind: Kind
    header: bytes
    body: bytes


class FrameError(Exception):
    """The bytes aren't a frame that this reader takes."""


def pack(kind: Kind, header: bytes = b"", body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    return PREFIX.pack(kind, len(header), len(body)) + header + body


class FrameReader:
    """Cuts a stream of bytes into frames; keeps at most one unfinished frame.

    ``kinds`` maps each kind that may come to the longest body it may have, in bytes.
    """

    def __init__(self, kinds: dict[Kind, int]) -> None:
        self.kinds = kinds
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that ``data`` completes. Raises FrameError; the stream is then of no more use."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if len(self._buffer) < PREFIX.size:
            return None
        number, header_size, body_size = PREFIX.unpack_from(self._buffer)
        kind = self._allowed(number, header_size, body_size)
        middle = PREFIX.size + header_size
        end = middle + body_size
        if len(self._buffer) < end:
            return None
        frame = Frame(kind, bytes(self._buffer[PREFIX.size : middle]), bytes(self._buffer[middle:end]))
        del self._buffer[:end]
        return frame

    def _allowed(self, number: int, header_size: int, body_size: int) -> Kind:
        if number not in self.kinds:
            raise FrameError(f"a frame of kind {number} has no place here")
        kind = Kind(number)
        if header_size > HEADER_MAX or body_size > self.kinds[kind]:
            raise FrameError(f"a {kind.name} frame of {header_size} + {body_size} bytes is too long")
        return kind
