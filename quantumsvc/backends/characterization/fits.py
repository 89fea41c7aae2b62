"""Decays fitted to measured points. A fit that says nothing is an error, never a number."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

Floats = npt.NDArray[np.float64]
LARGEST_DEVIATION = 0.5
"""A value known worse than this part of itself is not known."""


class NoFit(Exception):
    """The points don't tell the value; the message says why."""


@dataclass(frozen=True)
class Fitted:
    """A value and its standard deviation."""

    value: float
    deviation: float


def lifetime(times: Sequence[float], ones: Sequence[float], shots: int) -> Fitted:
    """The time constant (seconds) of ``a exp(-t / tau) + b``, from shares of ones. Raises :class:`NoFit`."""
    x, y = np.asarray(times), np.asarray(ones)
    unit = float(x[-1])
    start = (y[0] - y[-1], 0.4, min(y[-1], 0.5))
    bounds = ([-1.1, 0.01, -0.1], [1.1, 20.0, 1.1])
    if abs(start[0]) < 6 * math.sqrt(0.25 / shots):
        raise NoFit("the signal does not decay")

    def decay(t: Floats, a: float, tau: float, b: float) -> Floats:
        return np.asarray(a * np.exp(-t / (tau * unit)) + b)

    sigma = np.sqrt(np.clip(y * (1 - y), 0.25 / shots, None) / shots)
    fitted = _fit(decay, x, y, start, sigma, bounds, wanted=1)
    return Fitted(fitted.value * unit, fitted.deviation * unit)


def layer_survival(layers: Sequence[int], polarizations: Sequence[float], sigma: float) -> Fitted:
    """``p`` of ``a p^layers``: what one layer leaves of the polarization. Raises :class:`NoFit`.

    What is fitted is ``-log p``, whose deviation is that of ``p`` as long as p is near 1.
    """
    x, y = np.asarray(layers, dtype=float), np.asarray(polarizations)
    if np.mean(y[x == x.min()]) < 0.1:
        raise NoFit("the shortest sequence is lost in noise")
    rough = max(-math.log(max(float(np.mean(y[x == x.max()])), 0.02)) / float(x.max()), 1e-6)

    def decay(m: Floats, a: float, rate: float) -> Floats:
        return np.asarray(a * np.exp(-m * rate * rough))

    spread = np.full(len(y), sigma)
    found = _fit(decay, x, y, (0.95, 1.0), spread, ([0.0, 1e-3], [1.2, 30.0]), wanted=1)
    return Fitted(math.exp(-found.value * rough), found.deviation * rough)


def _fit(
    model: Callable[..., Floats],
    x: Floats,
    y: Floats,
    start: Sequence[float],
    sigma: Floats,
    bounds: Any,
    *,
    wanted: int,
) -> Fitted:
    first = np.clip(start, np.asarray(bounds[0]) + 1e-9, np.asarray(bounds[1]) - 1e-9)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            best, covariance = curve_fit(
                model, x, y, p0=first, sigma=sigma, absolute_sigma=True, bounds=bounds, max_nfev=2000
            )
    except (RuntimeError, ValueError, OptimizeWarning) as error:
        raise NoFit("the points fit no decay") from error
    value, deviation = float(best[wanted]), math.sqrt(float(covariance[wanted, wanted]))
    # Scatter beyond the shots' own, such as between random sequences, counts too.
    excess = float(np.mean(((model(x, *best) - y) / sigma) ** 2)) * len(y) / max(len(y) - len(best), 1)
    deviation *= math.sqrt(max(excess, 1.0))
    if not math.isfinite(deviation) or deviation > LARGEST_DEVIATION * value:
        raise NoFit("the value is not determined by the points")
    return Fitted(value, deviation)
