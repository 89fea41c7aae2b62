"""Backends, jobs, sessions and calibrations, as an operator acts on them."""

from typing import Any

import pytest

from quantumsvc.accounts.models import AuditEntry, Instance
from quantumsvc.backends.models import Backend
from sessions_app.models import (
    BackendAlert,
    CalibrationPolicy,
    CalibrationRun,
    CalibrationSchedule,
    Decision,
    Job,
    JobLog,
    Session,
)
from tests.admin.conftest import Work, act, asked, done, last_act, refused
from tests.factories import make_backend, make_instance
from tests.pages.conftest import Reader

BACKEND = "backends/backend"
JOB = "sessions_app/job"
SESSION = "sessions_app/session"


def fresh(backend: Backend) -> Backend:
    return Backend.objects.get(pk=backend.pk)


# --- Backends ---


def test_it_pauses_drains_and_brings_back(olga: Reader, backend: Backend, work: Work) -> None:
    assert "required" in refused(act(olga, BACKEND, backend, "pause", reason=" "))
    done(act(olga, BACKEND, backend, "pause", reason="odd spectra"))
    assert (fresh(backend).is_paused, fresh(backend).status_message) == (True, "odd spectra")
    assert "It is paused." in asked(olga, BACKEND, backend, "pause")
    done(act(olga, BACKEND, backend, "resume"))
    done(act(olga, BACKEND, backend, "drain", reason="warm up"))
    assert "draining" in olga.sees(f"/admin/{BACKEND}/"), "its job still runs"
    work.worker.turn(10, end="completed")
    shown = olga.sees(f"/admin/{BACKEND}/{backend.pk}/change/")
    assert "offline" in shown
    assert "Bring online" in shown
    assert "Drain" not in shown
    done(act(olga, BACKEND, backend, "online"))
    assert fresh(backend).accepts_starts
    acts = AuditEntry.objects.filter(object_kind="backend").values_list("action", "via")
    assert list(reversed(acts)) == [
        ("backend.paused", "admin"),
        ("backend.resumed", "admin"),
        ("backend.drained", "admin"),
        ("backend.brought_online", "admin"),
    ]


def test_it_takes_a_backend_offline_at_once(olga: Reader, backend: Backend, work: Work) -> None:
    assert "goes back to its place" in asked(olga, BACKEND, backend, "offline")
    assert fresh(backend).is_online, "nothing happens before it is confirmed"
    done(act(olga, BACKEND, backend, "offline", reason="fire"))
    assert not fresh(backend).is_online
    assert Job.objects.get(pk=work.running.pk).state == "queued"


def test_it_acts_on_the_backends_that_were_marked_and_tells_of_the_others(olga: Reader, work: Work) -> None:
    paused = make_backend(is_paused=True, status_message="before")
    running = make_backend()
    form = {"action": "pause", "_selected_action": [paused.pk, running.pk]}
    asks = olga.client.post(f"/admin/{BACKEND}/", form).content.decode()
    assert "1 of 2 chosen" in asks
    told = done(olga.client.post(f"/admin/{BACKEND}/", {**form, "confirmed": "yes", "reason": "storm"}))
    assert "It is paused." in told
    assert (fresh(paused).status_message, fresh(running).status_message) == ("before", "storm")


def settings_form(backend: Backend, olga: Reader) -> dict[str, Any]:
    """The form as it is first shown."""
    form = olga.client.get(f"/admin/{BACKEND}/{backend.pk}/act/settings/").context["form"]
    return {name: value for name, value in form.initial.items() if value is not None and value is not False}


def test_it_changes_limits(olga: Reader, backend: Backend) -> None:
    form = settings_form(backend, olga)
    wanted = {**form, "max_shots": 5, "refuse_reserved": "on", "overrun_policy": "drain"}
    done(act(olga, BACKEND, backend, "settings", **wanted, reason="new fridge"))
    changed = fresh(backend)
    assert (changed.max_shots, changed.refuse_reserved, changed.overrun_policy) == (5, True, "drain")
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert entry.before == {"max_shots": 100_000, "refuse_reserved": False, "overrun_policy": "stop"}
    assert last_act() == ("olga", "backend.changed", "new fridge")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"max_shots": "-1"}, "greater than or equal to 0"),
        ({"max_shots": "many"}, "whole number"),
        ({"max_shots": str(2**40)}, "max shots: Ensure this value is less than"),
        ({"default_execution_seconds": "20000"}, "can't be longer than the longest"),
        ({"overrun_policy": "hope"}, "not one of the available choices"),
    ],
)
def test_it_changes_nothing_when_a_limit_is_wrong(
    olga: Reader, backend: Backend, wrong: dict[str, str], told: str
) -> None:
    before = Backend.objects.values().get()
    assert told in refused(
        act(olga, BACKEND, backend, "settings", **{**settings_form(backend, olga), **wrong})
    )
    assert Backend.objects.values().get() == before
    assert not AuditEntry.objects.filter(object_kind="backend").exists()


