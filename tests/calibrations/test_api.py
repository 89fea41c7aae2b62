"""Everybody who sees a backend reads its calibrations; operators act (W9)."""

import json
from typing import Any

import pytest

from quantumsvc.accounts.models import AuditEntry
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import BackendAlert, CalibrationRun, CalibrationSchedule, Job
from tests.api.callers import Caller, make_caller, message, refusal
from tests.api.conftest import Time
from tests.api.conftest import alice as alice
from tests.api.conftest import bare as bare
from tests.api.conftest import lab as lab
from tests.api.conftest import stranger as stranger
from tests.api.conftest import time as time
from tests.api.work import nothing_is_stored, post_job
from tests.calibrations.making import ask, current, make_chip, measured, properties
from tests.calibrations.test_concluding import ended, started
from tests.factories import at

ASKED = {"schema_version": "v0.1", "options": {"experimental": {}}}


@pytest.fixture
def chip(time: Time) -> Backend:
    return make_chip()


@pytest.fixture
def olga(alice: Caller) -> Caller:
    """An operator, who is no member."""
    return make_caller(alice.instance, None, is_operator=True)


def allowed(caller: Caller) -> Caller:
    type(caller.instance).objects.filter(pk=caller.instance.pk).update(may_calibrate=True)
    return caller


# --- Sets ---


def test_it_lists_sets_and_tells_one_with_its_values(alice: Caller, chip: Backend) -> None:
    old = current(chip)
    ended(started(ask(chip)), measured=measured(("T1", (0,), 90e-6), failed=[1]))
    new = current(chip)
    listed = alice.get(f"/backends/{chip.name}/calibrations").json()
    assert [each["id"] for each in listed["calibrations"]] == [new.pk, old.pk]
    assert [each["current"] for each in listed["calibrations"]] == [True, False]
    assert listed["count"] == 2
    told = alice.get(f"/backends/{chip.name}/calibrations/{new.pk}").json()
    assert (told["source"], told["partial"], told["taken_at"]) == (
        "measured",
        True,
        "2026-11-21T12:00:20.000000Z",
    )
    assert told["kept_from_before"][0]["qubits"] == [1]
    values = {(each["parameter"], *each["qubits"]): each["value"] for each in told["values"]}
    assert values["T1", 0] == pytest.approx(90e-6)
    assert values["gate_error", 0, 1] == 0.01
    assert alice.get(f"/backends/{chip.name}/calibrations/current").json()["id"] == new.pk


def test_it_compares_two_sets(alice: Caller, chip: Backend) -> None:
    old = current(chip)
    ended(started(ask(chip)), measured=measured(("T1", (0,), 50e-6)))
    told = alice.get(f"/backends/{chip.name}/calibrations/compare", before=old.pk).json()
    changed = [each for each in told["changes"] if each["fraction"]]
    assert changed == [
        {"parameter": "T1", "qubits": [0], "before": pytest.approx(1e-4), "after": pytest.approx(5e-5),
         "fraction": pytest.approx(-0.5)}
    ]  # fmt: skip
    assert refusal(alice.get(f"/backends/{chip.name}/calibrations/compare")) == (400, 1210)
    assert refusal(alice.get(f"/backends/{chip.name}/calibrations/compare", before="nope")) == (404, 1291)


def test_it_serves_properties_by_id_and_by_date(alice: Caller, chip: Backend, time: Time) -> None:
    old = current(chip)
    ended(started(ask(chip)), measured=measured(("T1", (0,), 50e-6)))
    time.seconds = 60

    def t1(**query: str) -> float:
        document = alice.get(f"/backends/{chip.name}/properties", **query).json()
        return float(document["qubits"][0][0]["value"])

    assert t1() == pytest.approx(50.0)
    assert t1(updated_before=at(19).isoformat()) == t1(calibration_id=old.pk) == pytest.approx(100.0)
    assert alice.get(f"/backends/{chip.name}/configuration", calibration_id=old.pk).status_code == 200


