"""Changes to backends and to what is known of them."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import transaction

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.demo_devices import DemoDevice
from quantumsvc.backends.models import Backend, BackendAccess, CalibrationSet
from quantumsvc.wire.times import parse_time


def compact(document: dict[str, Any]) -> str:
    """A JSON document without spaces, as it is kept and served."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


@transaction.atomic
def install_device(*, device: DemoDevice, now: datetime) -> Backend:
    """Make a backend from a shipped device snapshot, with its calibration set. Idempotent by name.

    The set carries the date at which the snapshot's data were taken, so that questions about the past
    find it; a device without a date gets ``now``.
    """
    backend, made = Backend.objects.get_or_create(
        name=device.name,
        defaults={
            "description": device.description,
            "kind": device.backend_class,
            "driver": device.driver,
            "driver_options": device.options,
            "configuration": compact(device.configuration),
            "qubits": device.configuration["n_qubits"],
            "created_at": now,
            "updated_at": now,
            **_row_limits(device.limits),
        },
    )
    if made:
        taken = device.properties.get("last_update_date")
        CalibrationSet.objects.create(
            backend=backend,
            taken_at=parse_time(str(taken)) if taken else now,
            properties=compact(device.properties),
        )
    return backend


# Which limits are the backend's own; the others belong to the installation.
_LIMIT_FIELDS = {
    "max_shots": "max_shots",
    "max_pubs": "max_pubs",
    "max_qubits": "max_active_qubits",
    "max_gates": "max_gates",
    "max_work": "max_work",
    "memory_bytes": "memory_bytes",
}


def _row_limits(limits: dict[str, int]) -> dict[str, int]:
    return {field: limits[name] for name, field in _LIMIT_FIELDS.items() if name in limits}


def grant(*, backend: Backend, instances: Iterable[Instance]) -> None:
    """Let these instances use a backend that is not open to all."""
    for instance in instances:
        BackendAccess.objects.get_or_create(backend=backend, instance=instance)


@lru_cache(maxsize=64)
def _device_document(backend_id: int, updated_at: datetime, calibration_id: str) -> tuple[str, bytes]:
    calibration = CalibrationSet.objects.select_related("backend").get(pk=calibration_id)
    backend = calibration.backend
    head = compact(
        {
            "name": backend.name,
            "driver": backend.driver,
            "options": backend.driver_options,
            "calibration_id": calibration_id,
        }
    )
    text = f'{head[:-1]},"configuration":{backend.configuration},"properties":{calibration.properties}}}'
    document = text.encode()
    return hashlib.sha256(document).hexdigest(), document


def device_document(backend: Backend, calibration_id: str) -> tuple[str, bytes]:
    """What the execution child builds the device from, and the content hash that names it.

    Kept in memory per backend version and calibration set, because both are large and rarely change.
    """
    return _device_document(backend.pk, backend.updated_at, calibration_id)
