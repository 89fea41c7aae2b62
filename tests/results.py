"""Result bodies as the programs make them."""

from typing import Any

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

from quantumsvc.wire.encode_results import encode_primitive, estimates

ONE_SHOT = BitArray.from_counts({"0": 1}, num_bits=1)


def sampled(**registers: BitArray) -> bytes:
    """One pub of a sampler."""
    shape = next(iter(registers.values())).shape
    return encode_primitive(PrimitiveResult([SamplerPubResult(DataBin(**registers, shape=shape))]))


def estimated(**arrays: Any) -> bytes:
    """One pub of an estimator."""
    shape = np.shape(next(iter(arrays.values())))
    return encode_primitive(PrimitiveResult([PubResult(estimates(arrays, shape))]))
