"""A device on the bench: what is known of it, and running batches of circuits on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from qiskit import QuantumCircuit

from quantumsvc.backends.chipdata.properties import values_of
from quantumsvc.backends.chipdata.readings import Key
from quantumsvc.backends.drivers.base import Device

SHOTS = 2_000
SIMULATED_TOGETHER = 4
"""Qubits of one simulated circuit: so few are simulated exactly, and each more doubles the time.
Hardware measures as many as there are."""
UNKNOWN = {"T1": 1e-4, "T2": 1e-4, "gate_error": 1e-3}
UNKNOWN_PAIR_ERROR = 1e-2

Place = tuple[int, ...]
Counts = dict[str, int]


@dataclass
class Bench:
    """The device, and what its last set tells; ``seed`` makes a run repeatable where the device can."""

    device: Device
    seed: int | None = None
    tell: Callable[[], None] = lambda: None
    known: dict[Key, float] = field(init=False)
    random: np.random.Generator = field(init=False)
    runs: int = 0

    def __post_init__(self) -> None:
        self.known = values_of(self.device.properties)
        self.random = np.random.default_rng(self.seed)

    @property
    def together(self) -> int:
        """How many qubits one circuit measures at once."""
        return self.device.num_qubits if self.device.method is None else SIMULATED_TOGETHER

    def expected(self, parameter: str, place: Place) -> float:
        """The value that the last set has, else a usual one."""
        usual = UNKNOWN_PAIR_ERROR if len(place) > 1 else UNKNOWN[parameter]
        return self.known.get((parameter, tuple(sorted(place)))) or usual

    def circuit(self, bits: int) -> QuantumCircuit:
        """An empty circuit over the whole device."""
        return QuantumCircuit(self.device.num_qubits, bits)

    def run(self, circuits: Sequence[QuantumCircuit]) -> list[Counts]:
        """Counts of each circuit, by strings whose last character is bit 0. Errors pass through."""
        options = (
            {} if self.seed is None or not self.device.seedable else {"seed_simulator": self._next_seed()}
        )
        result = self.device.backend.run(list(circuits), shots=SHOTS, **options).result()
        self.tell()
        return [result.get_counts(number) for number in range(len(circuits))]

    def _next_seed(self) -> int:
        self.runs += 1
        return (int(self.seed or 0) + 7919 * self.runs) % 2**31


def share_of_ones(counts: Counts, bit: int) -> float:
    """How often one bit was 1."""
    total = sum(counts.values())
    return sum(number for bits, number in counts.items() if bits[-1 - bit] == "1") / total


def batches(
    places: Iterable[Place], together: int, neighbours: Callable[[int], set[int]]
) -> Iterator[list[Place]]:
    """Places that may be measured at the same time, at most ``together`` qubits in all.

    No two of them share a qubit, and pairs are not next to each other: gates at work disturb neighbours.
    """
    left = list(places)
    while left:
        taken: list[Place] = []
        used: set[int] = set()
        for place in left:
            around = (
                set(place).union(*(neighbours(qubit) for qubit in place)) if len(place) > 1 else set(place)
            )
            if not used & around and len(used) + len(place) <= max(together, len(place)):
                taken.append(place)
                used |= set(place)
        yield taken
        left = [place for place in left if place not in taken]
