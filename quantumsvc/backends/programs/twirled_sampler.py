"""The sampler with twirling or dynamical decoupling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qiskit.primitives.containers import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime.decoders.executor_sampler.post_processor_v0_1 import sampler_v2_post_processor_v0_1
from qiskit_ibm_runtime.executor_sampler.prepare import prepare
from qiskit_ibm_runtime.options_models import SamplerOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.results import QuantumProgramResult

from quantumsvc.backends.programs.circuit_store import Known, twirlable
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.options import SamplerPlan
from quantumsvc.backends.programs.quantum_programs import Chunk, prepared_items, run_items
from quantumsvc.backends.programs.samplexes import Arrays
from quantumsvc.backends.programs.twirling import asked_shots, grouped, prepared, split_shots
from quantumsvc.wire.encode_results import encode_primitive, plain_span, sampler_result, twirled_span


@dataclass(frozen=True)
class Batch:
    """Pubs that run with the same shots. ``split``: randomizations and shots of each; the first is
    0 when nothing is twirled. ``asked``: shots that the result has."""

    indices: tuple[int, ...]
    split: tuple[int, int]
    asked: int
    program: QuantumProgram
    known: list[Known]


def run(job: Job, pubs: list[SamplerPub], plan: SamplerPlan, given: list[bool]) -> bytes:
    """Run the pubs; ``given`` tells which of them asked for their shots themselves."""
    batches = make_batches(job, pubs, plan, given)
    job.reporter.phase("executing")
    results: dict[int, SamplerPubResult] = {}
    spans: list[Any] = []
    for batch in batches:
        data: list[Arrays] = []
        for arrays, chunks in run_items(job, batch.program, batch.known, plan.seed, plan.seed):
            index = batch.indices[len(data)]
            spans.append(_span(batch, index, pubs[index].shape, _extent(chunks)))
            data.append(arrays)
            job.reporter.progress(len(results) + len(data), len(pubs))
        results.update(zip(batch.indices, finished(batch, data, pubs), strict=True))
    job.reporter.phase("finishing")
    return encode_primitive(sampler_result([results[index] for index in range(len(pubs))], spans))


def make_batches(job: Job, pubs: list[SamplerPub], plan: SamplerPlan, given: list[bool]) -> list[Batch]:
    """Twirl and decouple the circuits, pubs of equal shots together."""
    twirling = plan.model.twirling
    twirled = bool(twirling.enable_gates or twirling.enable_measure)

    def split_of(index: int) -> tuple[tuple[int, int], int]:
        shots = int(pubs[index].shots)
        if not twirled:
            return (0, shots), shots
        return split_shots(shots, given[index], twirling), asked_shots(shots, given[index], twirling)

    return [
        _batch(job, [pubs[index] for index in indices], plan, (tuple(indices), split, asked))
        for (split, asked), indices in grouped(range(len(pubs)), split_of).items()
    ]


def _batch(
    job: Job, pubs: list[SamplerPub], plan: SamplerPlan, which: tuple[tuple[int, ...], tuple[int, int], int]
) -> Batch:
    indices, split, asked = which
    model = _with_split(plan.model, split)
    shots = split[1] * max(1, split[0])
    same = [
        SamplerPub(twirlable(pub.circuit, job.device), pub.parameter_values, shots, validate=False)
        for pub in pubs
    ]
    program, _ = prepared(lambda: prepare(same, model, backend=job.device.backend))
    return Batch(indices, split, asked, program, prepared_items(job, program, checked=True))


def _with_split(model: SamplerOptions, split: tuple[int, int]) -> SamplerOptions:
    if not split[0]:
        return model
    fixed = model.model_copy(deep=True)
    fixed.twirling.num_randomizations, fixed.twirling.shots_per_randomization = split
    return fixed


def _extent(chunks: list[Chunk]) -> tuple[datetime, datetime]:
    return chunks[0].start, chunks[-1].stop


def _span(batch: Batch, index: int, shape: tuple[int, ...], extent: tuple[datetime, datetime]) -> Any:
    if not batch.split[0]:
        return plain_span(*extent, {index: (shape, batch.asked)})
    return twirled_span(*extent, index, shape, batch.split, batch.asked)


def finished(batch: Batch, data: list[Arrays], pubs: list[SamplerPub]) -> list[SamplerPubResult]:
    """The twirls undone, the randomizations joined, and no more shots than were asked."""
    raw = QuantumProgramResult(data, passthrough_data=batch.program.passthrough_data)
    done = sampler_v2_post_processor_v0_1(raw)
    return [
        SamplerPubResult(_first_shots(result.data, batch.asked), _metadata(batch, pubs[index]))
        for index, result in zip(batch.indices, done, strict=True)
    ]


def _first_shots(data: DataBin, shots: int) -> DataBin:
    fields = {
        name: BitArray(bits.array[..., :shots, :], bits.num_bits) if bits.num_shots > shots else bits
        for name, bits in data.items()
    }
    return DataBin(**fields, shape=data.shape)


def _metadata(batch: Batch, pub: SamplerPub) -> dict[str, Any]:
    found: dict[str, Any] = {"circuit_metadata": pub.circuit.metadata or {}}
    if batch.split[0]:
        found["num_randomizations"] = batch.split[0]
    return found
