"""What follows when a calibration has ended: the new set, and whether the device has drifted (W9).

Everything here happens in the transaction of the job's end, so that a set without its job's completion, or
the other way round, never exists. One that failed changes nothing but the list of alerts.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import msgspec

from quantumsvc.accounts import audit
from quantumsvc.backends.chipdata.comparing import Change, Thresholds, changes, drifted
from quantumsvc.backends.chipdata.properties import measured_properties, values_of
from quantumsvc.backends.chipdata.readings import CalibrationBody, Failure, Measured
from quantumsvc.backends.models import Backend, CalibrationSet, CalibrationSource
from quantumsvc.backends.services import compact
from quantumsvc.doorbell import ring
from quantumsvc.scheduling.calibrations import AlertKind
from quantumsvc.wire.times import iso_z
from sessions_app.events import CHANNEL, BackendAlerted, BackendChanged, encode_event
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun
from sessions_app.services.calibrations.windows import give_back

logger = logging.getLogger(__name__)

MOST_TOLD = 200
"""Failures and drifted values kept in a report; the rest is in the job's log and in the sets."""


def taken_apart(body: bytes) -> tuple[bytes, Measured]:
    """What a calibration's child gave: the result that clients read, and what was measured.

    Raises ``msgspec.MsgspecError`` for anything else: a child's word is not trusted.
    """
    read = msgspec.json.decode(body, type=CalibrationBody)
    result = {"schema_version": read.schema_version, "start": read.start, "stop": read.stop}
    return msgspec.json.encode(result), read.measured


def conclude(job_id: str, measured: Measured, now: datetime) -> None:
    """Make the measured set the backend's current one. Call in the transaction that completes the job."""
    run = CalibrationRun.objects.select_related("backend").get(job_id=job_id)
    base = CalibrationSet.objects.in_force(run.backend, now)
    former = msgspec.json.decode(base.properties) if base else {}
    taken_at = max(now, base.taken_at + timedelta(microseconds=1)) if base else now
    fresh = measured_properties(former, measured.readings, iso_z(taken_at))
    taken = CalibrationSet.objects.create(
        backend=run.backend,
        taken_at=taken_at,
        properties=compact(fresh),
        source=CalibrationSource.MEASURED.value,
        note=f"Measured by job {job_id}",
    )
    found = _changes(former, fresh, measured)
    over = drifted(found, _thresholds(run.backend))
    CalibrationRun.objects.filter(pk=run.pk).update(
        base_set=base,
        result_set=taken,
        is_partial=bool(measured.failures),
        report=_report(found, over, measured),
    )
    give_back(run.window_id, now=now)
    tell_changed(run.backend)
    _tell(run, measured, over, now)


def tell_changed(backend: Backend) -> None:
    """Ring for everybody who may see the backend: it has another set."""
    ring(CHANNEL, encode_event(BackendChanged(id=backend.pk)))


def _changes(former: dict[str, Any], fresh: dict[str, Any], measured: Measured) -> list[Change]:
    about = {reading.key for reading in measured.readings}
    every = changes(values_of(former), values_of(fresh))
    return [change for change in every if (change.parameter, change.qubits) in about]


def policy_of(backend: Backend) -> CalibrationPolicy:
    """The operator's settings for this backend; the usual ones where nothing was set."""
    found = CalibrationPolicy.objects.filter(backend=backend).first()
    return found or CalibrationPolicy(backend=backend)


def _thresholds(backend: Backend) -> Thresholds:
    policy = policy_of(backend)
    return Thresholds(lifetime_drop=policy.lifetime_drop, error_rise=policy.error_rise)


def _report(found: Sequence[Change], over: Sequence[Change], measured: Measured) -> dict[str, Any]:
    by_parameter: dict[str, list[float]] = {}
    for change in found:
        if change.fraction is not None:
            by_parameter.setdefault(_kind(change), []).append(change.fraction)
    return {
        "measured": len(measured.readings),
        "failed": len(measured.failures),
        "failures": [msgspec.to_builtins(each) for each in measured.failures[:MOST_TOLD]],
        "median_change": {kind: round(median(values), 4) for kind, values in by_parameter.items()},
        "drifted": [_change_body(change) for change in over[:MOST_TOLD]],
    }


