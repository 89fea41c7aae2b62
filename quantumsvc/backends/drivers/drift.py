"""What a simulated chip is really like at a time: its parameters wander, and only measurements see it.

Each parameter's logarithm takes a random walk that is pulled back to the chip's usual value. The walk is
a function of seed and step alone, so that every process and every run finds the same chip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from quantumsvc.backends.chipdata.properties import values_of, with_values
from quantumsvc.backends.chipdata.readings import Key

MEMORY_STEPS = 240
"""After so many steps a deviation has shrunk to 1/e."""
SPREAD = {"T1": 0.25, "T2": 0.25, "readout_error": 0.3, "gate_error": 0.3}
"""Standard deviation of each parameter's logarithm in the long run."""
FORGOTTEN = 7
"""Steps older than this many memories are left out: what they leave is below a thousandth."""
BOUNDS = {"T1": (1e-6, 1e-2), "T2": (1e-6, 1e-2), "readout_error": (1e-4, 0.45), "gate_error": (1e-6, 0.3)}


class Truth(Struct, frozen=True):
    """What a drifting chip is made from: its usual properties, and where its walk stands."""

    seed: int
    step: int
    properties: dict[str, Any]


def true_properties(truth: Truth) -> dict[str, Any]:
    """The properties document as the chip is at that step; at step 0 as it usually is."""
    return with_values(truth.properties, true_values(truth), None)


def true_values(truth: Truth) -> dict[Key, float]:
    """Every true value, in SI units. The readout errors of both kinds follow the mean of both."""
    usual = values_of(truth.properties)
    keys = [key for key in sorted(usual) if key[0] in SPREAD]
    factors = np.exp(_walk(truth.seed, truth.step, [SPREAD[parameter] for parameter, _ in keys]))
    found = {key: _bounded(key, usual, factor) for key, factor in zip(keys, factors.tolist(), strict=True)}
    for (parameter, place), value in list(found.items()):
        if parameter == "T2":
            found[parameter, place] = min(value, 2 * found.get(("T1", place), math.inf))
        for each in ("prob_meas0_prep1", "prob_meas1_prep0") if parameter == "readout_error" else ():
            if (each, place) in usual:
                found[each, place] = value
    return found


def _bounded(key: Key, usual: Mapping[Key, float], factor: float) -> float:
    """The usual value times the factor; what is impossible or broken as shipped stays as it is."""
    low, high = BOUNDS[key[0]]
    value = usual[key]
    return min(max(value * factor, low), high) if low <= value <= high and factor != 1.0 else value


def _walk(seed: int, step: int, spreads: Sequence[float]) -> npt.NDArray[np.float64]:
    """Where each logarithm stands after so many steps from 0."""
    keep = math.exp(-1 / MEMORY_STEPS)
    size = math.sqrt(1 - keep**2)
    place = np.zeros(len(spreads))
    for number in range(max(1, step - FORGOTTEN * MEMORY_STEPS), step + 1):
        random = np.random.Generator(np.random.Philox(key=seed, counter=[0, number, 0, 0]))
        place = keep * place + size * random.standard_normal(len(spreads))
    return np.asarray(place * np.asarray(spreads))
