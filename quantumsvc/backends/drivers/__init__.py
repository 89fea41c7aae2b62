"""Drivers turn a device document into something that programs can run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantumsvc.backends.drivers.base import Device

__all__ = ["build_device"]


def build_device(document: bytes) -> Device:
    """The device that a document describes; raises ``ProgramError`` when it can't be built."""
    from quantumsvc.backends.drivers import registry

    return registry.build(document)
