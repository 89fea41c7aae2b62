"""What follows when a calibration has ended: success, partial, failure, drift (W9)."""

import json
import logging
from typing import Any

import pytest
from django.db import transaction

from quantumsvc.accounts.models import AuditEntry, Instance
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.doorbell import listening
from quantumsvc.scheduling.states import Cause, JobState
from quantumsvc.statements import run as run_statements
from sessions_app.events import CHANNEL, BackendAlerted, read_event
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun, Job, LedgerLine
from sessions_app.services.calibrations.requesting import cancel_calibration
from sessions_app.services.dispatch import start_of
from sessions_app.services.endings import Ending, record
from tests.calibrations.making import ask, current, make_chip, measured, value_of
from tests.factories import at, make_author, make_user, submit
from tests.services.worker import Worker

CALIBRATE = b'{"schema_version":"v0.1","options":{"experimental":{}}}'
GOOD = measured(("T1", (0,), 90e-6), ("T1", (1,), 110e-6), ("gate_error", (0, 1), 0.012))


@pytest.fixture
def chip(db: None) -> Backend:
    return make_chip()


def started(run: CalibrationRun, when: float = 10) -> CalibrationRun:
    """The calibration runs, since so many seconds."""
    move = start_of(run.job_id, at(when), run.job.calibration_submitted_id)
    run_statements(move.statement())
    run.job.refresh_from_db()
    return run


def ended(run: CalibrationRun, when: float = 20, **over: Any) -> CalibrationRun:
    """It has ended, well unless ``over`` says otherwise."""
    fields: dict[str, Any] = {
        "job_id": run.job_id,
        "session_id": None,
        "attempt": 1,
        "state": JobState.COMPLETED,
        "cause": Cause.FINISHED,
        "result": b"{}",
        "quantum_seconds": 10.0,
        **over,
    }
    record(Ending(**fields), at(when), None)
    run.refresh_from_db()
    return run


def failed(run: CalibrationRun) -> CalibrationRun:
    how: dict[str, Any] = {
        "state": JobState.FAILED,
        "cause": Cause.PROGRAM_FAILED,
        "result": None,
        "reason": "It broke.",
    }
    return ended(run, **how, log="WARNING: the fridge is warm")


def test_it_makes_what_was_measured_the_current_set(chip: Backend) -> None:
    before = current(chip)
    run = ended(started(ask(chip)), measured=GOOD)
    after = current(chip)
    assert (run.result_set, run.base_set, run.is_partial) == (after, before, False)
    assert (after.taken_at, after.source) == (at(20), "measured")
    assert [value_of(after, "T1", 0), value_of(after, "T1", 1)] == pytest.approx([90.0, 110.0])
    assert value_of(after, "T2", 0) == 80.0, "what was not measured keeps its value"
    document = json.loads(after.properties)
    dates = {each["name"]: each["date"] for each in document["qubits"][0]}
    assert dates["T1"] == document["last_update_date"] == "2026-11-21T12:00:20.000000Z"
    assert dates["T2"] == "2026-11-20T12:00:00Z", "and its date"


def test_it_gives_a_pulse_error_to_every_pulse_and_a_pair_error_to_its_gate(chip: Backend) -> None:
    ended(started(ask(chip)), measured=measured(("gate_error", (0,), 0.002), ("gate_error", (0, 1), 0.03)))
    gates = json.loads(current(chip).properties)["gates"]
    errors = {gate["name"]: gate["parameters"][0]["value"] for gate in gates}
    assert errors == {
        "rz0": 0.0,
        "sx0": 0.002,
        "x0": 0.002,
        "rz1": 0.0,
        "sx1": 0.001,
        "x1": 0.001,
        "cx0_1": 0.03,
    }


def test_it_never_says_more_of_t2_than_physics_allows(chip: Backend) -> None:
    ended(started(ask(chip)), measured=measured(("T1", (0,), 40e-6), ("T2", (0,), 85e-6)))
    assert value_of(current(chip), "T2", 0) == pytest.approx(80.0)


def test_it_keeps_earlier_sets_by_id_and_by_date(chip: Backend) -> None:
    first = current(chip)
    second = ended(started(ask(chip)), measured=GOOD).result_set
    third = ended(started(ask(chip, 30), 30), 40, measured=GOOD).result_set
    sets = CalibrationSet.objects
    assert [sets.in_force(chip, at(when)) for when in (5, 19.9, 20, 39, 40)] == [
        first,
        first,
        second,
        second,
        third,
    ]
    assert CalibrationSet.objects.get(pk=first.pk).properties == first.properties


def test_it_keeps_the_former_values_of_what_failed(chip: Backend) -> None:
    run = ended(started(ask(chip)), measured=measured(("T1", (1,), 95e-6), failed=[0]))
    assert run.is_partial
    assert run.report["failures"] == [
        {"experiment": "T1", "qubits": [0], "reason": "the signal does not decay"}
    ]
    assert [value_of(current(chip), "T1", qubit) for qubit in (0, 1)] == pytest.approx([100.0, 95.0])
    alert = BackendAlert.objects.get()
    assert (alert.kind, alert.run, alert.details) == ("partial", run, {"failures": ["T1 0"]})


