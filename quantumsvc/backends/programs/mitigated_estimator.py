"""The estimator with twirling, readout mitigation, extrapolation to zero noise or decoupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.primitives.containers import PrimitiveResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit_ibm_runtime.decoders.executor_estimator.post_processor_v0_1 import (
    estimator_v2_post_processor_v0_1,
)
from qiskit_ibm_runtime.executor_estimator.prepare import prepare
from qiskit_ibm_runtime.options_models import EstimatorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.results import EstimatorPubResult, QuantumProgramResult

from quantumsvc.backends.programs.circuit_store import Known, twirlable
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.estimator_metadata import shots_for, top_metadata
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.options import EstimatorPlan
from quantumsvc.backends.programs.quantum_programs import prepared_items, run_items
from quantumsvc.backends.programs.samplexes import Arrays
from quantumsvc.backends.programs.twirling import grouped, prepared, split_shots
from quantumsvc.wire.encode_results import encode_primitive, estimates


@dataclass(frozen=True)
class Batch:
    """Pubs of the same randomizations and shots, and the program that measures them all."""

    indices: tuple[int, ...]
    split: tuple[int, int]
    program: QuantumProgram
    known: list[Known]


def run(job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan, given: list[bool]) -> bytes:
    """Run the pubs; ``given`` tells which of them asked for their precision themselves."""
    results = results_of(job, pubs, plan, given)
    job.reporter.phase("finishing")
    return encode_primitive(PrimitiveResult(results, metadata=top_metadata(plan)))


def results_of(
    job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan, given: list[bool]
) -> list[EstimatorPubResult]:
    """The same, not yet encoded."""
    batches = make_batches(job, pubs, plan, given)
    job.reporter.phase("executing")
    results: dict[int, EstimatorPubResult] = {}
    for batch in batches:
        data: list[Arrays] = []
        for arrays, _ in run_items(job, batch.program, batch.known, plan.seed, plan.twirl_seed):
            data.append(arrays)
            done = len(batch.indices) * len(data) // len(batch.known)
            job.reporter.progress(len(results) + done, len(pubs))
        results.update(finished(batch, data, pubs))
    return [results[index] for index in range(len(pubs))]


def make_batches(job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan, given: list[bool]) -> list[Batch]:
    """Build the measuring programs, pubs of equal shots together (they share a calibration)."""
    twirling = plan.model.twirling
    twirled = bool(twirling.enable_gates or twirling.enable_measure)

    def split_of(index: int) -> tuple[int, int]:
        shots = shots_for(pubs[index].precision)
        return split_shots(shots, given[index], twirling) if twirled else (1, shots)

    return [
        _batch(job, [pubs[index] for index in indices], plan, tuple(indices), split)
        for split, indices in grouped(range(len(pubs)), split_of).items()
    ]


def _batch(
    job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan, indices: tuple[int, ...], split: tuple[int, int]
) -> Batch:
    _check_learning(plan, split)
    model = _with_split(plan.model, split)
    same = [_without_precision(job, pub) for pub in pubs]
    program, _ = prepared(lambda: prepare(same, model, backend=job.device.backend))
    return Batch(indices, split, program, prepared_items(job, program, checked=True))


def _check_learning(plan: EstimatorPlan, split: tuple[int, int]) -> None:
    if plan.learning_shots is not None and plan.learning_shots != split[1]:
        name = "resilience.measure_noise_learning.shots_per_randomization"
        told = f"calibration runs with the pubs' own {split[1]} shots per randomization; leave it to 'auto'"
        raise ProgramError(Code.OPTION_NOT_OFFERED, f"The option {name} isn't offered here: {told}")


def _with_split(model: EstimatorOptions, split: tuple[int, int]) -> EstimatorOptions:
    fixed = model.model_copy(deep=True)
    fixed.default_shots = split[0] * split[1]
    fixed.twirling.num_randomizations, fixed.twirling.shots_per_randomization = split
    return fixed


def _without_precision(job: Job, pub: EstimatorPub) -> EstimatorPub:
    """The pub without its own precision: the batch's shots count."""
    circuit = twirlable(pub.circuit, job.device)
    return EstimatorPub(circuit, pub.observables, pub.parameter_values, precision=None, validate=False)


def finished(batch: Batch, data: list[Arrays], pubs: list[EstimatorPub]) -> dict[int, EstimatorPubResult]:
    """The pubs' results by index, mitigated."""
    raw = QuantumProgramResult(data, passthrough_data=batch.program.passthrough_data)
    done = prepared(lambda: estimator_v2_post_processor_v0_1(raw))
    return {
        index: _pub_result(batch, pubs[index], result)
        for index, result in zip(batch.indices, done, strict=True)
    }


def _pub_result(batch: Batch, pub: EstimatorPub, result: Any) -> EstimatorPubResult:
    fields = {name: np.asarray(value, dtype=float) for name, value in result.data.items()}
    return EstimatorPubResult(
        data=estimates(fields, pub.shape),
        metadata={
            "shots": batch.split[0] * batch.split[1],
            "target_precision": pub.precision,
            "circuit_metadata": pub.circuit.metadata or {},
            "resilience": _resilience(result.metadata),
            "num_randomizations": batch.split[0],
        },
    )


def _resilience(metadata: dict[str, Any]) -> dict[str, Any]:
    zne = metadata.get("resilience", {}).get("zne")
    if zne is None:
        return {}
    return {"zne": {"extrapolator": np.asarray(zne["extrapolators"]).tolist()}}
