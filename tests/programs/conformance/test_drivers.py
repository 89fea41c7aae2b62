"""What every driver's devices must do; a new driver joins by one line in ``DOCUMENTS``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
from qiskit_ibm_runtime.utils.backend_decoder import (
    configuration_from_server_data,
    properties_from_server_data,
)

from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.drivers import build_device
from quantumsvc.backends.drivers.base import Device, DeviceDocument, write_document
from quantumsvc.backends.drivers.registry import DRIVERS, describe
from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import Listener, Runner
from tests.programs.payloads import decoded, estimator_params, sampler_params

GENERIC = {"path": "qiskit.providers.fake_provider.GenericBackendV2", "options": {"num_qubits": 5, "seed": 1}}
FAKE = {"path": "qiskit_ibm_runtime.fake_provider.FakeManilaV2"}


def of_demo(name: str) -> DeviceDocument:
    row = next(item for item in demo_devices() if item.name == name)
    return DeviceDocument(row.name, row.driver, row.options, row.configuration, row.properties)


def of_driver(options: dict[str, Any]) -> DeviceDocument:
    return DeviceDocument("lab", "qiskit", options, *describe("lab", "qiskit", options))


DOCUMENTS: dict[str, Callable[[], DeviceDocument]] = {
    "aer: noisy": lambda: of_demo("demo_manila"),
    "aer: ideal": lambda: of_demo("ibmq_qasm_simulator"),
    "qiskit: generic": lambda: of_driver(GENERIC),
    "qiskit: chip": lambda: of_driver(FAKE),
}


@pytest.fixture(scope="module", params=list(DOCUMENTS))
def document(request: pytest.FixtureRequest) -> DeviceDocument:
    return DOCUMENTS[request.param]()


@pytest.fixture(scope="module")
def device(document: DeviceDocument) -> Device:
    return build_device(write_document(document)[1])


@pytest.fixture
def flipped(device: Device) -> QuantumCircuit:
    """Two qubits, the first in |1>, in the device's own gates."""
    circuit = QuantumCircuit(2, name="flipped")
    circuit.add_register(ClassicalRegister(2, "c"))
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    made: QuantumCircuit = transpile(circuit, target=device.target, optimization_level=0, seed_transpiler=1)
    return made


def test_it_covers_every_driver() -> None:
    assert {make().driver for make in DOCUMENTS.values()} == set(DRIVERS)


def test_it_builds_the_same_key_from_the_same_document(document: DeviceDocument, device: Device) -> None:
    key, raw = write_document(document)
    assert write_document(document) == (key, raw)
    assert build_device(raw).key == device.key == key


def test_it_describes_itself(document: DeviceDocument, device: Device) -> None:
    assert device.name == document.name
    assert device.num_qubits >= 5
    assert device.target.num_qubits == device.num_qubits
    assert device.seedable is True


def test_it_publishes_documents_that_the_client_reads(device: Device) -> None:
    published = json.loads(json.dumps(device.configuration, allow_nan=False))
    configuration = configuration_from_server_data(published)
    assert configuration is not None
    properties = json.loads(json.dumps(device.properties, allow_nan=False))
    decoded_properties = properties_from_server_data(properties) if properties else None
    target = convert_to_target(configuration, decoded_properties)
    assert target.num_qubits == device.num_qubits
    assert {"measure", "cx", "x"} <= set(target.operation_names)


def test_it_samples(run: Runner, device: Device, flipped: QuantumCircuit) -> None:
    params = sampler_params([(flipped, None, 500)], simulator={"seed_simulator": 9})
    one, two = (decoded(run("sampler", params, device))[0].data.c for _ in range(2))
    assert one.get_counts()["01"] > 400
    assert np.array_equal(one.array, two.array)


def test_it_samples_with_twirls(run: Runner, device: Device, flipped: QuantumCircuit) -> None:
    params = sampler_params([(flipped, None, 256)], twirling={"enable_measure": True, "enable_gates": True})
    assert decoded(run("sampler", params, device))[0].data.c.get_counts()["01"] > 200


@pytest.mark.parametrize("level", [0, 1])
def test_it_estimates(run: Runner, device: Device, level: int) -> None:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    ready = transpile(circuit, target=device.target, optimization_level=0, seed_transpiler=1)
    observable = "Z".rjust(ready.num_qubits, "I")
    params = estimator_params([(ready, observable)], resilience_level=level, default_shots=512)
    assert decoded(run("estimator", params, device))[0].data.evs < -0.8


@pytest.mark.parametrize(
    "raw",
    [
        b"not json",
        b"{}",
        b'{"name":"x","driver":"other"}',
        b'{"name":"x","driver":"aer"}',
        b'{"name":"x","driver":"aer","options":{"method":"magic"}}',
        b'{"name":"x","driver":"aer","options":{"colour":1}}',
        b'{"name":"x","driver":"qiskit","options":{"path":"os.getcwd"}}',
        b'{"name":"x","driver":"qiskit","options":{"path":"nothing"}}',
        b'{"name":"x","driver":"qiskit","options":{"path":"no.such.Thing"}}',
        b'{"name":"x","driver":"qiskit","options":{"path":"qiskit.providers.fake_provider.Nothing"}}',
    ],
)
def test_it_refuses_documents_it_cannot_build(raw: bytes) -> None:
    with pytest.raises(ProgramError) as caught:
        build_device(raw)
    assert caught.value.code == Code.BAD_DEVICE


# --- Calibrations ---

OWN = {"path": "tests.programs.own_calibration.OwnDevice"}
CALIBRATE = (
    b'{"schema_version":"v0.1","options":{"experimental":{"qubits":[0],"experiments":["readout","T1"]}}}'
)


def test_it_can_be_calibrated_if_it_has_errors(device: Device, run: Runner) -> None:
    if not device.noisy:
        with pytest.raises(ProgramError) as refused:
            run("calibrate", CALIBRATE, device)
        assert refused.value.code == Code.BAD_DEVICE
        return
    measured = json.loads(run("calibrate", CALIBRATE, device, seed=1))["measured"]
    found = {(each["parameter"], *each["qubits"]) for each in measured["readings"]}
    failed = {(each["experiment"], *each["qubits"]) for each in measured["failures"]}
    assert ("readout_error", 0) in found
    assert ("T1", 0) in found | failed, "a device without decay says so"


def test_it_measures_a_device_by_its_own_routine(run: Runner, listener: Listener) -> None:
    device = build_device(write_document(of_driver(OWN))[1])
    measured = json.loads(run("calibrate", CALIBRATE, device))["measured"]
    assert measured["readings"] == [{"parameter": "T1", "qubits": [0], "value": 5e-05, "deviation": 1e-06}]
    assert measured["failures"][0]["qubits"] == [1]
    assert ("INFO", "asked for [0] and ['readout', 'T1']") in listener.lines


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        ("nothing", "not valid"),
        ("no readings", "Nothing could be measured: it is warm"),
        ("a value that can't be", "not valid"),
        ("an exception", "The device's calibration failed: the fridge is open"),
    ],
)
def test_it_fails_when_a_device_s_own_routine_gives(run: Runner, gives: str, told: str) -> None:
    options = {**OWN, "options": {"gives": gives}}
    device = build_device(write_document(of_driver(options))[1])
    with pytest.raises(ProgramError, match=told):
        run("calibrate", CALIBRATE, device)
