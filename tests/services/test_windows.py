"""Windows on real rows: who gives way, what becomes of sessions, who pays (S3, S9, W2-W7)."""

from typing import Any

import pytest
from django.db import transaction

from quantumsvc import clock
from quantumsvc.scheduling.policy import Hold, Idle
from quantumsvc.scheduling.states import SessionMode, WindowState
from quantumsvc.scheduling.windows import Window as Held
from reservations_app.events import tell
from reservations_app.models import Window
from reservations_app.services import life
from sessions_app.models import Job, JobEvent, LedgerLine, Session
from sessions_app.services.delays import delays
from sessions_app.services.dispatch import Claim
from sessions_app.services.edges import clear, keep_windows, pass_edges
from sessions_app.services.endings import cancel_job
from sessions_app.services.opening import cancel_session
from sessions_app.services.usage import used_seconds
from sessions_app.services.waiting import outlook, present
from tests.factories import at, make_author, make_backend, open_, submit
from tests.reservations.making import make_window
from tests.services.worker import Worker, seconds

pytestmark = pytest.mark.django_db


def ours_and_theirs(**backend: Any) -> tuple[Any, Any, Any]:
    return make_backend(**backend), make_author(), make_author()


def state(ident: str) -> str:
    return Job.objects.get(pk=ident).state


def test_s3_in_a_dedicated_window_only_its_instance_runs_also_what_was_sent_before() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(60, 120, backend=backend, instance=ours.instance)
    submit(theirs, backend, 1, cost=10)
    mine = submit(ours, backend, 2, cost=10)
    assert Worker(backend, when=60).start(60) == mine.pk


def test_w2_a_job_starts_before_a_window_only_if_it_is_expected_to_end_before_it() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(60, 120, backend=backend, instance=ours.instance)
    long, short = submit(theirs, backend, 0, cost=61), submit(theirs, backend, 1, cost=50)
    worker = Worker(backend, when=1)
    assert worker.start(1) == short.pk
    assert isinstance(worker.turn(20, end="completed"), Idle)
    assert worker.start(120) == long.pk


def test_w2_what_runs_at_the_start_goes_back_to_its_place_and_nothing_is_lost_or_charged() -> None:
    backend, ours, theirs = ours_and_theirs()
    long, younger = submit(theirs, backend, 0), submit(theirs, backend, 1)
    mine = submit(ours, backend, 2)
    worker = Worker(backend)
    assert worker.start(0) == long.pk
    window = make_window(60, 120, backend=backend, instance=ours.instance)
    keep_windows(at(59.9))
    assert state(long.pk) == "running"
    keep_windows(at(60))
    stopped = Job.objects.get(pk=long.pk)
    assert (stopped.state, stopped.lost_attempts, stopped.ran_at_least) == ("queued", 0, 60.0)
    assert JobEvent.objects.filter(job=stopped).last().cause == "displaced"  # type: ignore[union-attr]
    assert Window.objects.get(pk=window.pk).state == "active"
    assert not LedgerLine.objects.exists()
    assert worker.start(60) == mine.pk
    assert isinstance(worker.turn(70, end="completed"), Idle)
    assert worker.start(120) == long.pk
    assert worker.start(130, end="completed") == younger.pk


def test_w2_the_worker_that_runs_it_knows_when_and_can_do_it_by_itself() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(60, 120, backend=backend, instance=ours.instance)
    long = submit(theirs, backend, 0, cost=60)
    worker = Worker(backend)
    worker.start(0)
    assert worker.running is not None
    assert seconds(worker.running.gives_way_at) == 60
    assert clear(backend, at(59)) == at(60)
    assert clear(backend, at(60)) is None
    assert state(long.pk) == "queued"


def test_w2_a_backend_that_drains_lets_it_finish() -> None:
    backend, ours, theirs = ours_and_theirs(overrun_policy="drain")
    long = submit(theirs, backend, 0)
    worker = Worker(backend)
    worker.start(0)
    make_window(60, 120, backend=backend, instance=ours.instance)
    keep_windows(at(61))
    assert state(long.pk) == "running"
    assert isinstance(worker.turn(70, end="completed"), Idle)


