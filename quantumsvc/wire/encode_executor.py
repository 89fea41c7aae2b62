"""An executor job's result (schema v2.0)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

KINDS = {"f": "f", "c": "c", "i": "i", "u": "u"}


def tensor(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array as the client reads it; truth values are packed, first bit lowest."""
    if array.dtype == np.bool_:
        raw, kind = np.packbits(array.ravel(), bitorder="little").tobytes(), "bool"
    else:
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        kind = f"{KINDS[array.dtype.kind]}{array.dtype.itemsize * 8}"
    # Level 1: random bits hardly pack, and the best packing costs more time than the simulation.
    packed = base64.b64encode(zlib.compress(raw, 1)).decode()
    return {"data": packed, "shape": list(array.shape), "dtype": kind}


def chunk(
    start: datetime, stop: datetime, item: int, part: tuple[int, int], dimensions: int
) -> dict[str, Any]:
    """When elements ``part`` (first, last) of one item ran; the wire's times carry no zone."""
    first, last = part
    return {
        "start": start.replace(tzinfo=None).isoformat(),
        "stop": stop.replace(tzinfo=None).isoformat(),
        "parts": [
            {
                "idx_item": item,
                "size": last - first,
                "permutation": list(range(dimensions)),
                "element_range": [first, last, 1],
            }
        ],
    }


def encode_executor(
    data: Iterable[dict[str, npt.NDArray[Any]]],
    chunks: list[dict[str, Any]],
    passthrough_data: Any,
    semantic_role: str | None,
) -> bytes:
    """The whole result body; the last two go back as they came."""
    items = [
        {
            "results": {name: tensor(array) for name, array in arrays.items()},
            "metadata": {"scheduler_timing": None, "stretch_values": None},
        }
        for arrays in data
    ]
    body = {
        "schema_version": "v2.0",
        "data": items,
        "metadata": {"chunk_timing": chunks},
        "passthrough_data": passthrough_data,
        "semantic_role": semantic_role,
    }
    return json.dumps(body, separators=(",", ":")).encode()
