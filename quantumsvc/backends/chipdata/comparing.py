"""How two calibration sets differ, and whether a device has drifted too far."""

from collections.abc import Mapping
from dataclasses import dataclass

from quantumsvc.backends.chipdata.readings import Key

LIFETIMES = ("T1", "T2")
ERRORS = ("readout_error", "gate_error")
"""The two kinds of readout errors are not watched apart: their mean is ``readout_error``."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value in two sets (SI units); ``None`` where a set has none."""

    parameter: str
    qubits: tuple[int, ...]
    before: float | None
    after: float | None

    @property
    def fraction(self) -> float | None:
        """The change as a part of the former value: 1 is twice as large, -0.5 is half."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a change is drift: a shorter lifetime, a larger error; both are fractions."""

    lifetime_drop: float
    error_rise: float


def changes(before: Mapping[Key, float], after: Mapping[Key, float]) -> list[Change]:
    """Every value that either set has, by parameter and place."""
    return [
        Change(parameter, place, before.get((parameter, place)), after.get((parameter, place)))
        for parameter, place in sorted({*before, *after})
    ]


def drifted(found: list[Change], thresholds: Thresholds) -> list[Change]:
    """The changes for the worse that are over the thresholds, the largest first."""
    over = [change for change in found if _is_over(change, thresholds)]
    return sorted(over, key=lambda change: abs(change.fraction or 0.0), reverse=True)


def _is_over(change: Change, thresholds: Thresholds) -> bool:
    fraction = change.fraction
    if fraction is None:
        return False
    if change.parameter in LIFETIMES:
        return -fraction > thresholds.lifetime_drop
    return change.parameter in ERRORS and fraction > thresholds.error_rise
