"""What the parts of one running job share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.messages import Limits, Task
from quantumsvc.backends.programs.circuit_store import CircuitStore
from quantumsvc.backends.programs.limits import budget_of
from quantumsvc.backends.programs.ports import Reporter, SessionCache
from quantumsvc.wire.decode_budget import Budget

T = TypeVar("T")
SEED_STEP = 2113
"""Aer seeds the n-th circuit of one run with seed + 2113 n. Running pubs one by one with the same
steps gives the very shots that one run of all of them would give."""


@dataclass
class Job:
    """One job: what was asked, where it runs, whom to tell."""

    task: Task
    device: Device
    reporter: Reporter
    cache: SessionCache
    budget: Budget = field(init=False)
    circuits: CircuitStore = field(init=False)

    def __post_init__(self) -> None:
        self.budget = budget_of(self.task.limits, old_clients=self.task.old_clients)
        self.circuits = CircuitStore(self.device, self.task.limits, self.cache, self.budget)

    @property
    def limits(self) -> Limits:
        """The backend's limits for this job."""
        return self.task.limits


def stepped(seed: int | None, circuits: int) -> int | None:
    """The seed that Aer would give to the circuit after so many others of one run."""
    return None if seed is None else seed + SEED_STEP * circuits


def wall_time() -> datetime:
    """The present time for execution spans.

    The child has no access to the service's clock; spans are told in real time.
    """
    return datetime.now(UTC)


def elements(shape: tuple[int, ...]) -> int:
    """How many entries an array of that shape has."""
    return math.prod(shape)