def test_w3_a_session_of_others_is_inactive_from_the_start_whoever_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, ours, theirs = ours_and_theirs()
    session = open_(theirs, backend)
    submit(theirs, backend, 0, session_id=session.pk, cost=5)
    worker = Worker(backend)
    worker.start(0)
    step = worker.turn(5, end="completed")
    assert isinstance(step, Hold)
    assert seconds(step.until) == 305
    monkeypatch.setattr(clock, "now", lambda: at(6))
    with transaction.atomic():
        tell(make_window(60, 120, backend=backend, instance=ours.instance))
    session.refresh_from_db()
    assert seconds(session.pause_at) == 60
    assert seconds(session.next_deadline) == 60
    step = worker.turn(20)
    assert isinstance(step, Hold)
    assert seconds(step.until) == 60
    mine = submit(ours, backend, 61)
    assert worker.start(61) == mine.pk
    session.refresh_from_db()
    assert (session.state, session.pause_at, session.active_seconds) == ("inactive", None, 60.0)


@pytest.mark.parametrize(("policy", "want"), [("release", "queued"), ("fail", "failed")])
def test_w4_at_the_end_its_session_is_inactive_and_the_policy_holds(policy: str, want: str) -> None:
    backend, ours, _ = ours_and_theirs()
    make_window(0, 60, backend=backend, instance=ours.instance, end_policy=policy)
    session = open_(ours, backend)
    one, two = (submit(ours, backend, n, session_id=session.pk) for n in (0, 1))
    alone = submit(ours, backend, 2)
    worker = Worker(backend)
    assert worker.start(2) == one.pk
    keep_windows(at(60))
    session.refresh_from_db()
    assert (session.state, seconds(Session.objects.get().activated_at)) == ("inactive", 2)
    assert (state(one.pk), state(two.pk), state(alone.pk)) == ("running", want, "queued")
    if want == "failed":
        assert Job.objects.get(pk=two.pk).reason_code == 4005


def test_w4_l17_what_a_job_runs_beyond_its_sessions_activation_it_pays_itself() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(0, 60, backend=backend, instance=ours.instance, counts_as_used=False)
    session = open_(ours, backend)
    one = submit(ours, backend, 0, session_id=session.pk)
    submit(theirs, backend, 1)
    worker = Worker(backend)
    worker.start(2)
    keep_windows(at(60))
    assert used_seconds(ours.instance, at(70)) == 68, "58 s by the session, 10 s by the job so far (F4)"
    assert [meter.since for meter in present(backend, at(70)).meters] == [at(60)]
    worker.turn(75, end="completed", quantum_seconds=73.0)
    lines = {
        (line.kind, line.subject): (seconds(line.since), line.seconds) for line in LedgerLine.objects.all()
    }
    assert lines == {("session", session.pk): (2, 58.0), ("job", one.pk): (60, 15.0)}


def test_w3_l17_so_does_one_that_a_draining_backend_lets_finish_also_when_its_session_closes() -> None:
    backend, ours, theirs = ours_and_theirs(overrun_policy="drain")
    session = open_(theirs, backend)
    one = submit(theirs, backend, 0, session_id=session.pk)
    worker = Worker(backend)
    make_window(60, 120, backend=backend, instance=ours.instance)
    submit(ours, backend, 1)
    Job.objects.filter(pk=one.pk).update(cost=5)
    worker.start(0)
    keep_windows(at(60))
    cancel_session(session=Session.objects.get(pk=session.pk), now=at(65))
    assert used_seconds(theirs.instance, at(70)) == 70
    cancel_job(job=Job.objects.get(pk=one.pk), now=at(80))
    assert LedgerLine.objects.get(kind="session").seconds == 60
    paid = LedgerLine.objects.get(kind="job")
    assert (seconds(paid.since), paid.seconds) == (60, 20.0)


def test_w5_at_the_end_a_job_completes_unless_a_window_of_others_begins_there() -> None:
    backend, ours, theirs = ours_and_theirs()
    first = make_window(0, 60, backend=backend, instance=ours.instance)
    one = submit(ours, backend, 0)
    worker = Worker(backend)
    worker.start(0)
    keep_windows(at(60))
    assert (state(one.pk), Window.objects.get(pk=first.pk).state) == ("running", "completed")
    make_window(70, 80, backend=backend, instance=theirs.instance)
    keep_windows(at(70))
    assert state(one.pk) == "queued"


def test_w2_l8_what_ran_when_its_session_was_cancelled_waits_by_itself() -> None:

    backend, ours, theirs = ours_and_theirs()
    session = open_(theirs, backend)
    one = submit(theirs, backend, 0, session_id=session.pk)
    worker = Worker(backend)
    worker.start(0)
    cancel_session(session=Session.objects.get(pk=session.pk), now=at(5))
    make_window(10, 20, backend=backend, instance=ours.instance)
    keep_windows(at(10))
    assert (state(one.pk), Job.objects.get(pk=one.pk).outlived_session) == ("queued", True)
    assert worker.start(20) == one.pk
    worker.turn(25, end="completed")
    assert state(one.pk) == "completed"


