"""The Calibrations page, the page of one calibration, asking for one, and comparing sets."""

import json

import pytest

from quantumsvc.accounts.models import AuditEntry
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.services import install_device
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun, CalibrationSchedule
from sessions_app.services.calibrations.planning import create_schedule
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, submit
from tests.pages.conftest import Reader, text_of
from tests.services.worker import Worker


@pytest.fixture
def chip(time: Time) -> Backend:
    """A chip with its real documents and a second set, in which two values moved."""
    chip = install_device(device=next(d for d in demo_devices() if d.name == "demo_manila"), now=at(-60))
    document = json.loads(CalibrationSet.objects.get(backend=chip).properties)
    document["qubits"][2][0]["value"] *= 0.3
    document["qubits"][3][1]["value"] *= 1.5
    CalibrationSet.objects.create(backend=chip, taken_at=at(-5), properties=json.dumps(document))
    return chip


def ask(backend: Backend, when: float, by: Reader) -> CalibrationRun:
    wish = Wish(due_at=at(when), note="after the repair")
    return request_calibration(backend=backend, wish=wish, now=at(when), by=by.user)


def test_it_tells_what_is_due_and_by_how_much_it_is_overdue(
    author: Author, chip: Backend, rita: Reader, olga: Reader, time: Time
) -> None:
    stranger = submit(make_author(), chip)
    Worker(chip).start(1)
    run = ask(chip, 10, olga)
    time.seconds = 200
    text = rita.sees("/calibrations")
    assert "demo_manila 2026-11-21 11:59:55 2026-11-21 12:00:10 3 min 10 s Compare sets" in text
    assert f"Waiting {run.pk} demo_manila Request 2026-11-21 12:00:10 not yet 3 min 10 s" in text
    one = rita.sees(f"/calibrations/{run.pk}")
    assert "Overdue by 3 min 10 s" in one
    assert "Job of another instance 2026-11-21 12:00:10 2026-11-21 12:03:20 3 min 10 s" in one
    assert stranger.pk not in one
    assert "after the repair" not in one, "the note is for operators and whoever asked"
    assert "after the repair" in olga.sees(f"/calibrations/{run.pk}")


def test_it_lists_schedules_with_the_next_time(chip: Backend, rita: Reader, olga: Reader) -> None:
    fields = {"name": "nightly", "rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin", "starts_at": at(3600)}
    create_schedule(backend=chip, fields=fields, by=olga.user, now=at(0))
    text = rita.sees("/calibrations")
    assert "nightly demo_manila Every day Europe/Berlin no time 2026-11-21 13:00:00" in text
    CalibrationSchedule.objects.update(is_active=False)
    assert "switched off" in rita.sees("/calibrations")


def test_it_lets_operators_ask_for_a_calibration_and_give_it_up(chip: Backend, olga: Reader) -> None:
    assert "Run now…" in olga.sees("/calibrations")
    assert "It interrupts nothing that runs." in olga.sees("/backends/demo_manila/calibrate")
    assert not CalibrationRun.objects.exists(), "asking how changes nothing"
    answer = olga.client.post("/backends/demo_manila/calibrate", {"note": "a\0b"}, follow=True)
    assert "The calibration takes the next free moment." in answer.content.decode()
    run = CalibrationRun.objects.get()
    assert (run.requested_by, run.note, run.job.is_system) == (olga.user, "ab", True)
    assert "Give up…" in olga.sees(f"/calibrations/{run.pk}")
    olga.post(f"/calibrations/{run.pk}/cancel")
    text = olga.sees(f"/calibrations/{run.pk}")
    assert "Cancelled of demo_manila" in text
    assert "Give up…" not in text
    assert "There is nothing left to do" in olga.sees(f"/calibrations/{run.pk}/cancel")
    again = olga.client.post(f"/calibrations/{run.pk}/cancel", follow=True)
    assert "has ended already" in again.content.decode()


