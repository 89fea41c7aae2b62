"""From where the present operation was asked for, so that the audit can tell. Nothing is decided by it.

Set where a request or a command comes in; a process that acts by itself has the default.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """api, pages, admin: a request to these; command: ``manage.py``; service: nobody asked."""

    API = "api"
    PAGES = "pages"
    ADMIN = "admin"
    COMMAND = "command"
    SERVICE = "service"


@dataclass(frozen=True)
class Origin:
    """``address`` is the network address that the request came from, or empty."""

    via: Via = Via.SERVICE
    address: str = ""


NOBODY = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOBODY)


def current() -> Origin:
    """The origin of what is being done now."""
    return _current.get()


def enter(origin: Origin) -> None:
    """What follows in this thread or task is asked for from there, until the next call."""
    _current.set(origin)


@contextmanager
def acting(via: Via, address: str = "") -> Iterator[None]:
    """What is done inside is asked for from there."""
    before = _current.set(Origin(via, address))
    try:
        yield
    finally:
        _current.reset(before)
