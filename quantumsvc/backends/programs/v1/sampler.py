"""The sampler of version 1: quasi-probabilities by bit string."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job, stepped
from quantumsvc.backends.programs.limits import check_shots, check_work
from quantumsvc.backends.programs.running import run_bits
from quantumsvc.backends.programs.v1.noise import noisy
from quantumsvc.backends.programs.v1.plan import V1Plan, v1_plan
from quantumsvc.backends.programs.v1.readout import Bits, mitigated
from quantumsvc.backends.programs.v1.transpiling import Fitted, fitted, tell_circuits
from quantumsvc.wire.decode_v1 import Run, decode_v1

Distribution = tuple[dict[str, float], dict[str, Any]]


def run_v1_sampler(job: Job, params: bytes) -> bytes:
    """Run a sampler job of version 1; answers the encoded result."""
    job.reporter.phase("preparing")
    found = decode_v1(params, job.budget, observables=False)
    plan = v1_plan(found.options, job.device, job.task.seed, job.budget, most_resilience=1)
    device = job.device if plan.noise is None else noisy(job.device, plan.noise)
    check_shots(plan.shots, job.limits)
    check_work(plan.shots, len(found.runs), job.limits)
    ready = [fitted(job, run.circuit, plan.transpilation, device) for run in found.runs]
    tell_circuits(job, ready)
    for number, each in enumerate(ready):
        _check_bits(number, each)
    job.reporter.phase("executing")
    done: list[Distribution] = []
    for number, (run, each) in enumerate(zip(found.runs, ready, strict=True)):
        done.append(_distribution(job, device, plan, (number, run, each)))
        job.reporter.progress(number + 1, len(ready))
    job.reporter.phase("finishing")
    result = {"quasi_dists": [quasi for quasi, _ in done], "metadata": [told for _, told in done]}
    return json.dumps(result, separators=(",", ":"), allow_nan=False).encode()


def _check_bits(number: int, ready: Fitted) -> None:
    if not any(register.size for register in ready.known.circuit.cregs):
        raise ProgramError(Code.BAD_PUB, f"Run {number}: the circuit measures nothing into a register")


def _distribution(job: Job, device: Device, plan: V1Plan, which: tuple[int, Run, Fitted]) -> Distribution:
    number, run, ready = which
    values = ready.values(run.values, number)
    seed = stepped(plan.seed, number)
    if job.task.dry_run:
        width = sum(register.size for register in ready.known.circuit.cregs)
        bits = np.random.default_rng(seed).integers(0, 2, (plan.shots, width), np.uint8).astype(bool)
    else:
        bits = _bits(device, ready, values, plan.shots, seed)
    outcomes, counts = np.unique(bits, axis=0, return_counts=True)
    shares = counts / plan.shots
    told: dict[str, Any] = {"shots": plan.shots}
    if plan.resilience_level == 1 and not job.task.dry_run:
        better = mitigated(job, device, ready, outcomes, shares)
        shares = better.quasi
        told |= {
            "readout_mitigation_overhead": better.overhead,
            "readout_mitigation_time": better.seconds,
        }
    return dict(zip(_words(outcomes), (float(share) for share in shares), strict=True)), told


def _bits(
    device: Device, ready: Fitted, values: npt.NDArray[np.float64], shots: int, seed: int | None
) -> Bits:
    """A row for each shot, with the bits of all registers, the first register's first bit first."""
    circuit = ready.known.circuit
    data = run_bits(device, circuit, ready.known.facts, values, shots, seed)
    return np.concatenate(
        [data[register.name].to_bool_array(order="little") for register in circuit.cregs], axis=-1
    )


def _words(outcomes: Bits) -> list[str]:
    """Bit strings as counts have them: the first bit stands last."""
    return ["".join("1" if bit else "0" for bit in row[::-1]) for row in outcomes]
