"""The estimator (version 2): expectation values of observables, with their errors."""

from __future__ import annotations

import numpy as np
from qiskit.primitives.containers import PrimitiveResult, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray

from quantumsvc.backends.programs import dry, mitigated_estimator
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.estimator_metadata import precision_of, shots_for, top_metadata
from quantumsvc.backends.programs.job_context import Job, elements, stepped
from quantumsvc.backends.programs.limits import SPLIT_WIDTH, check_shape, check_shots, check_work
from quantumsvc.backends.programs.options import EstimatorPlan, estimator_plan
from quantumsvc.backends.programs.plain_estimator import plain_estimator
from quantumsvc.backends.programs.sampler import bindings
from quantumsvc.wire.decode_params import RawPub, decode_primitive
from quantumsvc.wire.encode_results import encode_primitive, estimates

PAULIS = frozenset("IXYZ")


def run_estimator(job: Job, params: bytes) -> bytes:
    """Run an estimator job; answers the encoded result."""
    job.reporter.phase("preparing")
    found = decode_primitive(params, job.budget, job.circuits.read, observables=True)
    plan = estimator_plan(found.options, found.resilience_level, job.device, job.task.seed)
    pubs = [_pub(index, raw, plan) for index, raw in enumerate(found.pubs)]
    check_pubs(pubs, job)
    if job.task.dry_run:
        return dry.dry_estimator(job, pubs, plan)
    if plan.plain and all(_is_plain(raw, pub, job) for raw, pub in zip(found.pubs, pubs, strict=True)):
        return _run_plain(job, pubs, plan)
    return mitigated_estimator.run(job, pubs, plan, [raw.amount is not None for raw in found.pubs])


def _pub(index: int, raw: RawPub, plan: EstimatorPlan) -> EstimatorPub:
    try:
        observables = ObservablesArray(raw.observables)
    except (ValueError, TypeError) as error:
        raise ProgramError(Code.BAD_PUB, f"Pub {index}: bad observables: {error}") from None
    if observables.size and observables.num_qubits != raw.circuit.num_qubits:
        told = f"{observables.num_qubits} qubits in observables, {raw.circuit.num_qubits} in the circuit"
        raise ProgramError(Code.BAD_PUB, f"Pub {index}: {told}")
    if not observables.size:
        raise ProgramError(Code.BAD_PUB, f"Pub {index}: there are no observables")
    values = bindings(raw)
    try:
        shape = np.broadcast_shapes(values.shape, observables.shape)
    except ValueError:
        told = f"parameter values {values.shape} and observables {observables.shape} don't fit together"
        raise ProgramError(Code.BAD_PUB, f"Pub {index}: {told}") from None
    check_shape(shape)
    return EstimatorPub(raw.circuit, observables, values, precision=precision_of(raw.amount, plan))


def check_pubs(pubs: list[EstimatorPub], job: Job) -> None:
    """Refuse a precision that takes too many shots, or too many executions in all."""
    work = 0
    for pub in pubs:
        shots = shots_for(pub.precision)
        check_shots(shots, job.limits)
        work += check_work(shots, elements(pub.shape), job.limits)
    check_work(work, 1, job.limits)


def _is_plain(raw: RawPub, pub: EstimatorPub, job: Job) -> bool:
    """Whether the simple estimator can take the pub: Paulis only, and not too wide to simulate whole."""
    facts = job.circuits.known(raw.text).facts
    wide = len(facts.active) > SPLIT_WIDTH and len(facts.groups) > 1 and not facts.dynamic
    return not wide and all(
        PAULIS.issuperset(pauli) for terms in np.ravel(np.asarray(pub.observables)) for pauli in terms
    )


def _run_plain(job: Job, pubs: list[EstimatorPub], plan: EstimatorPlan) -> bytes:
    job.reporter.phase("executing")
    estimator = plain_estimator(job.device)
    before: dict[int, int] = {}
    results = []
    for index, pub in enumerate(pubs):
        shots = shots_for(pub.precision)
        result, circuits = estimator.run_one(pub, stepped(plan.seed, before.get(shots, 0)))
        before[shots] = before.get(shots, 0) + circuits
        results.append(_pub_result(pub, result, shots))
        job.reporter.progress(index + 1, len(pubs))
    job.reporter.phase("finishing")
    return encode_primitive(PrimitiveResult(results, metadata=top_metadata(plan)))


def _pub_result(pub: EstimatorPub, result: PubResult, shots: int) -> PubResult:
    data = estimates({"evs": result.data.evs, "stds": result.data.stds}, pub.shape)
    return PubResult(
        data,
        {
            "shots": shots,
            "target_precision": pub.precision,
            "circuit_metadata": pub.circuit.metadata or {},
            "resilience": {},
        },
    )
