"""Result bodies as the client decodes them."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import numpy as np
from qiskit.primitives.containers import DataBin, PrimitiveResult, PubResult
from qiskit_ibm_runtime import RuntimeEncoder
from qiskit_ibm_runtime.execution_span import DoubleSliceSpan, ExecutionSpans, TwirledSliceSpanV2


def encode_primitive(result: PrimitiveResult[Any]) -> bytes:
    """A sampler's or estimator's result; arrays of no dimension stay arrays."""
    return json.dumps(result, cls=RuntimeEncoder, separators=(",", ":")).encode()


def estimates(arrays: dict[str, Any], shape: tuple[int, ...]) -> DataBin:
    """A data bin of arrays; numbers are wrapped, since a bare number has no shape for its reader."""
    return DataBin(**{name: np.asarray(value) for name, value in arrays.items()}, shape=shape)


def plain_span(
    start: datetime, stop: datetime, pubs: dict[int, tuple[tuple[int, ...], int]]
) -> DoubleSliceSpan:
    """One stretch of execution that covers each pub (its shape and shots) whole."""
    slices = {
        index: ((*shape, shots), slice(0, math.prod(shape)), slice(0, shots))
        for index, (shape, shots) in pubs.items()
    }
    return DoubleSliceSpan(start, stop, slices)


def twirled_span(
    start: datetime, stop: datetime, index: int, shape: tuple[int, ...], split: tuple[int, int], shots: int
) -> TwirledSliceSpanV2:
    """One stretch that covers a twirled pub; ``split`` is randomizations and shots of each.

    The randomizations are the first axis of what was executed; ``shots`` is what the pub asked for.
    """
    randomizations, each = split
    full = (randomizations, *shape, each)
    whole = slice(0, math.prod(full[:-1]))
    return TwirledSliceSpanV2(start, stop, {index: (full, True, whole, slice(0, each), shots)})


def sampler_result(pubs: list[PubResult], spans: list[Any]) -> PrimitiveResult[Any]:
    """A sampler's result with its execution spans."""
    return PrimitiveResult(
        pubs, metadata={"execution": {"execution_spans": ExecutionSpans(spans)}, "version": 2}
    )
