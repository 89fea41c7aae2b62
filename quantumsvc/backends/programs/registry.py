"""Which program runs what, and how its troubles are told."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from qiskit.exceptions import QiskitError

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.messages import Task
from quantumsvc.backends.programs.calibrating import run_calibration
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.estimator import run_estimator
from quantumsvc.backends.programs.executor import run_executor
from quantumsvc.backends.programs.job_context import Job
from quantumsvc.backends.programs.limits import check_result
from quantumsvc.backends.programs.ports import Reporter, SessionCache
from quantumsvc.backends.programs.sampler import run_sampler
from quantumsvc.backends.programs.sketch import sketch
from quantumsvc.backends.programs.v1.estimator import run_v1_estimator
from quantumsvc.backends.programs.v1.sampler import run_v1_sampler
from quantumsvc.wire.decode_errors import DecodeError
from quantumsvc.wire.decode_v1 import is_v1

Program = Callable[[Job, bytes], bytes]
PROGRAMS: dict[str, Program] = {
    "sampler": run_sampler,
    "estimator": run_estimator,
    "executor": run_executor,
    "calibrate": run_calibration,
}
V1_PROGRAMS: dict[str, Program] = {"sampler": run_v1_sampler, "estimator": run_v1_estimator}


def run(task: Task, params: bytes, device: Device, reporter: Reporter, cache: SessionCache) -> bytes:
    """Run one job; everything the user can be told comes as ``ProgramError``."""
    if task.only_told:
        return sketch(task, params)
    try:
        program = (V1_PROGRAMS if task.old_clients and is_v1(params) else PROGRAMS)[task.program]
    except KeyError:
        raise ProgramError(Code.BAD_PROGRAM, f"There is no program {task.program[:60]!r} here") from None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return _run(program, Job(task, device, reporter, cache), params)
        finally:
            _log_warnings(caught, reporter)


def _run(program: Program, job: Job, params: bytes) -> bytes:
    try:
        return check_result(program(job, params), job.limits)
    except DecodeError as error:
        raise ProgramError(error.code, error.message) from None
    except MemoryError:
        raise ProgramError(Code.MEMORY, "The job needs more memory than it is allowed") from None
    except RecursionError:
        raise ProgramError(Code.BAD_JSON, "The job's payload nests too deeply") from None
    except QiskitError as error:
        raise ProgramError(Code.SIMULATOR_FAILED, f"The simulation failed: {_told(error)}") from error


def _told(error: Exception) -> str:
    text = re.sub(r"\s+", " ", str(error)).strip("'\" ")
    return text[:300] or type(error).__name__


def _log_warnings(caught: list[warnings.WarningMessage], reporter: Reporter) -> None:
    """Libraries' warnings belong in the job's log; deprecations are ours to mind, not the user's."""
    told = [item for item in caught if not issubclass(item.category, DeprecationWarning)]
    for text in dict.fromkeys(str(item.message).splitlines()[0][:500] for item in told if str(item.message)):
        reporter.log("WARNING", text)