@pytest.mark.parametrize("who", ["rita", "wanda", "max_"])
def test_it_lets_nobody_else_do_so(
    chip: Backend, olga: Reader, who: str, request: pytest.FixtureRequest
) -> None:
    reader: Reader = request.getfixturevalue(who)
    run = ask(chip, 0, olga)
    assert "Run now…" not in reader.sees("/calibrations")
    assert "Give up…" not in reader.sees(f"/calibrations/{run.pk}")
    for path in ("/backends/demo_manila/calibrate", f"/calibrations/{run.pk}/cancel"):
        for call in (reader.get, reader.post):
            assert call(path).status_code == 403
    assert CalibrationRun.objects.get().job.state == "queued"


def test_it_says_why_a_backend_can_not_be_calibrated(olga: Reader) -> None:
    make_backend(name="ideal", kind="simulator")
    answer = olga.post("/backends/ideal/calibrate")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert "ideal" not in olga.sees("/calibrations"), "there is nothing to measure"


def test_it_compares_two_sets_the_largest_change_first(chip: Backend, rita: Reader) -> None:
    CalibrationPolicy.objects.create(backend=chip, lifetime_drop=0.5)
    text = rita.sees("/backends/demo_manila/compare")
    assert "1 of them drifted beyond the operator's thresholds." in text
    first, second = text.index("T1 2 "), text.index("T2 3 ")
    assert first < second
    assert "-70.0 % drifted" in text
    assert "50.0 %" in text
    new, old = CalibrationSet.objects.filter(backend=chip).values_list("pk", flat=True)
    turned = rita.sees("/backends/demo_manila/compare", before=new, after=old)
    assert "233.3 %" in turned
    assert "None drifted" in turned
    other = CalibrationSet.objects.create(backend=make_backend(), taken_at=at(1))
    for odd in ("x", "a\0b", other.pk):
        assert "-70.0 %" in rita.sees("/backends/demo_manila/compare", after=odd)


def test_it_has_nothing_to_compare_with_one_set(backend: Backend, rita: Reader) -> None:
    assert "nothing to compare yet" in rita.sees(f"/backends/{backend.name}/compare")


def test_it_links_a_job_to_what_changed_before_it_ran(author: Author, chip: Backend, rita: Reader) -> None:
    job = submit(author, chip)
    CalibrationSet.objects.create(backend=chip, taken_at=at(2))
    Worker(chip).start(5)
    job.refresh_from_db()
    page = rita.get(f"/jobs/{job.pk}").content.decode()
    named = f"before={job.calibration_submitted_id}&amp;after={job.calibration_run_id}"
    assert f"/backends/demo_manila/compare?{named}" in page


def test_it_renders_live_parts_like_the_whole_pages(chip: Backend, olga: Reader) -> None:
    run = ask(chip, 0, olga)
    for path, part in (("/calibrations", "calibrations-now"), (f"/calibrations/{run.pk}", "calibration-now")):
        told = olga.client.get(path, headers={"X-Live": part}).content.decode().strip()
        assert told.startswith(f'<div id="{part}"')
        assert told in olga.get(path).content.decode()


def test_it_tells_operators_of_alerts(chip: Backend, rita: Reader, olga: Reader) -> None:
    chip.alerts.create(kind="drift", at=at(0), text="T1 of qubit 2 fell by 70 %.")
    assert "fell by 70 %" in olga.sees("/calibrations")
    assert "fell by 70 %" not in text_of(rita.get("/calibrations").content.decode())


SCHEDULE = {
    "backend": "demo_manila",
    "name": "nightly",
    "start": "2026-11-22T02:30",
    "zone": "Europe/Berlin",
    "repeat": "FREQ=DAILY",
    "window_minutes": "20",
    "deferral": "30",
    "qubits": "3, 0",
    "experiments": ["readout", "T1"],
    "is_active": "on",
}
NEW = "/calibrations/schedules/new"


