"""Identifiers as the clients know them: twenty characters of lower-case base32hex, sortable by second."""

import secrets
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def new_id() -> str:
    """Four bytes of time in seconds, eight random ones: unique without any coordination."""
    number = int.from_bytes(int(time.time()).to_bytes(4, "big") + secrets.token_bytes(8), "big") << 4
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(95, -1, -5))
