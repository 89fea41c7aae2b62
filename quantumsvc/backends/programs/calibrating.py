"""The ``calibrate`` program: measures the device it runs on (W9)."""

from __future__ import annotations

import msgspec

from quantumsvc.backends.characterization import calibrate
from quantumsvc.backends.chipdata.asking import SCHEMA_VERSION, NotAsked, OtherSchema, read_params
from quantumsvc.backends.chipdata.readings import Asked, CalibrationBody, Measured
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.job_context import Job, wall_time


def run_calibration(job: Job, params: bytes) -> bytes:
    """The body that clients read, and beside it what was measured, which the worker takes out."""
    asked = _asked(params)
    start = wall_time()
    job.reporter.phase("executing")
    measured = _measured(job, asked)
    job.reporter.phase("finishing")
    body = CalibrationBody(
        schema_version=SCHEMA_VERSION,
        start=start.isoformat(),
        stop=wall_time().isoformat(),
        measured=measured,
    )
    return msgspec.json.encode(body)


def _asked(params: bytes) -> Asked:
    try:
        return read_params(params)
    except OtherSchema as error:
        raise ProgramError(Code.BAD_PROGRAM, str(error)) from None
    except NotAsked as error:
        raise ProgramError(Code.BAD_PUB, str(error)) from None


def _measured(job: Job, asked: Asked) -> Measured:
    device = job.device
    if not device.noisy or job.task.dry_run:
        raise ProgramError(Code.BAD_DEVICE, f"{device.name} has nothing to calibrate")
    if beyond := [qubit for qubit in asked.qubits if qubit >= device.num_qubits]:
        raise ProgramError(Code.BAD_OPTION, f"{device.name} has no qubit {beyond[0]}")
    if device.calibrate is not None:
        return device.calibrate(asked, job.reporter)
    return calibrate(device, asked, job.reporter, job.task.seed)
