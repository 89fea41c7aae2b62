"""The params of executor jobs (schema v2.0): sizes are proven before any library reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ibm_quantum_schemas.common.qpy import ANNOTATION_FACTORIES
from ibm_quantum_schemas.executor.version_2_0 import ParamsModel
from pydantic import ValidationError
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.converters import quantum_program_from_2_0
from samplomatic.quantum_program import SamplexItem

from quantumsvc.wire.decode_arrays import check_tensor
from quantumsvc.wire.decode_budget import Budget, inflate, unbase64
from quantumsvc.wire.decode_circuits import load_circuits
from quantumsvc.wire.decode_errors import (
    BAD_PUB,
    BAD_SAMPLEX,
    BAD_TYPE,
    BAD_VALUE,
    TOO_MANY_PUBS,
    DecodeError,
)
from quantumsvc.wire.decode_json import parse_json

SCHEMA = "v2.0"
VERSION_AT = 6
"""Where a QPY file tells its version: the byte after its magic."""
TENSOR_KEYS = frozenset({"data", "shape", "dtype"})
FIELDS = frozenset(
    {"shots", "circuits", "items", "semantic_role", "meas_level", "passthrough_data"}
)  # fmt: skip


@dataclass(frozen=True)
class ExecutorParams:
    """``passthrough_data`` and ``semantic_role`` are as they came: they go back unchanged."""

    program: QuantumProgram
    options: dict[str, Any]
    passthrough_data: Any
    semantic_role: str | None


def decode_executor(raw: bytes, budget: Budget) -> ExecutorParams:
    """Take executor params apart; raises ``DecodeError`` for whatever is wrong with them."""
    params = parse_json(raw)
    program = _top(params)
    passthrough = program.get("passthrough_data")
    _check_tree(passthrough, budget, "passthrough_data")
    _check_items(program.get("items"), budget)
    circuits = _circuits(program.get("circuits"), budget)
    model = _validated({**params, "quantum_program": {**program, "passthrough_data": None}})
    # The circuits are read once, by the bounded reader: the model would read them again.
    model.quantum_program.circuits._python_data = circuits
    options = params.get("options") or {}
    return ExecutorParams(_converted(model), options, passthrough, program.get("semantic_role"))


def _top(params: Any) -> dict[str, Any]:
    if not isinstance(params, dict) or not set(params) <= {"schema_version", "quantum_program", "options"}:
        raise DecodeError(BAD_VALUE, "Executor params must hold schema_version, quantum_program and options")
    if params.get("schema_version") != SCHEMA:
        raise DecodeError(BAD_VALUE, f"Only executor schema {SCHEMA} runs here")
    program = params.get("quantum_program")
    if not isinstance(program, dict):
        raise DecodeError(BAD_VALUE, "quantum_program must be an object")
    unknown = sorted(set(program) - FIELDS)
    if unknown:
        raise DecodeError(BAD_VALUE, f"quantum_program holds an unknown {unknown[0][:60]!r}")
    return program


def _check_tree(value: Any, budget: Budget, where: str) -> None:
    """Data that only passes through: its tensors must be honest, typed forms aren't accepted."""
    if isinstance(value, list):
        for item in value:
            _check_tree(item, budget, where)
    elif isinstance(value, dict):
        if "__type__" in value:
            raise DecodeError(BAD_TYPE, f"{where} may not hold typed values")
        if value.keys() >= TENSOR_KEYS and isinstance(value["data"], str):
            check_tensor(value, budget, f"A tensor in {where}")
        else:
            for item in value.values():
                _check_tree(item, budget, where)


def _check_items(items: Any, budget: Budget) -> None:
    if not isinstance(items, list) or not items:
        raise DecodeError(BAD_PUB, "There must be a list with at least one item")
    if len(items) > budget.max_items:
        raise DecodeError(TOO_MANY_PUBS, f"{len(items)} items are more than the {budget.max_items} accepted")
    for index, item in enumerate(items):
        _check_item(item, budget, f"Item {index}")


def _check_item(item: Any, budget: Budget, where: str) -> None:
    if not isinstance(item, dict):
        raise DecodeError(BAD_PUB, f"{where} must be an object")
    if item.get("item_type") == "samplex":
        _check_samplex(item, budget, where)
    elif item.get("item_type") == "circuit":
        check_tensor(item.get("circuit_arguments"), budget, f"{where}: circuit_arguments")
    else:
        raise DecodeError(BAD_PUB, f"{where} must be a circuit or a samplex")


def _check_samplex(item: dict[str, Any], budget: Budget, where: str) -> None:
    samplex, arguments = item.get("samplex"), item.get("samplex_arguments")
    text = samplex.get("samplex_json") if isinstance(samplex, dict) else None
    if not isinstance(text, str) or not isinstance(arguments, dict):
        raise DecodeError(BAD_SAMPLEX, f"{where} must have a samplex and its arguments")
    budget.take(len(text))
    _check_expressions(parse_json(text.encode()), budget, where)
    for name, value in arguments.items():
        if isinstance(value, dict) and value.keys() & TENSOR_KEYS:
            check_tensor(value, budget, f"{where}: {name[:60]}")


def _check_expressions(samplex: Any, budget: Budget, where: str) -> None:
    """A samplex carries its parameter expressions as a QPY circuit of its own, which is read by others later:
    look at all that is in it before.
    """
    try:
        table = parse_json(samplex["attrs"]["param_table"].encode())
        raw = unbase64(table["circuit_base64"], f"{where}: the samplex's expressions")
    except (KeyError, TypeError, AttributeError):
        raise DecodeError(BAD_SAMPLEX, f"{where}: the samplex has no readable expressions") from None
    budget.take(len(raw))
    load_circuits(raw, budget)


def _circuits(value: Any, budget: Budget) -> list[QuantumCircuit]:
    if not isinstance(value, dict) or value.keys() != {"b64_data", "qpy_version", "num_programs"}:
        raise DecodeError(BAD_VALUE, "circuits must be packed QPY (b64_data, qpy_version, num_programs)")
    raw = inflate(unbase64(value["b64_data"], "circuits"), budget, "circuits")
    circuits = load_circuits(raw, budget, ANNOTATION_FACTORIES)
    if (value["num_programs"], value["qpy_version"]) != (len(circuits), raw[VERSION_AT]):
        raise DecodeError(BAD_VALUE, "circuits don't agree with their qpy_version and num_programs")
    return circuits


def _validated(params: dict[str, Any]) -> ParamsModel:
    try:
        return ParamsModel.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DecodeError(BAD_VALUE, f"{place}: {first['msg']}"[:300]) from None
    except RecursionError:
        raise DecodeError(BAD_VALUE, "The payload nests too deeply") from None


def _converted(model: ParamsModel) -> QuantumProgram:
    """Build the program; a samplex is finalized, since it can't be sampled before."""
    try:
        program, _ = quantum_program_from_2_0(model)
        for item in program.items:
            if isinstance(item, SamplexItem):
                item.samplex.finalize()
    except MemoryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DecodeError(BAD_SAMPLEX, f"The quantum program can't be built: {told}") from None
    return program