def test_it_says_who_may_use_a_backend(olga: Reader, backend: Backend, lab: Instance) -> None:
    other = make_instance()
    done(act(olga, BACKEND, backend, "use", instances=[lab.pk]))
    assert set(Backend.objects.usable_by(lab)) == {backend}
    assert not Backend.objects.usable_by(other).exists()
    done(act(olga, BACKEND, backend, "use", instances=[other.pk], reason="swap"))
    assert not Backend.objects.usable_by(lab).exists()
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert entry.before == {"open_to_all": False, "instances": [lab.crn]}
    assert entry.after == {"open_to_all": False, "instances": [other.crn]}


# --- Jobs and sessions ---


def test_it_cancels_and_requeues_jobs(olga: Reader, work: Work) -> None:
    assert "It is queued." in asked(olga, JOB, work.waiting, "requeue")
    done(act(olga, JOB, work.running, "requeue", reason="stuck"))
    assert Job.objects.get(pk=work.running.pk).state == "queued"
    assert last_act() == ("olga", "job.requeued", "stuck")
    done(act(olga, JOB, work.waiting, "cancel", reason="runaway"))
    assert Job.objects.get(pk=work.waiting.pk).state == "cancelled"
    assert last_act() == ("olga", "job.cancelled", "runaway")
    assert "It is cancelled." in asked(olga, JOB, work.waiting, "cancel")


def test_it_cancels_many_jobs_and_shows_what_it_would_do_first(olga: Reader, work: Work) -> None:
    form = {"action": "cancel", "_selected_action": [work.running.pk, work.waiting.pk]}
    assert "2 of 2 chosen" in olga.client.post(f"/admin/{JOB}/", form).content.decode()
    assert not Job.objects.filter(state="cancelled").exists()
    told = done(olga.client.post(f"/admin/{JOB}/", {**form, "confirmed": "yes", "reason": "flood"}))
    assert "(2)" in told
    assert Job.objects.filter(state="cancelled").count() == 2