def test_it_changes_nothing_when_it_fails(chip: Backend) -> None:
    before = current(chip)
    run = failed(started(ask(chip)))
    assert current(chip) == before
    assert (run.result_set, run.is_partial, run.report) == (None, False, {})
    assert run.job.logs.get().text == "WARNING: the fridge is warm"
    assert BackendAlert.objects.values_list("kind", "text").get() == (
        "failed",
        "The calibration failed: It broke.",
    )


def test_it_changes_nothing_when_it_is_cancelled(chip: Backend) -> None:
    before = current(chip)
    waiting, running = ask(chip), started(ask(chip))
    for run in (waiting, running):
        cancel_calibration(run=run, now=at(15), by=make_user(), reason="not now")
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}
    assert current(chip) == before
    assert not BackendAlert.objects.exists()
    assert AuditEntry.objects.filter(action="calibration.cancelled", reason="not now").count() == 2


def test_it_keeps_no_set_without_the_job_s_end(chip: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set and completion are one transaction: a failure in the middle leaves neither."""
    from sessions_app.services.calibrations import concluding

    run = started(ask(chip))

    def break_down(*_: object) -> None:
        raise RuntimeError("out of disk")

    monkeypatch.setattr(concluding, "_tell", break_down)
    with pytest.raises(RuntimeError), transaction.atomic():
        ended(run, measured=GOOD)
    run.job.refresh_from_db()
    assert run.job.state == "running"
    assert CalibrationSet.objects.filter(backend=chip).count() == 1


def test_it_runs_the_very_next_job_under_the_new_set(chip: Backend) -> None:
    """Also when one turn ends the calibration and starts the job: both sets are in the job's record."""
    before = current(chip)
    author = make_author()
    author.instance.may_calibrate = True
    author.instance.save()
    submit(author, chip, program_id="calibrate", params=CALIBRATE)
    ordinary = submit(author, chip, 1)
    worker = Worker(chip)
    worker.start(10)
    worker.turn(20, end="completed", measured=GOOD)
    ordinary.refresh_from_db()
    after = current(chip)
    assert (ordinary.calibration_submitted, ordinary.calibration_run) == (before, after)
    assert before != after


def test_it_charges_nobody(chip: Backend) -> None:
    ended(started(ask(chip)), measured=GOOD)
    assert not LedgerLine.objects.exists()
    system = Instance.objects.get(is_system=True)
    assert not Instance.objects.visible_to(make_user(is_operator=True)).filter(pk=system.pk).exists()


# --- Drift ---


def drifted(chip: Backend) -> CalibrationRun:
    """T1 of a qubit has fallen to a third."""
    return ended(started(ask(chip)), measured=measured(("T1", (0,), 33e-6), ("T1", (1,), 101e-6)))


def test_it_raises_an_alert_when_the_device_has_drifted(
    chip: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        run = drifted(chip)
    alert = BackendAlert.objects.get()
    assert (alert.kind, alert.backend, alert.run, alert.at) == ("drift", chip, run, at(20))
    assert alert.text == "One value has drifted: T1 of 0, by -67 %."
    assert [each["qubits"] for each in alert.details["drifted"]] == [[0]]
    assert "T1 of 0" in caplog.text
    chip.refresh_from_db()
    assert chip.accepts_starts, "pausing is the operator's choice"


def test_it_pauses_the_queue_on_drift_if_the_operator_wants(chip: Backend) -> None:
    CalibrationPolicy.objects.create(backend=chip, pause_on_drift=True)
    drifted(chip)
    chip.refresh_from_db()
    assert (chip.is_paused, chip.status_message) == (True, "paused: the device has drifted")
    assert AuditEntry.objects.get(action="backend.paused").actor is None


@pytest.mark.parametrize(("drop", "alerts"), [(0.7, 0), (0.6, 1)])
def test_it_takes_the_operator_s_thresholds(chip: Backend, drop: float, alerts: int) -> None:
    CalibrationPolicy.objects.create(backend=chip, lifetime_drop=drop, pause_on_drift=True)
    drifted(chip)
    assert BackendAlert.objects.count() == alerts
    assert Backend.objects.get(pk=chip.pk).is_paused == bool(alerts)


@pytest.mark.parametrize(
    ("reading", "alerts"),
    [
        (("readout_error", (0,), 0.05), 0),
        (("readout_error", (0,), 0.07), 1),
        (("gate_error", (0, 1), 0.031), 1),
        (("gate_error", (0, 1), 0.0001), 0),
        (("T1", (0,), 300e-6), 0),
        (("prob_meas0_prep1", (0,), 0.3), 0),
    ],
)
def test_it_alerts_of_changes_for_the_worse_only(chip: Backend, reading: Any, alerts: int) -> None:
    ended(started(ask(chip)), measured=measured(reading))
    assert BackendAlert.objects.count() == alerts


@pytest.mark.django_db(transaction=True)
def test_it_rings_a_bell_with_each_alert() -> None:
    with listening(CHANNEL) as bell:
        with transaction.atomic():
            drifted(make_chip())
        heard = [read_event(payload) for _ in range(3) for _, payload in bell.wait(2)]
    alert = BackendAlert.objects.get()
    told = [event for event in heard if isinstance(event, BackendAlerted)]
    assert told == [BackendAlerted(id=alert.pk, backend=alert.backend_id, kind="drift")]
