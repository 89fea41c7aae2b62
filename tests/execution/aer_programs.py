"""The fake programs, in a pool that has the simulator loaded as the real one has."""

import importlib

from tests.execution.fake_programs import build_device, run_program

__all__ = ["build_device", "preload", "run_program"]


def preload() -> None:
    """Load the simulator before children are forked."""
    for module in ("dill", "qiskit", "qiskit_aer.primitives"):
        importlib.import_module(module)
