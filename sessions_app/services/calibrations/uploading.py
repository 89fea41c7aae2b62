"""Calibration sets that come from outside: hardware that is calibrated by its own software."""

from datetime import datetime
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.backends.chipdata.checking import NotProperties, checked_properties
from quantumsvc.backends.models import Backend, CalibrationSet, CalibrationSource
from quantumsvc.backends.services import compact
from sessions_app.services.calibrations.concluding import tell_changed, tell_drift
from sessions_app.services.calibrations.wishes import current_set, refuse_impossible
from sessions_app.services.leases import look_at


@transaction.atomic
def upload_set(
    *, backend: Backend, document: Any, taken_at: datetime, note: str, by: User, now: datetime
) -> CalibrationSet:
    """Make a properties document the backend's current set, from ``taken_at`` on.

    History is not rewritten: it must be newer than the current set, and not of the future. Raises
    ``ValidationError`` with everything that is wrong, having stored nothing.
    """
    refuse_impossible(backend)
    look_at(backend.pk, now)
    former = current_set(backend)
    problems = _of_time(taken_at, former, now)
    try:
        properties = checked_properties(
            document, name=backend.name, qubits=backend.qubits, gates=_gates(backend)
        )
    except NotProperties as found:
        raise ValidationError({**problems, "properties": found.problems}) from None
    if problems:
        raise ValidationError(problems)
    kept = CalibrationSet.objects.create(
        backend=backend,
        taken_at=taken_at,
        properties=compact(properties),
        source=CalibrationSource.UPLOADED.value,
        note=note,
    )
    audit.note("calibration.uploaded", kept, actor=by, now=now, after={"taken_at": taken_at, "note": note})
    tell_changed(backend)
    tell_drift(backend, former, kept, now)
    return kept


def _of_time(taken_at: datetime, former: CalibrationSet | None, now: datetime) -> dict[str, Any]:
    if taken_at > now:
        return {"taken_at": ["must not be in the future."]}
    if former is not None and taken_at <= former.taken_at:
        return {"taken_at": [f"must be later than that of the current set, {former.taken_at.isoformat()}."]}
    return {}


def _gates(backend: Backend) -> frozenset[str]:
    """The names that the configuration knows; an empty set when it tells none."""
    configuration = msgspec.json.decode(backend.configuration)
    listed = configuration.get("supported_instructions") or []
    basis = configuration.get("basis_gates") or []
    return frozenset([*listed, *basis, "reset", "measure"]) if listed or basis else frozenset()
