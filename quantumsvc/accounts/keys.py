"""API keys as text: how they are made, recognised and turned into what is stored."""

import re
import secrets
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

MARK = "qs_"
KEY_PATTERN = re.compile(r"qs_[A-Za-z0-9_-]{43}")

# How much of a key is kept readable, so that its owner can tell which is which.
KEY_PREFIX_LENGTH = 8


@dataclass(frozen=True)
class KeyMaterial:
    """A fresh key. ``text`` is for its owner only and must never be stored or logged."""

    text: str
    prefix: str
    digest: str


def make_key() -> KeyMaterial:
    """A key of 256 random bits, too many to guess, so that a fast keyed digest is enough."""
    text = MARK + secrets.token_urlsafe(32)
    return KeyMaterial(text=text, prefix=text[:KEY_PREFIX_LENGTH], digest=digest_of(text))


def looks_like_key(text: str) -> bool:
    """Whether it is worth asking the database about this text."""
    return KEY_PATTERN.fullmatch(text) is not None


def digest_of(text: str) -> str:
    """What is stored of a key. It depends on the secret key: a copy of the database opens nothing."""
    return salted_hmac("quantumsvc.accounts.keys", text, algorithm="sha256").hexdigest()
