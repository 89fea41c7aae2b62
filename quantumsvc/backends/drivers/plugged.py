"""Any ``BackendV2`` that the operator names: how a lab plugs its hardware in.

The dotted path comes from the operator's backend row and never from a job.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import msgspec
from qiskit.providers import BackendV2

from quantumsvc.backends.chipdata.readings import Asked, Measured
from quantumsvc.backends.drivers.base import Device, DeviceDocument, JsonDict, OwnCalibration, only_options
from quantumsvc.backends.drivers.describing import configuration_of, properties_of
from quantumsvc.backends.drivers.outcomes import checked
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.ports import Reporter

OPTIONS = ("path", "options", "network")
"""``network`` is for the service: it chooses where the job runs."""


class PluggedDriver:
    """Builds the backend by calling what the dotted path names with the row's keyword options."""

    def build(self, document: DeviceDocument) -> Device:
        """The device around a freshly made backend."""
        backend = make_backend(document.options)
        configuration = document.configuration or configuration_of(backend, document.name)
        return Device(
            name=document.name,
            backend=checked(backend),
            target=backend.target,
            is_simulator=bool(configuration.get("simulator")),
            noisy=True,
            method=None,
            seedable=_takes_seed(backend),
            configuration=configuration,
            properties=document.properties,
            calibration_id=document.calibration_id,
            calibrate=_own_calibration(backend),
        )

    def describe(self, name: str, options: JsonDict) -> tuple[JsonDict, JsonDict]:
        """The two documents, read off the backend's target."""
        backend = make_backend(options)
        return configuration_of(backend, name), properties_of(backend, name)


def make_backend(options: JsonDict) -> BackendV2:
    """Call the named thing; raises ``ProgramError`` unless a ``BackendV2`` comes of it."""
    only_options(options, OPTIONS, "qiskit")
    path = str(options.get("path", ""))
    try:
        backend = _resolve(path)(**dict(options.get("options") or {}))
    except ProgramError:
        raise
    except Exception as error:
        raise ProgramError(Code.BAD_DEVICE, f"{path} can't be made: {error}") from error
    if not isinstance(backend, BackendV2):
        raise ProgramError(Code.BAD_DEVICE, f"{path} is not a BackendV2")
    return backend


def _resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    if not module or not name:
        raise ProgramError(Code.BAD_DEVICE, f"{path!r} is not a dotted path to a backend")
    found = getattr(importlib.import_module(module), name, None)
    if not callable(found):
        raise ProgramError(Code.BAD_DEVICE, f"{module} has no {name}")
    return found


def _own_calibration(backend: BackendV2) -> OwnCalibration | None:
    """The backend's ``calibrate(qubits, experiments, log)``, if it has one, with what it gives checked."""
    measure = getattr(backend, "calibrate", None)
    if not callable(measure):
        return None

    def calibrate(asked: Asked, reporter: Reporter) -> Measured:
        try:
            found = measure(
                qubits=list(asked.qubits),
                experiments=list(asked.experiments),
                log=lambda text: reporter.log("INFO", str(text)),
            )
            return _with_readings(msgspec.convert(found, Measured))
        except ProgramError:
            raise
        except msgspec.ValidationError as error:
            raise ProgramError(Code.BAD_DEVICE, f"What the calibration gave is not valid: {error}") from None
        except Exception as error:
            raise ProgramError(Code.JOB_FAILED, f"The device's calibration failed: {error}") from error

    return calibrate


def _with_readings(found: Measured) -> Measured:
    if not found.readings:
        why = found.failures[0].reason if found.failures else "it gave no reading"
        raise ProgramError(Code.JOB_FAILED, f"Nothing could be measured: {why}")
    return found


def _takes_seed(backend: BackendV2) -> bool:
    parameters = inspect.signature(backend.run).parameters
    any_option = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
    return any_option or "seed_simulator" in parameters
