"""Runs quantum programs (lists of circuits and samplexes), chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from samplomatic.quantum_program import SamplexItem

from quantumsvc.backends.programs.circuit_facts import CircuitFacts, facts_of
from quantumsvc.backends.programs.circuit_store import Known, admit
from quantumsvc.backends.programs.job_context import Job, elements, stepped, wall_time
from quantumsvc.backends.programs.limits import check_facts, check_shape, check_shots, check_work
from quantumsvc.backends.programs.running import run_bits
from quantumsvc.backends.programs.samplexes import Arrays, draw


@dataclass(frozen=True)
class Chunk:
    """A stretch of execution: elements ``first`` to ``last`` of one item's flattened shape."""

    item: int
    first: int
    last: int
    dimensions: int
    start: datetime
    stop: datetime


@dataclass
class ProgramRun:
    """What came of a program: arrays by item, and when they were taken."""

    data: list[Arrays] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)


def prepared_items(job: Job, program: QuantumProgram, *, checked: bool) -> list[Known]:
    """Each item's circuit, ready to run; ``checked`` ones were made here from admitted circuits."""
    check_shots(program.shots, job.limits)
    known, work = [], 0
    for item in program.items:
        check_shape(tuple(item.shape))
        work += check_work(program.shots, elements(item.shape), job.limits)
        if checked:
            facts = facts_of(item.circuit, job.limits.max_gates * 64)
            check_facts(_relaxed(facts, job), job.device, job.limits)
            known.append(Known(item.circuit, facts, ""))
        else:
            known.append(admit(item.circuit, job.device, job.limits, ""))
    check_work(work, 1, job.limits)
    return known


def _relaxed(facts: CircuitFacts, job: Job) -> CircuitFacts:
    """Twirling adds single-qubit gates to an admitted circuit: they don't count against the user."""
    return replace(facts, gates=min(facts.gates, job.limits.max_gates))


def run_items(
    job: Job, program: QuantumProgram, known: list[Known], seed: int | None, twirl_seed: int | None
) -> Iterator[tuple[Arrays, list[Chunk]]]:
    """Run the items one after another; yields each one's arrays and stretches of execution."""
    rng = np.random.default_rng(twirl_seed)
    before = 0
    for index, (item, ready) in enumerate(zip(program.items, known, strict=True)):
        shape = tuple(item.shape)
        arrays, values = arguments_of(item, ready, shape, rng, job.limits.max_result_bytes)
        found, chunks = _run_chunks(
            job, (index, item.chunk_size), ready, values, program.shots, stepped(seed, before)
        )
        before += elements(shape)
        yield {**arrays, **found}, chunks


def arguments_of(
    item: Any, ready: Known, shape: tuple[int, ...], rng: np.random.Generator, most_bytes: int
) -> tuple[Arrays, npt.NDArray[np.float64]]:
    """What the item's circuit is bound to; a samplex also yields what undoes its twirling."""
    if isinstance(item, SamplexItem):
        sampled = draw(item, shape, rng, most_bytes)
        values = sampled.pop("parameter_values", np.zeros((*shape, 0)))
        return sampled, np.asarray(values, dtype=np.float64)
    values = item.circuit_arguments
    if values is None or not ready.circuit.num_parameters:
        return {}, np.zeros((*shape, 0))
    return {}, np.asarray(values, dtype=np.float64)


def _run_chunks(
    job: Job,
    which: tuple[int, int | None],
    ready: Known,
    values: npt.NDArray[np.float64],
    shots: int,
    seed: int | None,
) -> tuple[Arrays, list[Chunk]]:
    """Run an item in chunks of its wished size, or whole."""
    index, size = which
    shape = values.shape[:-1]
    total = elements(shape)
    flat = values.reshape(total, values.shape[-1])
    found: list[Arrays] = []
    chunks = []
    for first in range(0, total, size or max(1, total)):
        last = min(total, first + (size or total))
        start = wall_time()
        data = run_bits(job.device, ready.circuit, ready.facts, flat[first:last], shots, stepped(seed, first))
        found.append({name: bits.to_bool_array(order="little") for name, bits in data.items()})
        chunks.append(Chunk(index, first, last, len(shape), start, wall_time()))
    if not found:
        return {creg.name: np.zeros((*shape, shots, creg.size), bool) for creg in ready.circuit.cregs}, chunks
    joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    return {name: array.reshape(*shape, *array.shape[1:]) for name, array in joined.items()}, chunks