def test_s9_what_is_sent_inside_a_priority_window_goes_first_and_others_run_otherwise() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(10, 100, backend=backend, instance=ours.instance, mode="priority")
    before, foreign = submit(ours, backend, 5, cost=1), submit(theirs, backend, 1, cost=1)
    inside, later = (submit(ours, backend, n, cost=1) for n in (12, 13))
    worker = Worker(backend, when=13)
    assert [worker.start(13), worker.start(14, end="completed")] == [inside.pk, later.pk]
    assert {worker.start(15, end="completed"), worker.start(16, end="completed")} == {before.pk, foreign.pk}


def test_s3_a_class_uses_its_window_and_its_users_take_turns() -> None:
    backend, ours, _ = ours_and_theirs()
    ann, abe, amy = (make_author(instance=ours.instance) for _ in range(3))
    window = make_window(10, 100, backend=backend, instance=ours.instance)
    window.users.set([ann.user, abe.user])
    submit(amy, backend, 0, cost=1)
    a1, a2, b1 = (
        submit(ann, backend, 1, cost=1),
        submit(ann, backend, 2, cost=1),
        submit(abe, backend, 3, cost=1),
    )
    worker = Worker(backend, when=10)
    order = [worker.start(10), worker.start(11, end="completed"), worker.start(12, end="completed")]
    assert order == [a1.pk, b1.pk, a2.pk]
    assert isinstance(worker.turn(13, end="completed"), Idle)


def test_s3_short_jobs_of_others_fill_what_its_owner_leaves_unused() -> None:
    backend, ours, theirs = ours_and_theirs(max_start_delay=20)
    make_window(10, 100, backend=backend, instance=ours.instance)
    submit(theirs, backend, 0, cost=21)
    short = submit(theirs, backend, 1, cost=20)
    worker = Worker(backend, when=10)
    assert worker.start(11) == short.pk
    assert worker.running is not None
    assert seconds(worker.running.gives_way_at) == 31
    mine = submit(ours, backend, 12, cost=1)
    assert worker.start(15, end="completed") == mine.pk
    assert isinstance(worker.turn(17, end="completed"), Idle)


def test_s4_a_batch_runs_a_shorter_job_when_the_oldest_does_not_fit_before_a_window() -> None:
    backend, ours, theirs = ours_and_theirs()
    make_window(60, 100, backend=backend, instance=ours.instance)
    session = open_(theirs, backend, mode=SessionMode.BATCH)
    first, _, short = (
        submit(theirs, backend, n, session_id=session.pk, cost=c) for n, c in ((0, 5), (1, 99), (2, 9))
    )
    worker = Worker(backend, when=2)
    assert worker.start(2) == first.pk
    assert worker.start(5, end="completed") == short.pk


@pytest.mark.parametrize(("counts", "rest"), [(True, 50.0), (False, None)])
def test_w7_a_dedicated_window_is_paid_whole_by_its_instance(counts: bool, rest: float | None) -> None:
    backend, ours, _ = ours_and_theirs()
    window = make_window(0, 60, backend=backend, instance=ours.instance, counts_as_used=counts)
    submit(ours, backend, 0)
    worker = Worker(backend)
    worker.start(0)
    worker.turn(10, end="completed", quantum_seconds=10.0)
    keep_windows(at(60))
    lines = {line.kind: line.seconds for line in LedgerLine.objects.all()}
    assert lines == {"job": 10.0} | ({"reservation": rest} if rest else {})
    window.refresh_from_db()
    assert (window.state, seconds(window.first_job_at)) == ("completed", 0)


def test_w7_of_a_priority_window_only_the_jobs_are_paid() -> None:
    backend, ours, _ = ours_and_theirs()
    make_window(0, 60, backend=backend, instance=ours.instance, mode="priority")
    keep_windows(at(60))
    assert not LedgerLine.objects.exists()


def test_w6_a_window_without_a_job_is_missed_and_paid_all_the_same() -> None:
    window = make_window(0, 60)
    keep_windows(at(1))
    keep_windows(at(75))
    window.refresh_from_db()
    assert window.state == "missed"
    assert LedgerLine.objects.get().seconds == 60


def test_w6_a_window_that_passed_while_nobody_was_awake_begins_and_ends_all_the_same() -> None:
    window = make_window(0, 60)
    keep_windows(at(500))
    assert [event.target for event in window.events.all()] == ["active", "missed"]


