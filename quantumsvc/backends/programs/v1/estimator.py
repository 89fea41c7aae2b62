"""The estimator of version 1: one value for each circuit with its observable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import SparsePauliOp

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs import mitigated_estimator
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.estimator_metadata import precision_for
from quantumsvc.backends.programs.job_context import Job, stepped
from quantumsvc.backends.programs.limits import SPLIT_WIDTH, check_shots, check_work
from quantumsvc.backends.programs.options import EstimatorPlan, estimator_plan
from quantumsvc.backends.programs.plain_estimator import plain_estimator
from quantumsvc.backends.programs.v1.noise import noisy
from quantumsvc.backends.programs.v1.plan import EXTRAPOLATORS, V1Plan, v1_plan
from quantumsvc.backends.programs.v1.transpiling import Fitted, fitted, tell_circuits
from quantumsvc.wire.decode_v1 import Run, decode_v1

Estimate = tuple[float, dict[str, Any]]


def run_v1_estimator(job: Job, params: bytes) -> bytes:
    """Run an estimator job of version 1; answers the encoded result."""
    job.reporter.phase("preparing")
    found = decode_v1(params, job.budget, observables=True)
    plan = v1_plan(found.options, job.device, job.task.seed, job.budget, most_resilience=2)
    device = job.device if plan.noise is None else noisy(job.device, plan.noise)
    check_shots(plan.shots, job.limits)
    check_work(plan.shots, sum(len(run.observable or ()) for run in found.runs), job.limits)
    ready = [fitted(job, run.circuit, plan.transpilation, device) for run in found.runs]
    tell_circuits(job, ready)
    observables = [_placed(*each) for each in zip(range(len(ready)), found.runs, ready, strict=True)]
    pubs = [
        _pub(number, run, each, terms, plan)
        for number, (run, each, terms) in enumerate(zip(found.runs, ready, observables, strict=True))
    ]
    job.reporter.phase("executing")
    estimates = _estimates(job, device, plan, list(zip(ready, pubs, observables, strict=True)))
    job.reporter.phase("finishing")
    result = {"values": [value for value, _ in estimates], "metadata": [told for _, told in estimates]}
    return json.dumps(result, separators=(",", ":"), allow_nan=False).encode()


def _placed(number: int, run: Run, ready: Fitted) -> Mapping[str, float]:
    """The observable on the qubits where the circuit's own went."""
    terms = run.observable or {}
    width = len(next(iter(terms), ""))
    if width != ready.written.num_qubits:
        told = f"{width} qubits in the observable, {ready.written.num_qubits} in the circuit"
        raise ProgramError(Code.BAD_PUB, f"Run {number}: {told}")
    if ready.layout is None:
        return terms
    operator = SparsePauliOp(list(terms), list(terms.values()))
    placed = operator.apply_layout(ready.layout, ready.known.circuit.num_qubits)
    return {str(label): float(weight.real) for label, weight in placed.to_list()}


def _pub(number: int, run: Run, ready: Fitted, terms: Mapping[str, float], plan: V1Plan) -> EstimatorPub:
    values = ready.values(run.values, number)
    names = tuple(ready.known.circuit.parameters)
    bound = BindingsArray({names: values}) if names else BindingsArray()
    precision = precision_for(plan.shots)
    return EstimatorPub.coerce((ready.known.circuit, dict(terms), bound, precision))


Work = list[tuple[Fitted, EstimatorPub, Mapping[str, float]]]


def _estimates(job: Job, device: Device, plan: V1Plan, work: Work) -> list[Estimate]:
    if job.task.dry_run:
        rng = np.random.default_rng(plan.seed)
        return [(float(rng.uniform(-1, 1)), {"variance": 1.0, "shots": plan.shots}) for _ in work]
    if plan.resilience_level == 0 and not any(_is_wide(ready) for ready, _, _ in work):
        return _plain(job, device, plan, work)
    return _mitigated(job, device, plan, [pub for _, pub, _ in work])


def _is_wide(ready: Fitted) -> bool:
    facts = ready.known.facts
    return len(facts.active) > SPLIT_WIDTH and len(facts.groups) > 1 and not facts.dynamic


def _plain(job: Job, device: Device, plan: V1Plan, work: Work) -> list[Estimate]:
    """Each Pauli string measured on its own account, so that the variance can be told exactly."""
    estimator, circuits, done = plain_estimator(device), 0, []
    for number, (_, pub, terms) in enumerate(work):
        apart = EstimatorPub.coerce((pub.circuit, list(terms), pub.parameter_values, pub.precision))
        result, count = estimator.run_one(apart, stepped(plan.seed, circuits))
        circuits += count
        weights, values = np.array(list(terms.values())), np.asarray(result.data.evs, dtype=float)
        variance = float(weights**2 @ np.clip(1 - values**2, 0, None))
        done.append((float(weights @ values), {"variance": variance, "shots": plan.shots}))
        job.reporter.progress(number + 1, len(work))
    return done


def _mitigated(job: Job, device: Device, plan: V1Plan, pubs: list[EstimatorPub]) -> list[Estimate]:
    """Levels 1 and 2, by the methods of version 2."""
    modern = _modern_plan(plan, device)
    results = mitigated_estimator.results_of(
        Job(job.task, device, job.reporter, job.cache), pubs, modern, [True] * len(pubs)
    )
    return [_estimate(plan, result) for result in results]


def _modern_plan(plan: V1Plan, device: Device) -> EstimatorPlan:
    readout, zero_noise = plan.resilience_level == 1, plan.resilience_level == 2
    resilience: dict[str, Any] = {"measure_mitigation": readout, "zne_mitigation": zero_noise}
    if zero_noise:
        name = EXTRAPOLATORS[plan.extrapolation.extrapolator][0]
        resilience["zne"] = {
            "amplifier": "gate_folding",
            "noise_factors": list(plan.extrapolation.factors),
            "extrapolator": name,
        }
    options = {
        "resilience": resilience,
        "twirling": {"enable_gates": False, "enable_measure": readout},
        "default_shots": plan.shots,
    }
    modern = estimator_plan(options, 0, device, plan.seed)
    return replace(modern, seed=plan.seed, twirl_seed=plan.seed)


def _estimate(plan: V1Plan, result: Any) -> Estimate:
    value, deviation = float(result.data.evs), float(result.data.stds)
    shots = int(result.metadata["shots"])
    told: dict[str, Any] = {"variance": deviation**2 * shots, "shots": shots}
    if plan.resilience_level == 1:
        told["readout_mitigation_num_twirled_circuits"] = int(result.metadata["num_randomizations"])
        told["readout_mitigation_shots_calibration"] = shots
    if plan.resilience_level == 2:
        told = {"zne": _zero_noise(plan, result, shots)}
    return value, told


def _zero_noise(plan: V1Plan, result: Any, shots: int) -> dict[str, Any]:
    values = np.ravel(result.data.evs_noise_factors)
    variances = np.ravel(result.data.stds_noise_factors) ** 2
    return {
        "noise_amplification": {
            "noise_amplifier": "LocalFoldingAmplifier",
            "noise_factors": list(plan.extrapolation.factors),
            "values": [float(value) for value in values],
            "variance": [float(variance) for variance in variances],
            "shots": [shots] * len(values),
        },
        "extrapolation": {"extrapolator": plan.extrapolation.extrapolator},
    }
