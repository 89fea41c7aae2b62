"""Configuration and properties documents for a backend that has only a target."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

JsonDict = dict[str, Any]
NOT_GATES = frozenset({"measure", "reset", "delay", "barrier", "store", *CONTROL_FLOW_OP_NAMES})
UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for "not told": a document with a made-up present date would change its key each time."""


def configuration_of(backend: BackendV2, name: str) -> JsonDict:
    """What clients need to transpile for the backend; times are in nanoseconds as on the wire."""
    target = backend.target
    gates = [item for item in target.operation_names if item not in NOT_GATES]
    dt = None if target.dt is None else target.dt * 1e9
    return {
        "backend_name": name,
        "backend_version": str(backend.backend_version or "1.0.0"),
        "n_qubits": int(target.num_qubits or 0),
        "basis_gates": sorted(gates),
        "gates": [_gate(target, gate) for gate in sorted(gates)],
        "coupling_map": _coupling(target),
        "supported_instructions": sorted(set(target.operation_names) - {"barrier"}),
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": True,
        "max_shots": 100_000,
        "max_experiments": int(backend.max_circuits or 300),
        "online_date": (backend.online_date or UNDATED).isoformat(),
        "description": str(backend.description or name),
        "dt": dt,
        "dtm": dt,
        "rep_times": [],
        "dynamic_reprate_enabled": False,
        "timing_constraints": _timing(target),
        "processor_type": {"family": "Plugged", "revision": "1"},
    }


def _gate(target: Target, name: str) -> JsonDict:
    operation = target.operation_from_name(name)
    parameters = [str(item) for item in getattr(operation, "params", [])]
    places = [list(qubits) for qubits in target.qargs_for_operation_name(name) or ()]
    gate = {"name": name, "parameters": parameters, "qasm_def": f"gate {name} q {{ }}"}
    return {**gate, "coupling_map": places} if places else gate


def _coupling(target: Target) -> list[list[int]] | None:
    coupling = target.build_coupling_map()
    return None if coupling is None else [list(edge) for edge in coupling.get_edges()]


def _timing(target: Target) -> dict[str, int]:
    return {
        "granularity": target.granularity,
        "min_length": target.min_length,
        "pulse_alignment": target.pulse_alignment,
        "acquire_alignment": target.acquire_alignment,
    }


def properties_of(backend: BackendV2, name: str) -> JsonDict:
    """Times and errors as the target tells them; empty when it tells none."""
    target = backend.target
    date = (backend.online_date or UNDATED).isoformat()
    qubits = [_qubit(target, index, date) for index in range(target.num_qubits or 0)]
    gates = _gate_properties(target, date)
    if not gates and not any(qubits):
        return {}
    return {
        "backend_name": name,
        "backend_version": str(backend.backend_version or "1.0.0"),
        "last_update_date": date,
        "qubits": qubits,
        "gates": gates,
        "general": [],
    }


def _value(name: str, value: float | None, unit: str, scale: float, date: str) -> list[JsonDict]:
    if value is None:
        return []
    return [{"date": date, "name": name, "unit": unit, "value": value * scale}]


def _qubit(target: Target, index: int, date: str) -> list[JsonDict]:
    known = target.qubit_properties[index] if target.qubit_properties else None
    measure = target["measure"].get((index,)) if "measure" in target else None
    return [
        *_value("T1", getattr(known, "t1", None), "us", 1e6, date),
        *_value("T2", getattr(known, "t2", None), "us", 1e6, date),
        *_value("frequency", getattr(known, "frequency", None), "GHz", 1e-9, date),
        *_value("readout_error", getattr(measure, "error", None), "", 1.0, date),
        *_value("readout_length", getattr(measure, "duration", None), "ns", 1e9, date),
    ]


def _gate_properties(target: Target, date: str) -> list[JsonDict]:
    found = []
    for name in sorted(set(target.operation_names) - NOT_GATES):
        for qubits, known in sorted(_places(target, name)):
            parameters = [
                *_value("gate_error", known.error, "", 1.0, date),
                *_value("gate_length", known.duration, "ns", 1e9, date),
            ]
            label = name + "_".join(str(item) for item in qubits)
            found.append({"gate": name, "name": label, "qubits": list(qubits), "parameters": parameters})
    return found


def _places(target: Target, name: str) -> list[tuple[tuple[int, ...], Any]]:
    places = target[name] or {}
    return [(qubits, known) for qubits, known in places.items() if qubits is not None and known is not None]
