"""The sampler (version 2): bits of every shot, by classical register."""

from __future__ import annotations

import keyword

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2
from qiskit.primitives.containers import SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from quantumsvc.backends.programs import dry, twirled_sampler
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job, elements, stepped, wall_time
from quantumsvc.backends.programs.limits import SPLIT_WIDTH, check_shape, check_shots, check_work
from quantumsvc.backends.programs.options import SamplerPlan, sampler_plan
from quantumsvc.backends.programs.running import run_bits
from quantumsvc.wire.decode_params import RawPub, decode_primitive
from quantumsvc.wire.encode_results import encode_primitive, plain_span, sampler_result


def run_sampler(job: Job, params: bytes) -> bytes:
    """Run a sampler job; answers the encoded result."""
    job.reporter.phase("preparing")
    found = decode_primitive(params, job.budget, job.circuits.read, observables=False)
    plan = sampler_plan(found.options, job.device, job.task.seed)
    pubs = [_pub(index, raw, plan) for index, raw in enumerate(found.pubs)]
    check_pubs(pubs, job)
    if job.task.dry_run:
        return dry.dry_sampler(job, pubs, plan)
    if plan.plain:
        return _run_plain(job, found.pubs, pubs, plan)
    return twirled_sampler.run(job, pubs, plan, [raw.amount is not None for raw in found.pubs])


def _pub(index: int, raw: RawPub, plan: SamplerPlan) -> SamplerPub:
    _check_registers(index, raw.circuit)
    shots = plan.default_shots if raw.amount is None else int(raw.amount)
    return SamplerPub(raw.circuit, bindings(raw), shots, validate=False)


def bindings(raw: RawPub) -> BindingsArray:
    """The pub's parameter values; the shape of values without parameters is the pub's shape."""
    check_shape(raw.values.shape[:-1])
    names = tuple(raw.circuit.parameters)
    if not names:
        return BindingsArray(shape=raw.values.shape[:-1])
    return BindingsArray({names: raw.values})


def _check_registers(index: int, circuit: QuantumCircuit) -> None:
    for register in circuit.cregs:
        name = register.name
        if not register.size:
            raise ProgramError(Code.BAD_PUB, f"Pub {index}: the classical register {name[:60]!r} is empty")
        if not name.isidentifier() or keyword.iskeyword(name):
            told = f"Pub {index}: the classical register's name {name[:60]!r} can't name a result field"
            raise ProgramError(Code.BAD_PUB, told)


def check_pubs(pubs: list[SamplerPub], job: Job) -> None:
    """Refuse too many shots, or too many executions in all."""
    work = 0
    for pub in pubs:
        check_shots(pub.shots, job.limits)
        work += check_work(pub.shots, elements(pub.shape), job.limits)
    check_work(work, 1, job.limits)


def _run_plain(job: Job, raws: tuple[RawPub, ...], pubs: list[SamplerPub], plan: SamplerPlan) -> bytes:
    job.reporter.phase("executing")
    results, spans, before = [], [], _circuits_before(pubs)
    for index, (raw, pub) in enumerate(zip(raws, pubs, strict=True)):
        start = wall_time()
        result = _run_pub(job, raw, pub, stepped(plan.seed, before[index]))
        spans.append(plain_span(start, wall_time(), {index: (pub.shape, pub.shots)}))
        results.append(SamplerPubResult(result, {"circuit_metadata": pub.circuit.metadata or {}}))
        job.reporter.progress(index + 1, len(pubs))
    job.reporter.phase("finishing")
    return encode_primitive(sampler_result(results, spans))


def _circuits_before(pubs: list[SamplerPub]) -> list[int]:
    """For each pub, how many circuits a single run of the pubs with its shots has before it."""
    counts: dict[int, int] = {}
    before = []
    for pub in pubs:
        before.append(counts.get(pub.shots, 0))
        counts[pub.shots] = before[-1] + elements(pub.shape)
    return before


def _run_pub(job: Job, raw: RawPub, pub: SamplerPub, seed: int | None) -> object:
    facts = job.circuits.known(raw.text).facts
    if not pub.circuit.cregs or not elements(pub.shape):
        return dry.empty_bits(pub)
    if len(facts.active) > SPLIT_WIDTH and not facts.dynamic and len(facts.groups) > 1:
        values = pub.parameter_values.as_array(pub.circuit.parameters)
        return run_bits(job.device, pub.circuit, facts, np.asarray(values), pub.shots, seed)
    sampler = BackendSamplerV2(backend=job.device.backend, options={"seed_simulator": seed})
    return sampler.run([pub]).result()[0].data
