"""What a program needs from the process that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
PhaseName = Literal["preparing", "executing", "finishing"]


class Reporter(Protocol):
    """Where a program tells what it is doing; each call is passed on as it is made."""

    def phase(self, name: PhaseName) -> None:
        """The job enters this phase of RUNNING."""

    def progress(self, done: int, total: int) -> None:
        """So many of the job's pubs (or items) are finished."""

    def log(self, level: str, text: str) -> None:
        """One line for the job's log; ``level`` is one of Python's level names."""

    def metric(self, name: str, value: float | int | str) -> None:
        """One measured fact of the job."""

    def transpiled(self, text: str) -> None:
        """The next circuit as it runs, in OpenQASM 3; empty when it can't be written so."""


class SessionCache(Protocol):
    """Things made once and used again by later jobs of the same session."""

    def get_or_make(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """The thing kept under (kind, key), made by ``make`` when it isn't there.

        An exception of ``make`` passes through and keeps nothing.
        """

    def peek(self, kind: str, key: str) -> object:
        """What is kept under (kind, key), or ``None``; not counted."""

    def keep(self, kind: str, key: str, value: object) -> None:
        """Keep something without having asked for it; not counted."""
