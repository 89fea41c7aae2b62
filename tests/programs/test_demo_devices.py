"""The demo's documents serve the real client, and its devices run what they promise."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.fake_provider import FakeNairobiV2
from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data

from quantumsvc.backends.demo_devices import DemoDevice, demo_devices
from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.messages import Limits
from quantumsvc.backends.execution.options import MEBIBYTE, PoolOptions
from tests.programs.conftest import Runner
from tests.programs.payloads import decoded, sampler_params

NAMES = [device.name for device in demo_devices()]


def client_backend(device: DemoDevice) -> IBMBackend:
    """The client's own backend, made of the documents alone."""
    configuration = configuration_from_server_data(copy.deepcopy(device.configuration))
    assert configuration is not None
    api = MagicMock()
    api.backend_properties.side_effect = lambda *_, **__: copy.deepcopy(device.properties)
    return IBMBackend(configuration=configuration, service=MagicMock(), api_client=api, instance="crn")


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_what_the_client_transpiles_for_it(
    run: Runner, demo: dict[str, DemoDevice], device_called: Any, name: str
) -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    if name != "simulator_stabilizer":
        circuit.rx(0.3, 0)
        circuit.t(1)
    circuit.measure(range(3), range(3))
    ready = transpile(circuit, client_backend(demo[name]), seed_transpiler=1)
    limits = Limits(**demo[name].limits)
    result = decoded(run("sampler", sampler_params([(ready, None, 100)]), device_called(name), limits=limits))
    assert result[0].data.c.num_shots == 100


def test_it_has_chips_of_5_to_127_qubits_that_report_as_devices(demo: dict[str, DemoDevice]) -> None:
    chips = [device for device in demo.values() if device.backend_class == "device"]
    assert sorted(device.configuration["n_qubits"] for device in chips) == [5, 7, 16, 27, 127]
    assert not any(device.configuration["simulator"] for device in chips)
    assert all(device.properties["backend_name"] == device.name for device in chips)


def test_it_has_simulators_and_a_twin_for_dry_runs(demo: dict[str, DemoDevice]) -> None:
    assert demo["ibmq_qasm_simulator"].configuration["simulator"] is True
    assert demo["ibmq_qasm_simulator"].properties == {}
    assert demo["mock_nairobi"].backend_class == "mock"
    assert demo["mock_nairobi"].properties["qubits"] == demo["demo_nairobi"].properties["qubits"]


def test_it_leaves_room_for_28_entangled_qubits(demo: dict[str, DemoDevice], device_called: Any) -> None:
    needed = device_called("ibmq_qasm_simulator").memory_needed(28)
    assert needed == 4 << 30
    assert demo["ibmq_qasm_simulator"].limits["memory_bytes"] > needed


@pytest.mark.parametrize("name", NAMES)
def test_it_promises_no_job_more_memory_than_a_child_may_take(demo: dict[str, DemoDevice], name: str) -> None:
    assert demo[name].limits["memory_bytes"] <= PoolOptions(socket=Path()).memory_mb * MEBIBYTE


def test_it_writes_plain_json(demo: dict[str, DemoDevice]) -> None:
    for device in demo.values():
        documents = [device.configuration, device.properties, device.options]
        assert json.loads(json.dumps(documents, allow_nan=False)) == documents


def test_it_imports_none_of_the_fields_libraries() -> None:
    code = (
        "import sys; from quantumsvc.backends.demo_devices import demo_devices; demo_devices();"
        "roots = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(roots & {'qiskit', 'numpy', 'qiskit_ibm_runtime', 'qiskit_aer'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_has_the_errors_of_the_shipped_chip(nairobi: Device) -> None:
    ours, theirs = nairobi.target, FakeNairobiV2().target
    shared = {"cx", "sx", "x", "rz", "measure"}
    for name in shared:
        assert {place: (item.error, item.duration) for place, item in ours[name].items()} == {
            place: (item.error, item.duration) for place, item in theirs[name].items()
        }
    assert isinstance(nairobi.backend, AerSimulator)
