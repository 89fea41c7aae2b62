"""How a pub's shots are dealt out over random twirls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from qiskit_ibm_runtime.exceptions import IBMInputValueError
from qiskit_ibm_runtime.executor.calculate_twirling_shots import calculate_twirling_shots
from qiskit_ibm_runtime.options_models import TwirlingOptions

from quantumsvc.backends.programs.errors import Code, ProgramError

T = TypeVar("T")
K = TypeVar("K")


def split_shots(shots: int, given: bool, twirling: TwirlingOptions) -> tuple[int, int]:
    """Randomizations and shots of each.

    ``given``: the pub itself asked for these shots, so at least as many are run. Otherwise the
    product of the two options, when both are set, replaces the default shots.
    """
    count, each = calculate_twirling_shots(
        shots, twirling.num_randomizations, twirling.shots_per_randomization
    )
    if given and count * each < shots:
        count = math.ceil(shots / each)
    return count, each


def asked_shots(shots: int, given: bool, twirling: TwirlingOptions) -> int:
    """How many of the executed shots belong to the result."""
    both = twirling.num_randomizations != "auto" and twirling.shots_per_randomization != "auto"
    if both and not given:
        return int(twirling.num_randomizations) * int(twirling.shots_per_randomization)
    return shots


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items by key, both in order of appearance."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def prepared(make: Callable[[], T]) -> T:
    """Run a preparation of the client's library; its complaints are the user's to read."""
    try:
        return make()
    except (ProgramError, MemoryError):
        raise
    except (IBMInputValueError, ValueError) as error:
        raise ProgramError(Code.OPTIONS_CONFLICT, _told(error)) from error
    except Exception as error:
        raise ProgramError(Code.JOB_FAILED, f"The job can't be prepared: {_told(error)}") from error


def _told(error: Exception) -> str:
    message: Any = getattr(error, "message", None) or str(error)
    lines = str(message).strip("'\" ").splitlines()
    return lines[0][:300] if lines else type(error).__name__
