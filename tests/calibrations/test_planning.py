"""Schedules go by the clock on the wall, and what is overdue is told with what held the device (W8, W9)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from quantumsvc.backends.models import Backend
from quantumsvc.errors import Several
from quantumsvc.scheduling.policy import Idle
from quantumsvc.scheduling.states import WindowState
from reservations_app.services import life
from reservations_app.services.booking import TimeTaken
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun, CalibrationSchedule, Job
from sessions_app.services.calibrations.debt import debt_of
from sessions_app.services.calibrations.planning import (
    change_schedule,
    create_schedule,
    delete_schedule,
    next_due,
    plan_all,
    watch_overdue,
)
from sessions_app.services.calibrations.requesting import Wish, cancel_calibration, request_calibration
from sessions_app.services.operating import resume_queue
from sessions_app.services.timekeeper import next_sweep
from tests.calibrations.making import ask, make_chip, measured
from tests.calibrations.test_concluding import ended, started
from tests.factories import START, at, make_author, make_user, open_, submit
from tests.reservations.making import make_window
from tests.services.worker import Worker


@pytest.fixture
def chip(db: None) -> Backend:
    return make_chip()


def schedule(chip: Backend, now: datetime = START, **over: Any) -> CalibrationSchedule:
    fields: dict[str, Any] = {
        "name": "nightly",
        "rrule": "FREQ=DAILY",
        "time_zone": "Europe/Berlin",
        "starts_at": datetime(2026, 10, 1, 2, 30, tzinfo=UTC),
        **over,
    }
    return create_schedule(backend=chip, fields=fields, by=make_user(), now=now)


def end(run: CalibrationRun, when: datetime) -> None:
    Job.objects.filter(pk=run.job_id).update(state="completed", started_at=when, finished_at=when, attempt=1)


def test_it_plans_the_next_occurrence_as_a_system_job(chip: Backend) -> None:
    made = schedule(chip, deferral_seconds=60, qubits=[1])
    run = made.runs.get()
    assert run.due_at == datetime(2026, 11, 22, 3, 30, tzinfo=UTC), "04:30 in Berlin, where it is winter"
    assert (run.job.due_at, run.job.is_system, run.job.deferral_seconds) == (run.due_at, True, 60)
    assert (run.trigger, run.qubits, run.job.program) == ("schedule", [1], "calibrate")


@pytest.mark.parametrize(
    ("since", "hours"),
    [
        (datetime(2026, 10, 23, 12, tzinfo=UTC), [(24, 2), (25, 3), (26, 3)]),  # summer ends on the 25th
        (datetime(2027, 3, 26, 12, tzinfo=UTC), [(27, 3), (28, 2), (29, 2)]),  # and begins on the 28th
    ],
)
def test_it_keeps_its_hour_across_daylight_saving(
    chip: Backend, since: datetime, hours: list[tuple[int, int]]
) -> None:
    made = schedule(chip, starts_at=datetime(2026, 10, 1, 2, 0, tzinfo=UTC))
    found = []
    for _ in hours:
        due = next_due(made, since)
        assert due is not None
        found.append((due.day, due.hour))
        since = due + timedelta(seconds=1)
    assert found == hours, "04:00 in Berlin every day"


def test_it_has_one_run_waiting_and_makes_up_none(chip: Backend) -> None:
    made = schedule(chip)
    first = made.runs.get()
    plan_all(first.due_at + timedelta(days=3))
    assert made.runs.count() == 1, "the one that is late stands for those that were missed"
    late = first.due_at + timedelta(days=3, hours=1)
    end(first, late)
    plan_all(late)
    plan_all(late)
    assert [run.due_at for run in made.runs.order_by("due_at")] == [
        first.due_at,
        first.due_at + timedelta(days=4),
    ]


def test_it_does_not_run_twice_for_one_occurrence(chip: Backend) -> None:
    made = schedule(chip)
    first = made.runs.get()
    end(first, first.due_at)
    plan_all(first.due_at)
    latest = made.runs.order_by("-due_at").first()
    assert latest is not None
    assert latest.due_at == first.due_at + timedelta(days=1)


def test_it_plans_anew_when_it_is_changed(chip: Backend) -> None:
    made = schedule(chip)
    first = made.runs.get()
    change_schedule(schedule=made, fields={"rrule": "FREQ=WEEKLY;BYDAY=MO"}, by=make_user(), now=at(1))
    first.job.refresh_from_db()
    assert first.job.state == "cancelled"
    waiting = made.runs.get(job__state="queued")
    assert waiting.due_at == datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    change_schedule(schedule=made, fields={"is_active": False}, by=make_user(), now=at(2))
    plan_all(at(3))
    assert not made.runs.filter(job__state="queued").exists()


def test_it_leaves_what_ran_when_it_is_deleted(chip: Backend) -> None:
    made = schedule(chip)
    first = made.runs.get()
    end(first, first.due_at)
    plan_all(first.due_at)
    delete_schedule(schedule=made, by=make_user(), now=first.due_at)
    assert not CalibrationSchedule.objects.exists()
    assert sorted(CalibrationRun.objects.values_list("job__state", flat=True)) == ["cancelled", "completed"]


def test_it_tells_all_that_is_wrong_at_once(chip: Backend) -> None:
    with pytest.raises(ValidationError) as refused:
        schedule(chip, name="", qubits=[0, 7], experiments=["T3"], time_zone="Mars/Base")
    assert set(refused.value.message_dict) == {"name", "qubits", "experiments", "time_zone"}
    with pytest.raises(ValidationError, match="FREQ"):
        schedule(chip, rrule="FREQ=SECONDLY")
    assert not CalibrationSchedule.objects.exists()
    assert not CalibrationRun.objects.exists()


def test_it_wakes_the_timekeeper_when_a_calibration_is_due(chip: Backend) -> None:
    ask(chip, 7)
    assert next_sweep(at(0)) == pytest.approx(7.0)


# --- Windows ---


def test_it_reserves_time_and_gives_back_what_is_left(chip: Backend) -> None:
    operator = make_user(is_operator=True)
    wish = Wish(due_at=at(600), window_minutes=30, note="monthly")
    run = request_calibration(backend=chip, wish=wish, now=START, by=operator)
    window = run.window
    assert window is not None
    assert (window.kind, window.starts_at, window.ends_at) == ("calibration", at(600), at(2_400))
    life.begin(window.pk, at=at(600))
    assert debt_of(run, at(601)).holds == (), "nobody else has the device"
    ended(started(run, 601), 700, measured=measured(("T1", (0,), 90e-6)))
    window.refresh_from_db()
    assert (window.state, window.released_at) == ("completed", at(700))


def test_it_cancels_the_window_of_a_calibration_that_is_given_up(chip: Backend) -> None:
    operator = make_user(is_operator=True)
    wish = Wish(due_at=at(600), window_minutes=30)
    run = request_calibration(backend=chip, wish=wish, now=START, by=operator)
    cancel_calibration(run=run, now=at(5), by=operator)
    assert run.window is not None
    run.window.refresh_from_db()
    assert run.window.state == "cancelled"


def test_it_asks_for_nothing_when_the_time_is_taken(chip: Backend) -> None:
    make_window(600, 1_200, backend=chip, kind="maintenance")
    wish = Wish(due_at=at(900), window_minutes=30)
    with pytest.raises((TimeTaken, Several)), transaction.atomic():
        request_calibration(backend=chip, wish=wish, now=START, by=make_user(is_operator=True))
    assert not CalibrationRun.objects.exists()
    assert not Job.objects.exists()


def test_it_plans_without_a_window_where_the_time_is_taken(chip: Backend) -> None:
    due = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    seconds = (due - START).total_seconds()
    make_window(seconds, seconds + 60, backend=chip, kind="maintenance")
    run = schedule(chip, window_minutes=30).runs.get()
    assert (run.window, run.due_at) == (None, due)
    other = schedule(make_chip(), window_minutes=30).runs.get()
    assert other.window is not None
    assert other.window.starts_at == due


# --- Debt ---


def test_it_owes_nothing_before_it_is_due(chip: Backend) -> None:
    run = ask(chip, 100)
    assert debt_of(run, at(50)).seconds == 0
    assert debt_of(run, at(50)).holds == ()


def test_it_tells_how_overdue_it_is_and_what_held_the_device(chip: Backend) -> None:
    author = make_author()
    running = submit(author, chip, 5)
    Job.objects.filter(pk=running.pk).update(state="running", started_at=at(6), attempt=1)
    run = ask(chip, 10)
    debt = debt_of(run, at(70))
    assert debt.seconds == 60
    assert [(hold.what, hold.ident, hold.seconds) for hold in debt.holds] == [("job", running.pk, 60.0)]
    assert debt.told(set())["held_by"][0]["id"] is None, "whose it is, is nobody else's business"
    assert debt.told({author.instance.pk})["held_by"][0]["id"] == running.pk
    Job.objects.filter(pk=running.pk).update(state="completed", finished_at=at(40))
    assert [hold.seconds for hold in debt_of(run, at(70)).holds] == [30.0]


def test_it_counts_sessions_and_windows_that_held_the_device(chip: Backend) -> None:
    session = open_(make_author(), chip)
    session.events.create(at=at(20), source="open", target="active", cause="chosen")
    session.events.create(at=at(30), source="active", target="inactive", cause="interactive_ttl")
    type(session).objects.filter(pk=session.pk).update(started_at=at(20), state="inactive")
    window = make_window(40, 50, backend=chip, kind="maintenance")
    make_window(60, 70, backend=chip, kind="maintenance", **_cancelled())
    held = debt_of(ask(chip, 10), at(100)).holds
    assert [(hold.what, hold.ident, hold.seconds) for hold in held] == [
        ("session", session.pk, 10.0),
        ("maintenance", window.pk, 10.0),
    ]


def _cancelled() -> dict[str, Any]:
    return {"state": WindowState.CANCELLED, "cancelled_at": START, "cancelled_by": make_user()}


def test_it_owes_until_it_begins(chip: Backend) -> None:
    run = ask(chip, 10)
    Job.objects.filter(pk=run.job_id).update(state="running", started_at=at(25), attempt=1)
    run.job.refresh_from_db()
    assert debt_of(run, at(1_000)).seconds == 15


def test_it_alerts_once_of_what_is_overdue(chip: Backend) -> None:
    CalibrationPolicy.objects.create(backend=chip, overdue_seconds=600)
    run = ask(chip, 0)
    for when in (599, 601, 700):
        watch_overdue(at(when))
    assert BackendAlert.objects.values_list("run", "kind", "at").get() == (run.pk, "overdue", at(601))


def test_it_runs_next_when_it_is_due_and_never_before(chip: Backend) -> None:
    """S2: the operator's job goes before what was submitted long ago."""
    early = submit(make_author(), chip, 1)
    late = submit(make_author(), chip, 2)
    run = ask(chip, 50)
    worker = Worker(chip)
    assert worker.start(10) == early.pk
    assert worker.start(60, end="completed") == run.job_id
    assert worker.start(70, end="completed") == late.pk


def test_s2_it_runs_while_drift_has_paused_the_queue_and_nothing_else_does(chip: Backend) -> None:
    CalibrationPolicy.objects.create(backend=chip, pause_on_drift=True)
    first = started(ask(chip))
    waiting = submit(make_author(), chip, 1)
    again = ask(chip, 5)
    ended(first, measured=measured(("T1", (0,), 33e-6)))
    worker = Worker(chip, when=20)
    assert worker.start(20) == again.job_id
    chip.refresh_from_db()
    assert chip.is_paused
    assert worker.turn(30, end="completed") == Idle("S10")
    resume_queue(backend=chip, now=at(40), actor=None)
    assert worker.start(40) == waiting.pk


@pytest.mark.parametrize("change", [{"is_online": False}, {"driver_options": {"network": True}}])
def test_s10_it_does_not_run_on_a_device_that_is_offline_or_out_of_reach(
    chip: Backend, change: dict[str, Any]
) -> None:
    ask(chip, 5)
    Backend.objects.filter(pk=chip.pk).update(**change)
    assert Worker(chip).turn(10) == Idle("S10")
