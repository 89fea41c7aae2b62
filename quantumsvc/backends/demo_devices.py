"""The devices of a fresh installation: real chips' data, ideal simulators and a dry-run twin.

The chips' documents are those that qiskit-ibm-runtime ships. This module reads them as files: it
imports none of the field's libraries, since it runs in the service's own processes.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

JsonDict = dict[str, Any]

MIB = 1 << 20
GIB = 1 << 30
COMMON_LIMITS = {
    "max_shots": 100_000,
    "max_pubs": 300,
    "max_gates": 200_000,
    "max_work": 20_000_000,
    "max_inflated_bytes": 256 * MIB,
    "max_result_bytes": 256 * MIB,
    "cpu_seconds": 1800,
}
CHIPS = (
    ("manila", "5-qubit chip in a line, with its measured errors"),
    ("nairobi", "7-qubit chip in the shape of an H, with its measured errors"),
    ("guadalupe", "16-qubit heavy-hexagon chip, with its measured errors"),
    ("kolkata", "27-qubit heavy-hexagon chip, with its measured errors"),
    ("brisbane", "127-qubit heavy-hexagon chip, with its measured errors"),
)
NOISY_WIDTH = 14
"""Qubits that noisy simulation entangles in bearable time: each more doubles it."""

NO_PARAMETERS = ("h", "id", "s", "sdg", "sx", "sxdg", "swap", "x", "y", "z", "cx", "cy", "cz", "ecr")
T_GATES = ("t", "tdg", "ccx")
ROTATIONS = {
    "p": ["theta"], "rx": ["theta"], "ry": ["theta"], "rz": ["phi"], "u": ["theta", "phi", "lam"],
    "rxx": ["theta"], "ryy": ["theta"], "rzz": ["theta"], "cp": ["theta"],
}  # fmt: skip
CONTROL_FLOW = ("if_else", "while_loop", "for_loop", "switch_case")


@dataclass(frozen=True)
class DemoDevice:
    """One backend row of the demo: what it is, what its driver is given, what clients see.

    ``limits`` has the fields of the execution's ``Limits``.
    """

    name: str
    description: str
    driver: str
    options: JsonDict
    configuration: JsonDict
    properties: JsonDict
    backend_class: Literal["device", "simulator", "mock"]
    limits: dict[str, int] = field(default_factory=dict)


def demo_devices() -> list[DemoDevice]:
    """All demo devices, chips first."""
    chips = [_chip(number, name, text) for number, (name, text) in enumerate(CHIPS, 1)]
    twin = next(chip for chip in chips if chip.name == "demo_nairobi")
    return [*chips, *_simulators(), _mock_of(twin)]


@cache
def _snapshots() -> Path:
    """Where the shipped chip documents are; found without importing the package."""
    found = importlib.util.find_spec("qiskit_ibm_runtime")
    if found is None or found.origin is None:
        raise FileNotFoundError("qiskit-ibm-runtime isn't installed, so there are no demo chips")
    return Path(found.origin).parent / "fake_provider" / "backends"


def _document(chip: str, kind: str) -> JsonDict:
    path = _snapshots() / chip / f"{kind}_{chip}.json"
    found: JsonDict = json.loads(path.read_text(encoding="utf-8"))
    return found


def _chip(number: int, chip: str, description: str) -> DemoDevice:
    name = f"demo_{chip}"
    shipped = _document(chip, "conf")
    configuration = {
        **shipped,
        "backend_name": name,
        "description": description,
        "simulator": False,
        "local": False,
        "max_shots": COMMON_LIMITS["max_shots"],
        "max_experiments": COMMON_LIMITS["max_pubs"],
        "supported_instructions": _instructions(shipped["basis_gates"]),
    }
    return DemoDevice(
        name=name,
        description=description,
        driver="aer",
        options={"drift": {"seed": number}},
        configuration=configuration,
        properties={**_document(chip, "props"), "backend_name": name},
        backend_class="device",
        limits={**COMMON_LIMITS, "max_qubits": NOISY_WIDTH, "memory_bytes": GIB},
    )


def _instructions(basis: Iterable[str]) -> list[str]:
    """Every chip here runs circuits that branch and loop, whatever its year."""
    return sorted({*basis, "measure", "reset", "delay", *CONTROL_FLOW})


def _mock_of(device: DemoDevice) -> DemoDevice:
    name = "mock_" + device.name.partition("_")[2]
    return DemoDevice(
        name=name,
        description=f"Dry runs for {device.name}: right shapes, random contents",
        driver=device.driver,
        options={},
        configuration={**device.configuration, "backend_name": name},
        properties={**device.properties, "backend_name": name},
        backend_class="mock",
        # Nothing is simulated, so any circuit that fits the chip may try.
        limits={
            **device.limits,
            "max_qubits": int(device.configuration["n_qubits"]),
            "memory_bytes": 8 * GIB,
        },
    )


def _simulators() -> list[DemoDevice]:
    clifford = {name: list[str]() for name in NO_PARAMETERS}
    universal = {**clifford, **{name: list[str]() for name in T_GATES}, **ROTATIONS}
    return [
        _simulator(
            ("ibmq_qasm_simulator", "automatic", 32),
            "Ideal simulator; full state of up to 28 qubits, more when all gates are Clifford",
            universal,
            # 28 qubits are 4 GiB of amplitudes; sampling needs room beside them.
            {"max_qubits": 32, "memory_bytes": 5 * GIB},
        ),
        _simulator(
            ("simulator_mps", "matrix_product_state", 63),
            "Ideal simulator for circuits with little entanglement",
            universal,
            {"max_qubits": 63, "memory_bytes": 4 * GIB},
        ),
        _simulator(
            ("simulator_stabilizer", "stabilizer", 1000),
            "Ideal simulator for Clifford circuits",
            clifford,
            {"max_qubits": 1000, "memory_bytes": 2 * GIB},
        ),
    ]


def _simulator(
    which: tuple[str, str, int], description: str, gates: dict[str, list[str]], limits: dict[str, int]
) -> DemoDevice:
    name, method, qubits = which
    return DemoDevice(
        name=name,
        description=description,
        driver="aer",
        options={"method": method, "num_qubits": qubits},
        configuration=_simulator_configuration(name, description, qubits, gates),
        properties={},
        backend_class="simulator",
        limits={**COMMON_LIMITS, **limits},
    )


def _simulator_configuration(
    name: str, description: str, qubits: int, gates: dict[str, list[str]]
) -> JsonDict:
    return {
        "backend_name": name,
        "backend_version": "1.0.0",
        "n_qubits": qubits,
        "basis_gates": sorted(gates),
        "gates": [
            {"name": gate, "parameters": gates[gate], "qasm_def": f"gate {gate} q {{ }}"}
            for gate in sorted(gates)
        ],
        "coupling_map": None,
        "supported_instructions": _instructions(gates),
        "local": False,
        "simulator": True,
        "conditional": True,
        "open_pulse": False,
        "memory": True,
        "max_shots": COMMON_LIMITS["max_shots"],
        "max_experiments": COMMON_LIMITS["max_pubs"],
        "online_date": "2026-01-01T00:00:00+00:00",
        "description": description,
        "dynamic_reprate_enabled": False,
        "rep_times": [],
        "timing_constraints": {},
    }
