"""Draws random twirls from a samplex that a user has sent.

A samplex says itself which arrays it will fill. One that promises more than it fills would hand out
whatever the memory held before, so all its arrays begin as zeros here, and their sizes are bounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from qiskit_ibm_runtime.fake_provider.executor.broadcast_sample import broadcast_sample
from samplomatic.quantum_program import SamplexItem
from samplomatic.samplex.interfaces import SamplexOutput
from samplomatic.tensor_interface import TensorSpecification

from quantumsvc.backends.programs.errors import Code, ProgramError

Arrays = dict[str, npt.NDArray[Any]]


class ClearedOutput(SamplexOutput):  # type: ignore[misc]
    """Outputs whose arrays hold zeros until something is written to them."""

    def __setitem__(self, key: str, value: Any) -> None:
        fresh = isinstance(value, np.ndarray) and key not in self
        super().__setitem__(key, np.zeros_like(value) if fresh else value)


def draw(item: SamplexItem, shape: tuple[int, ...], rng: np.random.Generator, most_bytes: int) -> Arrays:
    """Parameter values and flips for each randomization and parameter set of the item."""
    specifications = list(item.samplex.outputs().specs)
    _check_sizes(specifications, shape, most_bytes)
    item.samplex.outputs = lambda: ClearedOutput(specifications)
    try:
        return dict(broadcast_sample(item.samplex, item.samplex_arguments, shape, rng))
    except MemoryError:
        raise
    except Exception as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ProgramError(Code.BAD_SAMPLEX, f"A samplex can't be sampled: {told}") from None


def _check_sizes(specifications: list[Any], shape: tuple[int, ...], most_bytes: int) -> None:
    total = 0
    for specification in specifications:
        if isinstance(specification, TensorSpecification):
            sizes = [size for size in specification.shape if isinstance(size, int)]
            total += math.prod(shape) * math.prod(sizes) * np.dtype(specification.dtype).itemsize
    if total > most_bytes:
        told = f"A samplex fills {total} bytes; at most {most_bytes} are accepted"
        raise ProgramError(Code.RESULT_SIZE, told)
