"""Dry runs: results of the right shape with random contents, and nothing simulated."""

from __future__ import annotations

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime.executor_estimator.prepare import normalise_extrapolator
from qiskit_ibm_runtime.executor_estimator.utils import resolve_noise_factors
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from quantumsvc.backends.programs.circuit_store import Known
from quantumsvc.backends.programs.estimator_metadata import shots_for, top_metadata
from quantumsvc.backends.programs.job_context import Job, elements, wall_time
from quantumsvc.backends.programs.options import EstimatorPlan, SamplerPlan
from quantumsvc.backends.programs.quantum_programs import Chunk, ProgramRun, arguments_of
from quantumsvc.backends.programs.samplexes import Arrays
from quantumsvc.wire.encode_results import encode_primitive, estimates, plain_span, sampler_result


def random_bits(pub: SamplerPub, rng: np.random.Generator) -> DataBin:
    """Fair coins for every bit of every register."""
    fields = {
        creg.name: BitArray.from_bool_array(
            rng.integers(0, 2, (*pub.shape, pub.shots, creg.size), dtype=np.uint8).astype(bool)
        )
        for creg in pub.circuit.cregs
    }
    return DataBin(**fields, shape=pub.shape)


def empty_bits(pub: SamplerPub) -> DataBin:
    """The result of a pub without registers or without parameter sets."""
    fields = {
        creg.name: BitArray(np.zeros((*pub.shape, pub.shots, -(-creg.size // 8)), np.uint8), creg.size)
        for creg in pub.circuit.cregs
    }
    return DataBin(**fields, shape=pub.shape)


def dry_sampler(job: Job, pubs: list[SamplerPub], plan: SamplerPlan) -> bytes:
    """A sampler's result of fair coins."""
    rng, start = np.random.default_rng(plan.seed), wall_time()
    results = []
    for index, pub in enumerate(pubs):
        data = random_bits(pub, rng)
        results.append(SamplerPubResult(data, {"circuit_metadata": pub.circuit.metadata or {}}))
        job.reporter.progress(index + 1, len(pubs))
    covered = {index: (pub.shape, int(pub.shots)) for index, pub in enumerate(pubs)}
    return encode_primitive(sampler_result(results, [plain_span(start, wall_time(), covered)]))


def dry_estimator(job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan) -> bytes:
    """An estimator's result with values from -1 to 1 and errors of the wished precision."""
    rng = np.random.default_rng(plan.seed)
    results = []
    for index, pub in enumerate(pubs):
        results.append(_estimate(pub, plan, rng))
        job.reporter.progress(index + 1, len(pubs))
    return encode_primitive(PrimitiveResult(results, metadata=top_metadata(plan)))


def _estimate(pub: EstimatorPub, plan: EstimatorPlan, rng: np.random.Generator) -> PubResult:
    fields = {name: (*pub.shape, *extra) for name, extra in _fields(plan).items()}
    values = {
        name: rng.uniform(-1, 1, shape) if name.startswith("evs") else np.full(shape, pub.precision)
        for name, shape in fields.items()
    }
    return PubResult(
        estimates(values, pub.shape),
        {
            "shots": shots_for(pub.precision),
            "target_precision": pub.precision,
            "circuit_metadata": pub.circuit.metadata or {},
            "resilience": {},
        },
    )


def _fields(plan: EstimatorPlan) -> dict[str, tuple[int, ...]]:
    """The fields that the plan's result has, and what their shapes add to the pub's."""
    if plan.plain:
        return {"evs": (), "stds": ()}
    resilience = plan.model.resilience
    if not resilience.zne_mitigation:
        return {"evs": (), "stds": (), "ensemble_standard_error": ()}
    factors, evaluated = resolve_noise_factors(resilience.zne)
    raw, fitted = (len(factors),), (len(normalise_extrapolator(resilience.zne.extrapolator)), len(evaluated))
    return {
        "evs": (),
        "stds": (),
        "evs_noise_factors": raw,
        "stds_noise_factors": raw,
        "ensemble_stds_noise_factors": raw,
        "evs_extrapolated": fitted,
        "stds_extrapolated": fitted,
    }


def dry_program(job: Job, program: QuantumProgram, known: list[Known]) -> ProgramRun:
    """A program's arrays: real twirls, and fair coins for what would be measured."""
    rng, done = np.random.default_rng(job.task.seed), ProgramRun()
    for index, (item, ready) in enumerate(zip(program.items, known, strict=True)):
        shape, start = tuple(item.shape), wall_time()
        arrays: Arrays = dict(arguments_of(item, ready, shape, rng, job.limits.max_result_bytes)[0])
        for creg in ready.circuit.cregs:
            arrays[creg.name] = rng.integers(0, 2, (*shape, program.shots, creg.size), np.uint8).astype(bool)
        done.data.append(arrays)
        done.chunks.append(Chunk(index, 0, elements(shape), len(shape), start, wall_time()))
        job.reporter.progress(index + 1, len(known))
    return done