def test_it_acts_on_no_more_rows_than_can_be_looked_through(
    olga: Reader, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantumsvc.accounts.admin.base.MAX_ROWS", 1)
    form = {
        "action": "cancel", "_selected_action": [work.running.pk, work.waiting.pk],
        "confirmed": "yes", "reason": "x",
    }  # fmt: skip
    assert "At most 1" in done(olga.client.post(f"/admin/{JOB}/", form))
    assert not Job.objects.filter(state="cancelled").exists()


def test_it_closes_and_cancels_sessions(olga: Reader, work: Work) -> None:
    done(act(olga, SESSION, work.session, "cancel", reason="term is over"))
    assert Session.objects.get(pk=work.session.pk).state == "closed"
    assert last_act() == ("olga", "session.cancelled", "term is over")
    assert "It is closed." in asked(olga, SESSION, work.session, "cancel")
    assert "accepts no jobs" in asked(olga, SESSION, work.session, "close")


def test_it_finds_jobs_by_id_and_by_people(olga: Reader, work: Work, lab: Instance) -> None:
    def found(**query: str) -> int:
        return int(olga.get(f"/admin/{JOB}/", **query).context["cl"].result_count)

    assert found(q=work.running.pk) == 1
    assert found(q="wanda") == 2
    assert found(q="the lab") == 2
    assert found(q="nobody") == 0
    assert found(state__exact="running") == 1


def test_it_shows_history_and_logs_but_no_contents(olga: Reader, work: Work) -> None:
    JobLog.objects.create(job=work.running, attempt=1, text="<b>first</b> line\n" + "x" * 30_000)
    shown = olga.client.get(f"/admin/{JOB}/{work.running.pk}/change/").content.decode()
    assert "&lt;b&gt;first&lt;/b&gt; line" in shown
    assert "characters more" in shown
    assert "chosen" in shown.lower()
    assert "pubs" not in shown


def test_it_tells_what_was_decided(olga: Reader, work: Work) -> None:
    decision = Decision.objects.get()
    shown = olga.client.get(f"/admin/sessions_app/decision/{decision.pk}/change/").content.decode()
    assert f"/admin/sessions_app/job/{work.running.pk}/change/" in shown
    assert decision.rule in shown


def test_it_refuses_what_changed_meanwhile(olga: Reader, work: Work) -> None:
    olga.client.get(f"/admin/{JOB}/{work.running.pk}/act/requeue/")
    work.worker.turn(10, end="completed")
    answer = act(olga, JOB, work.running, "requeue", reason="too late")
    assert "It is completed." in answer.content.decode()
    assert Job.objects.get(pk=work.running.pk).state == "completed"


# --- Calibrations ---


def test_it_requests_and_cancels_a_calibration(olga: Reader, backend: Backend) -> None:
    form = {"backend": backend.pk, "qubits": "0, 2", "experiments": ["T1"], "note": "after the move"}
    done(act(olga, "sessions_app/calibrationrun", None, "request", **form))
    run = CalibrationRun.objects.get()
    assert (run.qubits, run.experiments, run.requested_by) == ([0, 2], ["T1"], olga.user)
    assert run.job.is_system
    assert last_act()[:2] == ("olga", "calibration.requested")
    done(act(olga, "sessions_app/calibrationrun", run, "cancel", reason="not needed"))
    assert Job.objects.get(pk=run.job_id).state == "cancelled"
    assert last_act() == ("olga", "calibration.cancelled", "not needed")


@pytest.mark.parametrize(
    "wrong", [{"qubits": "one"}, {"experiments": ["T9"]}, {"backend": 0}, {"due_at": "soon"}]
)
def test_it_requests_nothing_that_is_wrong(olga: Reader, backend: Backend, wrong: dict[str, Any]) -> None:
    refused(act(olga, "sessions_app/calibrationrun", None, "request", **{"backend": backend.pk, **wrong}))
    assert not CalibrationRun.objects.exists()


def test_it_sets_the_policy_of_calibrations(olga: Reader, backend: Backend) -> None:
    form = {"lifetime_drop": "0.3", "error_rise": "1", "deferral_seconds": "60", "overdue_seconds": "0"}
    done(act(olga, "sessions_app/calibrationpolicy", None, "make", backend=backend.pk, **form))
    policy = CalibrationPolicy.objects.get()
    assert (policy.lifetime_drop, policy.pause_on_drift) == (0.3, False)
    wrong = {**form, "lifetime_drop": "1.5"}
    assert "less than or equal to 1" in refused(
        act(olga, "sessions_app/calibrationpolicy", policy, "change", **wrong)
    )
    done(act(olga, "sessions_app/calibrationpolicy", policy, "change", **form, pause_on_drift="on"))
    policy.refresh_from_db()
    assert policy.pause_on_drift


SCHEDULE = "sessions_app/calibrationschedule"
DAILY = {
    "name": "nightly", "rrule": "freq=daily", "starts_at": "2026-11-20T03:00", "time_zone": "Europe/Berlin",
    "deferral_seconds": "600", "window_minutes": "0", "is_active": "on",
}  # fmt: skip


def test_it_plans_calibrations_on_the_clock_of_their_zone(olga: Reader, backend: Backend) -> None:
    done(act(olga, SCHEDULE, None, "make", backend=backend.pk, **DAILY))
    schedule = CalibrationSchedule.objects.get()
    assert (schedule.rrule, schedule.starts_at.isoformat()) == ("FREQ=DAILY", "2026-11-20T02:00:00+00:00")
    waiting = CalibrationRun.objects.get()
    assert waiting.due_at.isoformat() == "2026-11-22T02:00:00+00:00"
    page = olga.client.get(f"/admin/{SCHEDULE}/{schedule.pk}/act/change/").content.decode()
    assert 'value="2026-11-20T03:00:00"' in page
    done(act(olga, SCHEDULE, schedule, "change", **DAILY | {"starts_at": "2026-11-20T04:00", "qubits": "0"}))
    assert CalibrationRun.objects.get(job__state="queued").due_at.isoformat() == "2026-11-22T03:00:00+00:00"
    assert last_act()[0] in {"olga", ""}
    assert "required" in refused(act(olga, SCHEDULE, schedule, "delete"))
    done(act(olga, SCHEDULE, schedule, "delete", reason="another lab measures it"))
    assert not CalibrationSchedule.objects.exists()
    assert CalibrationRun.objects.filter(job__state="cancelled").count() == 2
    acts = AuditEntry.objects.filter(action__startswith="calibration_schedule.", actor=olga.user)
    assert [entry.reason for entry in acts.order_by("pk")] == ["", "", "another lab measures it"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rrule": "FREQ=SECONDLY"}, "FREQ must be one of"),
        ({"rrule": "often"}, "not a part of a rule"),
        ({"starts_at": "tomorrow"}, "Enter a date and a time."),
        ({"qubits": "0, 99"}, "it has no 99"),
        ({"time_zone": "Mars"}, "not one of the available choices"),
    ],
)
def test_it_plans_nothing_that_is_wrong(
    olga: Reader, backend: Backend, wrong: dict[str, str], told: str
) -> None:
    form = {"backend": backend.pk, **DAILY, **wrong}
    assert told in refused(act(olga, SCHEDULE, None, "make", **form))
    assert not CalibrationSchedule.objects.exists()


def test_it_notes_who_has_seen_an_alert(olga: Reader, work: Work) -> None:
    alert = BackendAlert.objects.get()
    done(act(olga, "sessions_app/backendalert", alert, "seen"))
    alert.refresh_from_db()
    assert alert.seen_by == olga.user
    assert last_act()[:2] == ("olga", "alert.seen")
    assert "Somebody has seen it." in asked(olga, "sessions_app/backendalert", alert, "seen")


def test_it_writes_times_as_the_other_pages_do(olga: Reader, work: Work) -> None:
    assert "2026-11-21 12:00:01" in olga.sees(f"/admin/{JOB}/{work.running.pk}/change/")
