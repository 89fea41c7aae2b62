"""A circuit that the simulator gave up on ends the job with the right code, whatever program ran it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from quantumsvc.backends.demo_devices import DemoDevice
from quantumsvc.backends.drivers import build_device
from quantumsvc.backends.drivers.base import Device, DeviceDocument, write_document
from quantumsvc.backends.drivers.outcomes import whole
from quantumsvc.backends.execution.running import bounded
from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import LIMITS, MIB, Runner
from tests.programs.payloads import estimator_params, executor_params, sampler_params

WIDE = 24
ALLOWED = msgspec.structs.replace(LIMITS, max_qubits=WIDE)
SCARCE = msgspec.structs.replace(LIMITS, memory_bytes=128 * MIB, cpu_seconds=0)

Params = Callable[[QuantumCircuit, QuantumCircuit], bytes]


def _executed(good: QuantumCircuit, bad: QuantumCircuit) -> bytes:
    program = QuantumProgram(shots=10)
    for circuit in (good, bad):
        program.append_circuit_item(circuit, circuit_arguments=[0.5] * circuit.num_parameters or None)
    return executor_params(program)


def _sampled(good: QuantumCircuit, bad: QuantumCircuit) -> bytes:
    return sampler_params([(each, [0.5] * each.num_parameters, 10) for each in (good, bad)])


def _estimated(good: QuantumCircuit, bad: QuantumCircuit, **options: Any) -> bytes:
    pubs = []
    for each in (good, bad):
        plain = each.remove_final_measurements(inplace=False)
        pubs.append((plain, "Z" * plain.num_qubits, [0.5] * plain.num_parameters, 0.1))
    return estimator_params(pubs, **options)


PARAMS: dict[str, tuple[str, Params]] = {
    "sampler": ("sampler", _sampled),
    "estimator": ("estimator", _estimated),
    "mitigated estimator": ("estimator", lambda *both: _estimated(*both, resilience_level=1)),
    "executor": ("executor", _executed),
}


@pytest.fixture(params=list(PARAMS))
def program(request: pytest.FixtureRequest) -> tuple[str, Params]:
    return PARAMS[request.param]


def fine() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def large(parameters: bool) -> QuantumCircuit:
    """A circuit whose state has 256 MiB."""
    circuit = QuantumCircuit(WIDE)
    circuit.ry(Parameter("t") if parameters else 0.5, range(WIDE))
    for qubit in range(1, WIDE):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("parameters", [True, False])
def test_it_tells_that_memory_ran_out(
    run: Runner, device_called: Any, program: tuple[str, Params], parameters: bool
) -> None:
    device: Device = device_called("ibmq_qasm_simulator")
    name, params = program
    with bounded(SCARCE), pytest.raises(ProgramError) as caught:
        run(name, params(fine(), large(parameters)), device, limits=ALLOWED)
    assert caught.value.code == Code.MEMORY
    assert "more memory" in caught.value.message


def test_it_tells_what_the_simulator_said(
    run: Runner, demo: dict[str, DemoDevice], program: tuple[str, Params]
) -> None:
    configuration = demo["ibmq_qasm_simulator"].configuration
    options = {"method": "stabilizer", "num_qubits": 5}
    device = build_device(write_document(DeviceDocument("odd", "aer", options, configuration))[1])
    bad = QuantumCircuit(2)
    bad.rx(0.3, 0)
    bad.measure_all()
    name, params = program
    with pytest.raises(ProgramError) as caught:
        run(name, params(fine(), bad), device)
    assert caught.value.code == Code.SIMULATOR_FAILED
    assert "invalid" in caught.value.message


def result(success: bool, status: str, *parts: tuple[bool, str]) -> Any:
    results = [SimpleNamespace(success=each, status=text) for each, text in parts]
    return SimpleNamespace(success=success, status=status, results=results)


def test_it_finds_the_one_circuit_that_failed_among_many() -> None:
    found = result(False, "PARTIAL COMPLETED", (True, "DONE"), (False, "ERROR: no\n  such gate"))
    with pytest.raises(ProgramError, match="failed: no such gate") as caught:
        whole(found)
    assert caught.value.code == Code.SIMULATOR_FAILED


@pytest.mark.parametrize("found", [result(False, "the fridge is warm"), result(False, "", (True, "DONE"))])
def test_it_believes_a_backend_that_says_it_failed(found: Any) -> None:
    with pytest.raises(ProgramError) as caught:
        whole(found)
    assert caught.value.code == Code.SIMULATOR_FAILED


@pytest.mark.parametrize("found", [result(True, "COMPLETED", (True, "DONE")), SimpleNamespace()])
def test_it_passes_whole_results_on(found: Any) -> None:
    assert whole(found) is found
