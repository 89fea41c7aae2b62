"""Devices, limits and listeners for running programs without the service around them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.transpiler import generate_preset_pass_manager

from quantumsvc.backends.demo_devices import DemoDevice, demo_devices
from quantumsvc.backends.drivers import build_device
from quantumsvc.backends.drivers.base import Device, DeviceDocument, write_document
from quantumsvc.backends.drivers.noise import used_qubits
from quantumsvc.backends.execution.messages import Limits, Task
from quantumsvc.backends.programs import run_program

T = TypeVar("T")
MIB = 1 << 20
LIMITS = Limits(
    max_shots=20_000,
    max_pubs=20,
    max_qubits=12,
    max_gates=5_000,
    max_work=2_000_000,
    max_inflated_bytes=32 * MIB,
    max_result_bytes=32 * MIB,
    memory_bytes=512 * MIB,
    cpu_seconds=60,
)


@dataclass
class Listener:
    """Remembers what a program reported."""

    phases: list[str] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def progress(self, done: int, total: int) -> None:
        self.steps.append((done, total))

    def log(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    def transpiled(self, text: str) -> None:
        self.texts.append(text)

    def metric(self, name: str, value: float | int | str) -> None:
        self.metrics[name] = value


@dataclass
class Shelf:
    """A session's cache that counts what it had to make."""

    kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    made: int = 0

    def get_or_make(self, kind: str, key: str, make: Callable[[], T]) -> T:
        if (kind, key) not in self.kept:
            self.kept[kind, key] = make()
            self.made += 1
        found: T = self.kept[kind, key]
        return found

    def peek(self, kind: str, key: str) -> object:
        return self.kept.get((kind, key))

    def keep(self, kind: str, key: str, value: object) -> None:
        self.kept[kind, key] = value


Runner = Callable[..., bytes]


def task(program: str, limits: Limits = LIMITS, **changes: Any) -> Task:
    """A task for ``program``; ``changes`` replace its fields."""
    fields: dict[str, Any] = {
        "job_id": "job", "attempt": 1, "program": program, "device": "", "backend": "d", "session_id": None,
        "seed": None, "log_level": "WARNING", "dry_run": False, "limits": limits,
    }  # fmt: skip
    return Task(**{**fields, **changes})


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Any:
    """The client's own deprecations are not this suite's subject."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="session")
def demo() -> dict[str, DemoDevice]:
    """The demo devices by name."""
    return {item.name: item for item in demo_devices()}


@pytest.fixture(scope="session")
def device_called(demo: dict[str, DemoDevice]) -> Callable[[str], Device]:
    """Builds demo devices, each once."""
    built: dict[str, Device] = {}

    def build(name: str) -> Device:
        if name not in built:
            row = demo[name]
            document = DeviceDocument(
                name=row.name,
                driver=row.driver,
                options=row.options,
                configuration=row.configuration,
                properties=row.properties,
            )
            built[name] = build_device(write_document(document)[1])
        return built[name]

    return build


@pytest.fixture(scope="session")
def nairobi(device_called: Callable[[str], Device]) -> Device:
    """The 7-qubit noisy device."""
    return device_called("demo_nairobi")


@pytest.fixture
def listener() -> Listener:
    """Hears what programs report."""
    return Listener()


@pytest.fixture
def run(nairobi: Device, listener: Listener) -> Runner:
    """Runs a program on the 7-qubit device, or on the one that is given."""

    def go(program: str, params: bytes, device: Device | None = None, **changes: Any) -> bytes:
        cache = changes.pop("cache", None) or Shelf()
        return run_program(task(program, **changes), params, device or nairobi, listener, cache)

    return go


@pytest.fixture(scope="session")
def ansatz(nairobi: Device) -> QuantumCircuit:
    """A 5-qubit ansatz, transpiled for the 7-qubit device."""
    manager = generate_preset_pass_manager(1, target=nairobi.target, seed_transpiler=1)
    circuit: QuantumCircuit = manager.run(efficient_su2(5, reps=1, entanglement="linear"))
    return circuit


@pytest.fixture(scope="session")
def angles(ansatz: QuantumCircuit) -> np.ndarray[Any, Any]:
    """Parameter values for the ansatz."""
    return np.asarray(np.random.default_rng(3).random(ansatz.num_parameters))


@pytest.fixture(scope="session")
def measured(ansatz: QuantumCircuit) -> QuantumCircuit:
    """The ansatz with its five qubits measured into the register ``meas``."""
    circuit: QuantumCircuit = ansatz.copy()
    circuit.add_register(ClassicalRegister(5, "meas"))
    circuit.measure(sorted(used_qubits(ansatz)), range(5))
    return circuit


@pytest.fixture(scope="session")
def bell(nairobi: Device) -> QuantumCircuit:
    """A Bell pair on the 7-qubit device, measured into ``c``."""
    circuit = QuantumCircuit(7, name="bell", metadata={"note": "kept"})
    circuit.rz(np.pi / 2, 0)
    circuit.sx(0)
    circuit.rz(np.pi / 2, 0)
    circuit.cx(0, 1)
    circuit.add_register(ClassicalRegister(2, "c"))
    circuit.measure([0, 1], [0, 1])
    return circuit
