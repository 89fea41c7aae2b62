"""Changes to backends and to what is known of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.demo_devices import DemoDevice
from quantumsvc.backends.models import Backend, BackendAccess, CalibrationSet
from quantumsvc.errors import BadRequest
from quantumsvc.wire.ids import new_id
from quantumsvc.wire.times import iso_z, parse_time


def compact(document: dict[str, Any]) -> str:
    """A JSON document without spaces, as it is kept and served."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


@transaction.atomic
def install_device(*, device: DemoDevice, now: datetime) -> Backend:
    """Make a backend from a shipped device snapshot, with its calibration set. Idempotent by name.

    The set carries the date at which the snapshot's data were taken, so that questions about the past
    find it; a device without a date gets ``now``. A device that drifts has done so since that date.
    """
    shipped = new_id()
    taken = device.properties.get("last_update_date")
    taken_at = parse_time(str(taken)) if taken else now
    backend, made = Backend.objects.get_or_create(
        name=device.name,
        defaults={
            "description": device.description,
            "kind": device.backend_class,
            "driver": device.driver,
            "driver_options": _options(device, shipped, taken_at),
            "configuration": compact(device.configuration),
            "qubits": device.configuration["n_qubits"],
            "created_at": now,
            "updated_at": now,
            **_row_limits(device.limits),
        },
    )
    if made:
        CalibrationSet.objects.create(
            id=shipped,
            backend=backend,
            taken_at=taken_at,
            properties=compact(device.properties),
        )
    return backend


def _options(device: DemoDevice, shipped: str, taken_at: datetime) -> dict[str, Any]:
    """The driver's options, with where the drift begins if there is one."""
    if "drift" not in device.options:
        return device.options
    began = {"began_at": iso_z(taken_at), "usual_set": shipped}
    return {**device.options, "drift": {**device.options["drift"], **began}}


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


# What an operator may change of a backend that is in use.
BACKEND_SETTINGS = (
    "description", "max_shots", "max_pubs", "max_active_qubits", "max_gates", "max_work", "memory_bytes",
    "default_execution_seconds", "max_execution_seconds",
    "session_max_ttl", "dedicated_interactive_ttl", "batch_interactive_ttl", "unused_session_ttl",
    "overrun_policy", "max_start_delay", "refuse_reserved", "release_after_minutes",
)  # fmt: skip


@transaction.atomic
def change_backend(
    *, backend: Backend, settings: Mapping[str, Any], now: datetime, actor: User | None, reason: str = ""
) -> Backend:
    """Change some of ``BACKEND_SETTINGS``. They hold for what is submitted or started from now on.

    Raises BadRequest for other fields and Django's ``ValidationError`` for values that can't be.
    """
    if unknown := settings.keys() - set(BACKEND_SETTINGS):
        raise BadRequest(f"These can't be changed: {', '.join(sorted(unknown))}.")
    row = Backend.objects.select_for_update().get(pk=backend.pk)
    before, after = audit.changes(audit.values(row, BACKEND_SETTINGS), settings)
    if not after:
        return row
    for name, value in after.items():
        setattr(row, name, value)
    if row.default_execution_seconds > row.max_execution_seconds:
        raise BadRequest("The default time of a job can't be longer than the longest.")
    row.clean_fields(exclude={"configuration"})
    row.save(update_fields=list(after))
    audit.note("backend.changed", row, actor=actor, now=now, before=before, after=after, reason=reason)
    return row


@transaction.atomic
def change_access(
    *,
    backend: Backend,
    open_to_all: bool,
    instances: Iterable[Instance],
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> None:
    """Say who may use a backend: everybody, or these instances. Jobs that were accepted stay."""
    row = Backend.objects.select_for_update().get(pk=backend.pk)
    chosen = {instance.pk: instance for instance in instances}
    before = {"open_to_all": row.open_to_all, "instances": _granted(row)}
    Backend.objects.filter(pk=row.pk).update(open_to_all=open_to_all)
    BackendAccess.objects.filter(backend=row).exclude(instance__in=chosen).delete()
    grant(backend=row, instances=chosen.values())
    after = {"open_to_all": open_to_all, "instances": _granted(row)}
    if before != after:
        audit.note("backend.access", row, actor=actor, now=now, before=before, after=after, reason=reason)


def _granted(backend: Backend) -> list[str]:
    return sorted(BackendAccess.objects.filter(backend=backend).values_list("instance__crn", flat=True))


def grant(*, backend: Backend, instances: Iterable[Instance]) -> None:
    """Let these instances use a backend that is not open to all."""
    for instance in instances:
        BackendAccess.objects.get_or_create(backend=backend, instance=instance)


class Drift(msgspec.Struct, frozen=True):
    """How a simulated chip wanders (``driver_options["drift"]``).

    Around the values of ``usual_set``, from ``began_at`` on, in steps of ``step_seconds``: within a step it
    stays as it is, so that a device that was built once serves for that long.
    """

    seed: int
    usual_set: str
    began_at: datetime
    step_seconds: int = 3_600

    def step_at(self, at: datetime) -> int:
        """How many steps the chip has taken by then."""
        return max(int((at - self.began_at).total_seconds() // self.step_seconds), 0)


def drift_of(backend: Backend) -> Drift | None:
    """The backend's drift, if it has one."""
    found = backend.driver_options.get("drift")
    return msgspec.convert(found, Drift) if found else None


@lru_cache(maxsize=256)
def backend_as_of(ident: int, version: str) -> Backend:
    """A backend's row, without its configuration, as of a version; not to be changed.

    Kept in memory, for paths that ask for the version alone: the row's ``xmin`` and ``ctid``.
    """
    return Backend.objects.defer("configuration").get(pk=ident)


@lru_cache(maxsize=64)
def _device_document(
    backend_id: int, updated_at: datetime, calibration_id: str, step: int | None
) -> tuple[str, bytes]:
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
    truth = _truth(backend, step)
    text = (
        f'{head[:-1]},"configuration":{backend.configuration},'
        f'"properties":{calibration.properties},"truth":{truth}}}'
    )
    document = text.encode()
    return hashlib.sha256(document).hexdigest(), document


def _truth(backend: Backend, step: int | None) -> str:
    """What a drifting chip is made from, as JSON text; the child works out what it is like."""
    drift = drift_of(backend)
    if drift is None or step is None:
        return "null"
    usual = CalibrationSet.objects.get(pk=drift.usual_set).properties
    return f'{{"seed":{drift.seed},"step":{step},"properties":{usual}}}'


def device_document(backend: Backend, calibration_id: str, at: datetime) -> tuple[str, bytes]:
    """What the execution child builds the device from at that time, and the content hash that names it.

    Kept in memory per backend version, calibration set and step of the drift, because it is large and rarely
    changes.
    """
    drift = drift_of(backend)
    step = drift.step_at(at) if drift else None
    return _device_document(backend.pk, backend.updated_at, calibration_id, step)