def test_an_owner_who_releases_a_window_early_frees_the_backend_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, ours, theirs = ours_and_theirs()
    window = make_window(0, 600, backend=backend, instance=ours.instance)
    keep_windows(at(0))
    session = open_(ours, backend)
    submit(ours, backend, 0, session_id=session.pk)
    foreign = submit(theirs, backend, 1)
    worker = Worker(backend)
    worker.start(1)
    assert isinstance(worker.turn(11, end="completed"), Hold)
    monkeypatch.setattr(clock, "now", lambda: at(20))
    with transaction.atomic():
        life.note_job(window.pk, at=at(1))
        life.release(window.pk, at=at(20))
    assert worker.start(21) == foreign.pk
    session.refresh_from_db()
    assert (session.state, session.active_seconds) == ("inactive", 19.0)
    assert LedgerLine.objects.get(kind="reservation").seconds == 1


def test_a_reservation_in_which_nothing_runs_is_released_by_itself() -> None:
    backend, ours, _ = ours_and_theirs(release_after_minutes=2)
    window = make_window(0, 600, backend=backend, instance=ours.instance)
    submit(ours, backend, 0)
    worker = Worker(backend)
    worker.start(0)
    keep_windows(at(200))
    worker.turn(201, end="completed")
    keep_windows(at(320))
    window.refresh_from_db()
    assert window.state == WindowState.ACTIVE
    keep_windows(at(321))
    window.refresh_from_db()
    assert (window.state, seconds(window.released_at)) == ("completed", 321)


def test_two_who_look_at_the_same_edge_do_it_once() -> None:
    backend, ours, theirs = ours_and_theirs()
    submit(theirs, backend, 0)
    Worker(backend).start(0)
    window = make_window(60, 120, backend=backend, instance=ours.instance)
    for _ in range(2):
        pass_edges(backend.pk, at(60))
    assert window.events.count() == 1
    assert JobEvent.objects.filter(cause="displaced").count() == 1


def test_e1_the_owner_of_a_window_is_no_secret_to_themselves_only() -> None:
    backend, ours, theirs = ours_and_theirs()
    window = make_window(10, 70, backend=backend, instance=ours.instance)
    waiting = submit(theirs, backend, 1, cost=5)
    told = outlook(waiting, at(20))
    assert told is not None
    shown = told.told({str(theirs.instance.pk)}, at(20))
    assert (shown["reason"], shown["rule"], shown["blocked_by"]) == (
        "window_of_others", "S3", {"kind": "window", "id": None},
    )  # fmt: skip
    assert window.pk not in shown["message"]
    assert seconds(shown["expected_start"]["likely"]) == 70


def test_e2_a_window_tells_what_it_would_delay_before_it_is_made() -> None:
    backend, ours, theirs = ours_and_theirs()
    running, waiting = submit(theirs, backend, 0, cost=100), submit(theirs, backend, 1, cost=30)
    Worker(backend).start(0)
    planned = Held(id="planned", start=at(60), end=at(120), instance=str(ours.instance.pk))
    found = delays(backend.pk, at(2), [planned])
    assert found.stopped is not None
    assert (found.stopped.job, seconds(found.stopped.at), seconds(found.stopped.again)) == (
        running.pk,
        60,
        120,
    )
    assert [(each.job, each.seconds) for each in found.later] == [(waiting.pk, 120.0)]
    told = found.told({str(ours.instance.pk)})
    assert (told["stopped"]["job"], told["later"][0]["job"]) == (None, None)


def test_e2_a_window_that_is_taken_away_lets_jobs_start_sooner() -> None:
    backend, ours, theirs = ours_and_theirs()
    waiting = submit(theirs, backend, 1, cost=30)
    window = make_window(0, 120, backend=backend, instance=ours.instance)
    found = delays(backend.pk, at(2), removed=[window.pk])
    assert [(each.job, each.seconds) for each in found.sooner] == [(waiting.pk, -118.0)]


def test_s2_a_system_job_runs_first_in_any_window() -> None:
    backend, ours, _ = ours_and_theirs()
    make_window(0, 120, backend=backend, instance=ours.instance)
    submit(ours, backend, 0)
    system = Job.objects.get(pk=submit(make_author(), backend, 1).pk)
    Job.objects.filter(pk=system.pk).update(is_system=True, due_at=at(3))
    worker = Worker(backend, when=1)
    worker.start(1)
    step = worker.turn(4, end="completed")
    assert isinstance(step, Claim)
    assert step.job.pk == system.pk
