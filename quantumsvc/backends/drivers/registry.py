"""Which driver builds what."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from quantumsvc.backends.drivers.aer import AerDriver
from quantumsvc.backends.drivers.base import Device, Driver, read_document
from quantumsvc.backends.drivers.plugged import PluggedDriver
from quantumsvc.backends.programs.errors import Code, ProgramError

DRIVERS: dict[str, Driver] = {"aer": AerDriver(), "qiskit": PluggedDriver()}


def driver_called(name: str) -> Driver:
    """The driver of that name; raises ``ProgramError`` when there is none."""
    try:
        return DRIVERS[name]
    except KeyError:
        known = ", ".join(sorted(DRIVERS))
        raise ProgramError(Code.BAD_DEVICE, f"There is no driver {name!r}; there are {known}") from None


def build(raw: bytes) -> Device:
    """The device that a document describes."""
    document = read_document(raw)
    device = driver_called(document.driver).build(document)
    return replace(device, key=hashlib.sha256(raw).hexdigest())


def describe(name: str, driver: str, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration and properties documents for an operator's backend row."""
    return driver_called(driver).describe(name, options)
