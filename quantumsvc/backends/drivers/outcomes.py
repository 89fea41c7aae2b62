"""Results are whole or not given: a simulator tells of a failed circuit in its result, not by an error."""

from __future__ import annotations

import functools
import re
from typing import Any

from qiskit.providers import BackendV2

from quantumsvc.backends.programs.errors import Code, ProgramError

MOST_TOLD = 500
_OUT_OF_MEMORY = re.compile(r"insufficient memory|cannot allocate memory|bad_alloc|unable to allocate", re.I)


class CheckedJob:
    """A backend's job that gives its result only if every circuit of it ran, and each shot is told."""

    def __init__(self, job: Any, *, shots_asked: bool) -> None:
        self._job = job
        self._shots_asked = shots_asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def result(self, *args: Any, **options: Any) -> Any:
        """The job's result. Raises ``ProgramError`` when a circuit failed or its shots are missing."""
        result = whole(self._job.result(*args, **options))
        if self._shots_asked:
            _refuse_counts_alone(result)
        return result


def checked(backend: BackendV2) -> BackendV2:
    """The same backend, whose jobs are checked from now on."""
    run = backend.run

    @functools.wraps(run)
    def run_checked(*args: Any, **options: Any) -> CheckedJob:
        return CheckedJob(run(*args, **options), shots_asked=bool(options.get("memory")))

    backend.run = run_checked
    return backend


def whole(result: Any) -> Any:
    """The result, unless a circuit of it failed: then the first failure is raised as ``ProgramError``."""
    parts = [*getattr(result, "results", ())]
    failed = next((part for part in parts if not getattr(part, "success", True)), None)
    if failed is None and getattr(result, "success", True):
        return result
    told = getattr(failed, "status", None) or getattr(result, "status", None) or "it didn't say why"
    raise _failure(re.sub(r"\s+", " ", str(told)).removeprefix("ERROR:").strip()[:MOST_TOLD])


def _refuse_counts_alone(result: Any) -> None:
    """Qiskit's primitives take missing shots for zeros, so counts alone would make a wrong result."""
    for part in getattr(result, "results", ()):
        data = getattr(part, "data", None)
        if getattr(data, "counts", None) and not getattr(data, "memory", None):
            raise _failure("the backend told counts, and not each shot's outcome as memory=True asks it to")


def _failure(told: str) -> ProgramError:
    if _OUT_OF_MEMORY.search(told):
        return ProgramError(Code.MEMORY, "The simulation needs more memory than the job may use here")
    return ProgramError(Code.SIMULATOR_FAILED, f"The simulation failed: {told}")
