"""The programs that a job can ask for: sampler, estimator and executor.

Importing this package is cheap; the libraries come in with ``preload`` or with the first job.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantumsvc.backends.drivers.base import Device
    from quantumsvc.backends.execution.messages import Task
    from quantumsvc.backends.programs.ports import Reporter, SessionCache

__all__ = ["preload", "run_program"]


def preload() -> None:
    """Import everything that a job may need, so that a child forked afterwards starts warm."""
    # dill comes with the transpiler, at its first use, and opens files that a child may not open.
    for module in ("dill", "quantumsvc.backends.drivers.registry", "quantumsvc.backends.programs.registry"):
        importlib.import_module(module)


def run_program(task: Task, params: bytes, device: Device, reporter: Reporter, cache: SessionCache) -> bytes:
    """Run one job and return its result body as the wire wants it.

    Raises ``ProgramError`` for everything that the user can be told; any other exception is a
    fault of ours.
    """
    from quantumsvc.backends.programs import registry

    return registry.run(task, params, device, reporter, cache)
