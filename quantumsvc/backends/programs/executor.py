"""The executor (schema v2.0): quantum programs as they are, for clients that prepare them."""

from __future__ import annotations

from quantumsvc.backends.programs import dry
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.options import check_rep_delay
from quantumsvc.backends.programs.quantum_programs import ProgramRun, prepared_items, run_items
from quantumsvc.wire.decode_executor import ExecutorParams, decode_executor
from quantumsvc.wire.encode_executor import chunk, encode_executor

NOT_OFFERED = {
    "scheduler_timing": "circuits aren't scheduled here",
    "stretch_values": "stretches aren't resolved here",
}
KNOWN_OPTIONS = {"init_qubits", "rep_delay", "experimental", *NOT_OFFERED}


def run_executor(job: Job, params: bytes) -> bytes:
    """Run an executor job; answers the encoded result."""
    job.reporter.phase("preparing")
    found = decode_executor(params, job.budget)
    _check_options(found, job)
    known = prepared_items(job, found.program, checked=False)
    if job.task.dry_run:
        return _encoded(found, dry.dry_program(job, found.program, known))
    job.reporter.phase("executing")
    done = ProgramRun()
    total = len(known)
    for arrays, chunks in run_items(job, found.program, known, job.task.seed, job.task.seed):
        done.data.append(arrays)
        done.chunks.extend(chunks)
        job.reporter.progress(len(done.data), total)
    job.reporter.phase("finishing")
    return _encoded(found, done)


def _encoded(found: ExecutorParams, done: ProgramRun) -> bytes:
    spans = [
        chunk(item.start, item.stop, item.item, (item.first, item.last), item.dimensions)
        for item in done.chunks
    ]
    return encode_executor(done.data, spans, found.passthrough_data, found.semantic_role)


def _check_options(found: ExecutorParams, job: Job) -> None:
    unknown = sorted(set(found.options) - KNOWN_OPTIONS)
    if unknown:
        raise ProgramError(Code.BAD_OPTION, f"There is no option {unknown[0][:60]!r}")
    for name, why in NOT_OFFERED.items():
        if found.options.get(name):
            raise _refused(name, why)
    if found.options.get("init_qubits") is False:
        raise _refused("init_qubits=False", "the simulation begins each shot in the ground state")
    if found.options.get("experimental"):
        raise _refused("experimental", "no experimental option is known")
    if found.options.get("rep_delay") is not None:
        check_rep_delay(found.options["rep_delay"], job.device)
    if found.program.meas_level != "classified":
        raise _refused(f"meas_level={found.program.meas_level}", "only bits are measured")


def _refused(name: str, why: str) -> ProgramError:
    return ProgramError(Code.OPTION_NOT_OFFERED, f"The option {name} isn't offered here: {why}")
