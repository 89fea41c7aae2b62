"""What an estimator's result says about how it was made, and how precision becomes shots."""

from __future__ import annotations

import math
from typing import Any

from quantumsvc.backends.programs.options import EstimatorPlan


def precision_of(amount: int | float | None, plan: EstimatorPlan) -> float:
    """The pub's precision, else that of the default shots, else the default precision."""
    if amount is not None:
        return float(amount)
    if plan.default_shots is not None:
        return precision_for(plan.default_shots)
    return plan.default_precision


def precision_for(shots: int) -> float:
    """The precision that makes exactly so many shots when it is turned back into shots."""
    precision = 1 / math.sqrt(shots)
    while shots_for(precision) > shots:
        precision = math.nextafter(precision, math.inf)
    return precision


def shots_for(precision: float) -> int:
    """Shots that reach a precision when each measurement is +1 or -1."""
    return math.ceil(1.0 / precision**2)


def top_metadata(plan: EstimatorPlan) -> dict[str, Any]:
    """What was done to all pubs of the job."""
    model = plan.model
    decoupling: dict[str, Any] = {"enable": model.dynamical_decoupling.enable}
    if decoupling["enable"]:
        decoupling = model.dynamical_decoupling.model_dump()
    resilience: dict[str, Any] = {
        "measure_mitigation": bool(model.resilience.measure_mitigation),
        "zne_mitigation": bool(model.resilience.zne_mitigation),
        "pec_mitigation": False,
    }
    return {
        "dynamical_decoupling": decoupling,
        "twirling": twirling_metadata(plan),
        "resilience": resilience,
        "version": 2,
    }


def twirling_metadata(plan: EstimatorPlan) -> dict[str, Any]:
    """The twirling that was done, in full when there was any."""
    twirling = plan.model.twirling
    found = {"enable_gates": bool(twirling.enable_gates), "enable_measure": bool(twirling.enable_measure)}
    if any(found.values()):
        return {
            **found,
            "num_randomizations": twirling.num_randomizations,
            "shots_per_randomization": twirling.shots_per_randomization,
            "strategy": twirling.strategy,
        }
    return found