def test_it_takes_sets_from_operators_only(alice: Caller, olga: Caller, chip: Backend) -> None:
    body = {"properties": properties(chip.name, t1=70.0), "note": "own software"}
    address = f"/backends/{chip.name}/calibrations"
    assert refusal(alice.post(address, body)) == (403, 1200)
    answer = olga.post(address, body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["id"] == current(chip).pk
    assert answer.json()["source"] == "uploaded"


def test_it_tells_all_that_is_wrong_with_an_uploaded_set(olga: Caller, chip: Backend) -> None:
    document = properties(chip.name, readout=-1.0)
    document["gates"][0]["qubits"] = [5]
    answer = olga.post(f"/backends/{chip.name}/calibrations", {"properties": document})
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 3
    assert CalibrationSet.objects.count() == 1


# --- Runs ---


def test_it_takes_requests_from_operators_and_cancels_them(
    alice: Caller, olga: Caller, chip: Backend
) -> None:
    body = {"backend": chip.name, "due_at": at(600).isoformat(), "qubits": [1], "deferral_seconds": 30}
    assert refusal(alice.post("/calibrations", body)) == (403, 1200)
    made = olga.post("/calibrations", body).json()
    assert (made["state"], made["qubits"], made["requested_by"]) == ("waiting", [1], olga.user.username)
    job = Job.objects.get(pk=made["job_id"])
    assert (job.is_system, job.due_at, job.deferral_seconds) == (True, at(600), 30)
    assert refusal(alice.post(f"/calibrations/{made['id']}/cancel")) == (403, 1200)
    assert olga.post(f"/calibrations/{made['id']}/cancel").status_code == 204
    assert refusal(olga.post(f"/calibrations/{made['id']}/cancel")) == (409, 1409)
    assert olga.get(f"/calibrations/{made['id']}").json()["state"] == "cancelled"
    actions = AuditEntry.objects.filter(object_kind="calibrationrun").values_list("action", flat=True)
    assert sorted(actions) == ["calibration.cancelled", "calibration.requested"]


@pytest.mark.parametrize(
    "over",
    [
        {"qubits": [2]},
        {"qubits": [-1]},
        {"qubits": "all"},
        {"experiments": ["T3"]},
        {"due_at": "tomorrow"},
        {"due_at": "2026-11-21T12:00:00"},
        {"deferral_seconds": -1},
        {"note": "x" * 301},
        {"note": "a\0b"},
        {"colour": "red"},
    ],
)
def test_it_stores_no_request_with(olga: Caller, chip: Backend, over: dict[str, Any]) -> None:
    assert olga.post("/calibrations", {"backend": chip.name, **over}).status_code == 400
    assert nothing_is_stored()


def test_it_shows_who_asked_only_to_those_it_concerns(
    alice: Caller, olga: Caller, stranger: Caller, chip: Backend
) -> None:
    ident = post_job(allowed(alice), chip, program_id="calibrate", params=ASKED)
    run = CalibrationRun.objects.get()
    mine, others = (each.get(f"/calibrations/{run.pk}").json() for each in (alice, stranger))
    assert (mine["job_id"], mine["requested_by"], mine["trigger"]) == (ident, alice.user.username, "client")
    assert (others["job_id"], others["requested_by"], others["state"]) == (None, None, "waiting")
    assert alice.get(f"/calibrations/{run.pk}/logs").status_code == 200
    assert refusal(stranger.get(f"/calibrations/{run.pk}/logs")) == (403, 1200)
    assert olga.get("/calibrations", backend=chip.name).json()["calibrations"][0]["job_id"] == ident


def test_it_tells_what_a_calibration_owes(alice: Caller, chip: Backend, time: Time) -> None:
    run = ask(chip, 0)
    time.seconds = 90
    assert alice.get(f"/calibrations/{run.pk}").json()["debt"] == {"seconds": 90.0, "held_by": []}


# --- The client's own program ---


def test_it_runs_a_client_s_calibrator_for_an_instance_that_may(alice: Caller, chip: Backend) -> None:
    ident = post_job(allowed(alice), chip, program_id="calibrate", params=ASKED)
    job = Job.objects.get()
    assert (job.instance, job.is_system, job.pk) == (alice.instance, False, ident)
    assert CalibrationRun.objects.get().job == job


def test_it_refuses_an_instance_that_may_not(alice: Caller, chip: Backend) -> None:
    body = {"program_id": "calibrate", "backend": chip.name, "params": ASKED, "log_level": "INFO"}
    answer = alice.post("/jobs", body)
    assert refusal(answer) == (403, 1200)
    assert "may not calibrate" in message(answer)
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"schema_version": "v9", "options": {}}, 8010),
        ({"schema_version": "v0.1", "options": {"experimental": {"qubits": [2]}}}, 1210),
        ({"schema_version": "v0.1", "options": {"experimental": {"colour": 1}}}, 8011),
        ({"schema_version": "v0.1"}, 8011),
        ({"schema_version": "v0.1", "options": []}, 8011),
    ],
)
def test_it_refuses_a_calibrator_job_with(alice: Caller, chip: Backend, params: Any, code: int) -> None:
    body = {"program_id": "calibrate", "backend": chip.name, "params": params, "log_level": "INFO"}
    assert refusal(allowed(alice).post("/jobs", body)) == (400, code)
    assert nothing_is_stored()


def test_it_calibrates_no_simulator(alice: Caller, time: Time) -> None:
    simulator = make_chip(kind="simulator")
    body = {"program_id": "calibrate", "backend": simulator.name, "params": ASKED, "log_level": "INFO"}
    assert refusal(allowed(alice).post("/jobs", body)) == (400, 1210)