def test_it_lets_operators_make_change_and_delete_a_schedule(chip: Backend, olga: Reader) -> None:
    assert "Calibrate again and again" in olga.sees(NEW)
    made = olga.client.post(NEW, SCHEDULE, follow=True)
    assert "nightly demo_manila Every day Europe/Berlin 20 min 2026-11-22 01:30:00" in text_of(
        made.content.decode()
    )
    schedule = CalibrationSchedule.objects.get()
    assert schedule.deferral_seconds == 1800
    assert (schedule.qubits, schedule.experiments) == ([0, 3], ["readout", "T1"])
    assert CalibrationRun.objects.get().schedule == schedule
    page = olga.get(f"/calibrations/schedules/{schedule.pk}").content.decode()
    assert 'value="2026-11-22T02:30:00"' in page, "by the schedule's own clock"
    changed = {**SCHEDULE, "repeat": "own", "rule": "freq=weekly;byday=mo", "is_active": ""}
    olga.client.post(f"/calibrations/schedules/{schedule.pk}", changed)
    schedule.refresh_from_db()
    assert (schedule.rrule, schedule.is_active) == ("FREQ=WEEKLY;BYDAY=MO", False)
    assert "nightly demo_manila FREQ=WEEKLY;BYDAY=MO Europe/Berlin 20 min switched off" in olga.sees(
        "/calibrations"
    )
    assert "one that waits is given up" in olga.sees(f"/calibrations/schedules/{schedule.pk}/delete")
    deletion = f"/calibrations/schedules/{schedule.pk}/delete"
    assert olga.client.post(deletion, {"reason": "x" * 501}).status_code == 400
    olga.client.post(deletion, {"reason": "the chip is gone"})
    entry = AuditEntry.objects.get(action="calibration_schedule.deleted")
    assert (entry.actor, entry.reason) == (olga.user, "the chip is gone")
    assert not CalibrationSchedule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"repeat": "own"}, "Give the rule"),
        ({"repeat": "own", "rule": "FREQ=NEVER"}, "FREQ must be one of"),
        ({"qubits": "7"}, "it has no 7"),
        ({"qubits": "one"}, "Enter numbers with commas"),
        ({"zone": "Mars/Olympus"}, "no time zone of that name"),
        ({"start": "tomorrow"}, "Enter a date and a time"),
        ({"name": ""}, "required"),
        ({"name": "a\0b"}, "Null characters"),
    ],
)
def test_it_makes_no_schedule_that_is_wrong(
    chip: Backend, olga: Reader, wrong: dict[str, str], told: str
) -> None:
    answer = olga.client.post(NEW, {**SCHEDULE, **wrong})
    assert answer.status_code == 400
    assert told in text_of(answer.content.decode())
    assert not CalibrationSchedule.objects.exists()


def test_it_takes_an_alert_off_the_page_when_an_operator_has_seen_it(
    chip: Backend, rita: Reader, olga: Reader
) -> None:
    alert = BackendAlert.objects.create(backend=chip, kind="drift", at=at(0), text="T1 of qubit 2 fell.")
    assert "T1 of qubit 2 fell." in olga.sees("/calibrations")
    assert rita.post(f"/calibrations/alerts/{alert.pk}/seen").status_code == 403
    for _ in range(2):
        assert olga.post(f"/calibrations/alerts/{alert.pk}/seen")["Location"] == "/calibrations"
    assert "T1 of qubit 2 fell." not in olga.sees("/backends")
    alert.refresh_from_db()
    assert alert.seen_by == olga.user


@pytest.mark.parametrize("deed", ["", "/delete"])
def test_it_lets_nobody_else_touch_a_schedule(
    chip: Backend, rita: Reader, max_: Reader, olga: Reader, deed: str
) -> None:
    fields = {"name": "nightly", "rrule": "FREQ=DAILY", "starts_at": at(3600)}
    schedule = create_schedule(backend=chip, fields=fields, by=olga.user, now=at(0))
    for reader in (rita, max_):
        assert "New schedule…" not in reader.sees("/calibrations")
        assert reader.client.post(NEW, SCHEDULE).status_code == 403
        assert reader.client.post(f"/calibrations/schedules/{schedule.pk}{deed}", SCHEDULE).status_code == 403
    assert CalibrationSchedule.objects.get().updated_at == schedule.updated_at
