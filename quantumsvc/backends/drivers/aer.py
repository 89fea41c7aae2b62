"""Devices that qiskit-aer simulates, noisy from calibration data or ideal."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.models import BackendProperties, QasmBackendConfiguration
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
from qiskit_ibm_runtime.utils.backend_decoder import (
    configuration_from_server_data,
    properties_from_server_data,
)

from quantumsvc.backends.drivers.base import Device, DeviceDocument, JsonDict, only_options
from quantumsvc.backends.drivers.drift import true_properties
from quantumsvc.backends.drivers.noise import ChipSimulator
from quantumsvc.backends.drivers.outcomes import checked
from quantumsvc.backends.programs.errors import Code, ProgramError

METHODS = ("automatic", "statevector", "matrix_product_state", "stabilizer")
OPTIONS = ("method", "num_qubits", "noise", "drift")
"""``drift`` is for the service: with it, documents carry the chip's truth."""


class DocumentBackend(BackendV2):  # type: ignore[misc]
    """A backend that only describes itself: the simulator takes its target and noise from it."""

    def __init__(self, name: str, description: str | None, target: Target) -> None:
        super().__init__(name=name, description=description, backend_version="1")
        self._target = target

    @property
    def target(self) -> Target:
        """The instructions, connections, times and errors of the device."""
        return self._target

    @property
    def max_circuits(self) -> int | None:
        """No limit: jobs are limited by the service."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: QuantumCircuit | list[QuantumCircuit], **options: Any) -> Any:
        """Refuse: circuits run on the simulator that is made from this description."""
        raise ProgramError(Code.BAD_DEVICE, f"{self.name} is a description, not a simulator")


class AerDriver:
    """Builds simulators from configuration and properties documents."""

    def build(self, document: DeviceDocument) -> Device:
        """A noisy simulator when there are properties, an ideal one when there are none."""
        only_options(document.options, OPTIONS, "aer")
        if document.properties and document.options.get("noise", True):
            return noisy_device(document)
        return ideal_device(document)

    def describe(self, name: str, options: JsonDict) -> tuple[JsonDict, JsonDict]:
        """Refuse: this driver is given both documents."""
        raise ProgramError(Code.BAD_DEVICE, "The aer driver needs a configuration document")


def target_of(document: DeviceDocument) -> Target:
    """The target as the client would build it from the same two documents."""
    try:
        configuration = _configuration(document)
        properties = _properties(document)
        return convert_to_target(configuration=configuration, properties=properties)
    except ProgramError:
        raise
    except Exception as error:
        raise ProgramError(Code.BAD_DEVICE, f"{document.name}: bad calibration data: {error}") from error


def _configuration(document: DeviceDocument) -> QasmBackendConfiguration:
    raw = copy.deepcopy(document.configuration)
    configuration = configuration_from_server_data(raw, use_fractional_gates=None)
    if configuration is None:
        raise ProgramError(Code.BAD_DEVICE, f"{document.name}: the configuration document is not valid")
    return configuration


def _properties(document: DeviceDocument) -> BackendProperties | None:
    if not document.properties:
        return None
    return properties_from_server_data(copy.deepcopy(document.properties), use_fractional_gates=None)


def noisy_device(document: DeviceDocument) -> Device:
    """A simulator with the errors that the calibration data tell, or the truth where that is another."""
    target = target_of(document)
    description = document.configuration.get("description")
    model = DocumentBackend(document.name, description, _true_target(document) or target)
    simulator = ChipSimulator.from_backend(model)
    simulator.freeze()
    return _device(document, simulator, target, noisy=True, method="automatic")


def _true_target(document: DeviceDocument) -> Target | None:
    if document.truth is None:
        return None
    return target_of(msgspec.structs.replace(document, properties=true_properties(document.truth)))


def ideal_device(document: DeviceDocument) -> Device:
    """A simulator without errors, by the method that the options name."""
    method = document.options.get("method", "automatic")
    if method not in METHODS:
        raise ProgramError(Code.BAD_DEVICE, f"{document.name}: there is no simulation method {method!r}")
    target = target_of(document)
    simulator = AerSimulator(method=method)
    wanted = int(document.options.get("num_qubits") or document.configuration.get("n_qubits") or 0)
    if wanted:
        # Aer's own bound follows the host's memory; ours is the operator's, checked before each run.
        simulator.set_max_qubits(max(wanted, simulator.num_qubits or 0))
    return _device(document, simulator, target, noisy=False, method=method)


def _device(
    document: DeviceDocument, simulator: AerSimulator, target: Target, *, noisy: bool, method: str
) -> Device:
    return Device(
        name=document.name,
        backend=checked(simulator),
        target=target,
        is_simulator=bool(document.configuration.get("simulator")),
        noisy=noisy,
        method=method,
        seedable=True,
        configuration=document.configuration,
        properties=document.properties,
        calibration_id=document.calibration_id,
    )