def test_it_says_of_a_job_that_its_calibration_changed(alice: Caller, chip: Backend) -> None:
    ident = post_job(alice, chip)
    old = current(chip)
    assert alice.get(f"/jobs/{ident}").json()["calibration"] == {
        "submitted": old.pk, "run": None, "changed": False,
    }  # fmt: skip
    ended(started(ask(chip)), measured=measured(("T1", (0,), 50e-6)))
    Job.objects.filter(pk=ident).update(calibration_run=current(chip))
    told = {"submitted": old.pk, "run": current(chip).pk, "changed": True}
    assert alice.get(f"/jobs/{ident}").json()["calibration"] == told
    assert alice.get(f"/jobs/{ident}/metrics").json()["calibration"] == told


# --- Schedules, policy, alerts ---


def test_it_keeps_changes_and_drops_schedules(alice: Caller, olga: Caller, chip: Backend) -> None:
    body = {
        "backend": chip.name,
        "name": "nightly",
        "rrule": "rrule:freq=daily",
        "time_zone": "Europe/Berlin",
    }
    assert refusal(alice.post("/calibration-schedules", body)) == (403, 1200)
    made = olga.post("/calibration-schedules", body).json()
    assert (made["rrule"], made["next_due"]) == ("FREQ=DAILY", "2026-11-21T12:00:00.000000Z")
    address = f"/calibration-schedules/{made['id']}"
    assert alice.get("/calibration-schedules").json()["schedules"] == [made]
    assert refusal(alice.patch(address, {"is_active": False})) == (403, 1200)
    changed = olga.patch(address, {"rrule": "FREQ=WEEKLY", "starts_at": "2026-11-20T03:00:00+01:00"}).json()
    assert changed["next_due"] == "2026-11-27T02:00:00.000000Z"
    assert refusal(alice.delete(address)) == (403, 1200)
    assert olga.delete(address).status_code == 204
    assert not CalibrationSchedule.objects.exists()


def test_it_tells_every_wrong_field_of_a_schedule(olga: Caller, chip: Backend) -> None:
    body = {"backend": chip.name, "name": "n", "rrule": "FREQ=OFTEN", "qubits": [9], "experiments": ["T3"]}
    answer = olga.post("/calibration-schedules", body)
    assert answer.status_code == 400
    told = " ".join(each["message"] for each in answer.json()["errors"])
    assert all(word in told for word in ("rrule", "qubits", "experiments"))
    assert not CalibrationSchedule.objects.exists()


def test_it_shows_and_changes_the_policy(alice: Caller, olga: Caller, chip: Backend) -> None:
    address = f"/backends/{chip.name}/calibration-policy"
    assert alice.get(address).json()["pause_on_drift"] is False
    assert refusal(alice.patch(address, {"pause_on_drift": True})) == (403, 1200)
    assert olga.patch(address, {"pause_on_drift": True, "lifetime_drop": 0.3}).json()["lifetime_drop"] == 0.3
    assert olga.patch(address, {"lifetime_drop": 7}).status_code == 400
    assert alice.get(address).json() == {
        "lifetime_drop": 0.3, "error_rise": 2.0, "pause_on_drift": True, "deferral_seconds": 0,
        "overdue_seconds": 3600,
    }  # fmt: skip


def test_it_lists_alerts_until_an_operator_has_seen_them(alice: Caller, olga: Caller, chip: Backend) -> None:
    ended(started(ask(chip)), measured=measured(("T1", (0,), 20e-6)))
    address = f"/backends/{chip.name}/alerts"
    (alert,) = alice.get(address).json()["alerts"]
    assert (alert["kind"], alert["seen_at"]) == ("drift", None)
    assert refusal(alice.post(f"{address}/{alert['id']}/seen")) == (403, 1200)
    assert olga.post(f"{address}/{alert['id']}/seen").status_code == 200
    assert refusal(olga.post(f"{address}/{alert['id']}/seen")) == (409, 1409)
    assert alice.get(address, seen="false").json()["alerts"] == []
    assert BackendAlert.objects.get().seen_by == olga.user


@pytest.mark.parametrize("role", Role)
def test_it_hides_what_belongs_to_backends_one_may_not_use(stranger: Caller, time: Time, role: Role) -> None:
    hidden = make_chip(open_to_all=False)
    run = ask(hidden)
    member = make_caller(stranger.instance, role)
    paths = [
        f"/calibrations/{run.pk}",
        f"/backends/{hidden.name}/calibrations",
        f"/backends/{hidden.name}/alerts",
    ]
    assert [member.get(path).status_code for path in paths] == [404] * 3
    assert member.get("/calibrations").json()["calibrations"] == []


def test_it_keeps_the_system_s_jobs_out_of_every_list(alice: Caller, olga: Caller, chip: Backend) -> None:
    run = ask(chip)
    for caller in (alice, olga):
        assert caller.get("/jobs").json()["jobs"] == []
        assert refusal(caller.get(f"/jobs/{run.job_id}")) == (404, 1291)
    assert json.loads(alice.get("/backends").content)["devices"]