def _kind(change: Change) -> str:
    return "two_qubit_error" if len(change.qubits) == 2 else change.parameter


def _change_body(change: Change) -> dict[str, Any]:
    return {**asdict(change), "qubits": list(change.qubits), "fraction": change.fraction}


def _tell(run: CalibrationRun, measured: Measured, over: Sequence[Change], now: datetime) -> None:
    if measured.failures:
        one = len(measured.failures) == 1
        them = "The former one is" if one else "The former ones are"
        kept = f"{_values(len(measured.failures))} could not be measured. {them} kept."
        raise_alert(run.backend, AlertKind.PARTIAL, kept, now, run, {"failures": _places(measured.failures)})
    _tell_over(run.backend, over, now, run)


def tell_drift(backend: Backend, former: CalibrationSet | None, fresh: CalibrationSet, now: datetime) -> None:
    """Raise an alert if a new set that nobody measured here is over the thresholds."""
    before = values_of(msgspec.json.decode(former.properties)) if former else {}
    found = changes(before, values_of(msgspec.json.decode(fresh.properties)))
    _tell_over(backend, drifted(found, _thresholds(backend)), now, None)


def _tell_over(backend: Backend, over: Sequence[Change], now: datetime, run: CalibrationRun | None) -> None:
    if not over:
        return
    worst = over[0]
    where = " and ".join(str(qubit) for qubit in worst.qubits)
    most = f"{worst.parameter} of {where}, {_percent(worst)}"
    text = (
        f"One value has drifted: {most}."
        if len(over) == 1
        else f"{len(over)} values have drifted; most of all {most}."
    )
    details = {"drifted": [_change_body(change) for change in over[:MOST_TOLD]]}
    raise_alert(backend, AlertKind.DRIFT, text, now, run, details)
    if policy_of(backend).pause_on_drift:
        _pause(backend, now)


def _values(number: int) -> str:
    return "One value" if number == 1 else f"{number} values"


def _percent(change: Change) -> str:
    return f"by {100 * (change.fraction or 0.0):+.0f} %"


def _places(failures: Sequence[Failure]) -> list[str]:
    return [f"{each.experiment} {','.join(map(str, each.qubits))}" for each in failures[:MOST_TOLD]]


def _pause(backend: Backend, now: datetime) -> None:
    """Nothing but the operator's own jobs starts any more, until an operator resumes the queue."""
    reason = "paused: the device has drifted"
    paused = Backend.objects.filter(pk=backend.pk, is_paused=False).update(
        is_paused=True, status_message=reason
    )
    if paused:
        audit.note("backend.paused", backend, actor=None, now=now, reason=reason)
        logger.warning("the queue of %s is paused: the device has drifted", backend.name)


def note_failure(job_id: str, reason: str, now: datetime) -> None:
    """Tell that a calibration failed. The current set stays what it was."""
    run = CalibrationRun.objects.select_related("backend").filter(job_id=job_id).first()
    if run is not None:
        raise_alert(run.backend, AlertKind.FAILED, f"The calibration failed: {reason}"[:500], now, run)


def raise_alert(
    backend: Backend,
    kind: AlertKind,
    text: str,
    now: datetime,
    run: CalibrationRun | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Keep an alert, ring its bell and log it; once for a run and a kind."""
    if run is not None and BackendAlert.objects.filter(run=run, kind=kind.value).exists():
        return
    alert = BackendAlert.objects.create(
        backend=backend, run=run, kind=kind.value, at=now, text=text, details=details or {}
    )
    ring(CHANNEL, encode_event(BackendAlerted(id=alert.pk, backend=backend.pk, kind=kind.value)))
    logger.warning("%s: %s", backend.name, text)
