"""Params as the official client sends them, made with its own classes."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.options import EstimatorOptions, SamplerOptions
from qiskit_ibm_runtime.options_models import ExecutorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS


def sampler_params(pubs: Iterable[Any], **options: Any) -> bytes:
    """What ``SamplerV2.run`` posts."""
    return _primitive([SamplerPub.coerce(pub) for pub in pubs], SamplerOptions, options)


def estimator_params(pubs: Iterable[Any], **options: Any) -> bytes:
    """What ``EstimatorV2.run`` posts."""
    return _primitive([EstimatorPub.coerce(pub) for pub in pubs], EstimatorOptions, options)


def _primitive(pubs: list[Any], kind: Any, options: dict[str, Any]) -> bytes:
    inputs = {"pubs": pubs, **kind._get_program_inputs(asdict(kind(**options)))}
    return json.dumps(inputs, cls=RuntimeEncoder).encode()


def executor_params(
    program: QuantumProgram, options: ExecutorOptions | None = None, role: str | None = None
) -> bytes:
    """What ``Executor.run`` posts."""
    program._semantic_role = role
    model = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"].encoder(program, options or ExecutorOptions())
    return json.dumps(model.model_dump(mode="json"), cls=RuntimeEncoder).encode()


def with_options(params: bytes, **options: Any) -> bytes:
    """The same params with other options, such as the client itself would not let pass."""
    tree = json.loads(params)
    return json.dumps({**tree, "options": options}).encode()


def decoded(body: bytes) -> Any:
    """A sampler's or estimator's result as the client sees it."""
    return json.loads(body, cls=RuntimeDecoder)


def packed(raw: bytes) -> str:
    """Bytes as the wire carries them."""
    return base64.b64encode(zlib.compress(raw)).decode()


def npy(header: str, data: bytes = b"") -> bytes:
    """A ``.npy`` file with that header, true or not."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def form(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    """A typed value."""
    return {"__type__": kind, "__value__": value, **more}
