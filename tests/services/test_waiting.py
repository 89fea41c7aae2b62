"""Why jobs wait, by the rules that decide (E1), and fair share through the dispatcher (F1-F4)."""

from datetime import timedelta
from typing import Any

import pytest

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from sessions_app.models import Decision, InstanceUsage, Job, UsageBucket, UserUsage
from sessions_app.services import waiting
from sessions_app.services.endings import cancel_job
from sessions_app.services.ledger import expire
from sessions_app.services.submission import Author
from sessions_app.services.usage import used_seconds
from sessions_app.services.waiting import lineup, outlook
from tests.factories import at, make_author, make_user, open_, submit
from tests.services.worker import Worker


def told(job: Job, when: float, *readers: Author) -> dict[str, Any]:
    found = outlook(Job.objects.select_related("backend", "instance", "user").get(pk=job.pk), at(when))
    assert found is not None
    return found.told({str(author.instance.pk) for author in readers}, at(when))


def test_it_says_what_a_job_behind_a_running_one_waits_for(
    alice: Author, bob: Author, backend: Backend
) -> None:
    running, waiting = submit(alice, backend, 1), submit(bob, backend, 2)
    Worker(backend).start(3)
    answer = told(waiting, 4, bob)
    assert (answer["reason"], answer["rule"], answer["place"]) == ("running_job", "S1", 1)
    assert answer["message"] == "It is next, after a job of another instance, which is running."
    assert answer["blocked_by"] == {"kind": "job", "id": None}
    assert told(waiting, 4, alice, bob)["blocked_by"] == {"kind": "job", "id": running.pk}
    assert answer["expected_start"]["earliest"] <= answer["expected_start"]["likely"]


def test_it_says_until_when_a_session_holds_the_backend(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    foreign = submit(bob, backend, 2)
    worker = Worker(backend)
    worker.start(3)
    assert told(foreign, 4, bob)["reason"] == "session_active"
    worker.turn(5, end="completed")
    answer = told(foreign, 6, bob)
    assert (answer["reason"], answer["rule"], answer["until"]) == ("session_holds", "S5", at(305))
    assert "another instance until 12:06 UTC at the latest" in answer["message"]
    assert session.pk not in str(answer)
    assert answer["expected_start"]["likely"] == at(305)


def test_it_names_an_older_job_and_fair_share(alice: Author, bob: Author, backend: Backend) -> None:
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    worker.turn(100, end="completed", quantum_seconds=99)
    mine = [submit(alice, backend, 101 + n) for n in range(2)]
    theirs = submit(bob, backend, 110)
    assert told(theirs, 111, bob)["reason"] == "next"
    share = told(mine[0], 111, alice)
    assert (share["reason"], share["rule"]) == ("fair_share", "F2")
    assert told(mine[1], 111, alice)["reason"] == "older_job_of_user"
    assert [told(job, 111, alice)["place"] for job in mine] == [2, 3]


def test_it_says_that_a_backend_is_offline_or_an_account_inactive(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 1)
    Backend.objects.update(is_online=False)
    assert told(job, 2, alice)["reason"] == "backend_offline"
    Backend.objects.update(is_online=True)
    alice.user.is_active = False
    alice.user.save()
    assert told(job, 2, alice)["reason"] == "user_suspended"


def test_it_has_nothing_to_say_of_a_job_that_runs(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 1)
    Worker(backend).start(2)
    assert outlook(Job.objects.select_related("backend").get(pk=job.pk), at(3)) is None


def test_it_gives_the_next_turn_to_whoever_used_least(alice: Author, bob: Author, backend: Backend) -> None:
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    older, younger = submit(alice, backend, 2), submit(bob, backend, 3)
    assert worker.start(10, end="completed") == younger.pk, "alice has used a second, bob nothing (F2)"
    assert worker.start(20, end="completed") == older.pk
    assert Decision.objects.filter(backend=backend).count() == 3
    chosen = Decision.objects.get(job_id=younger.pk)
    assert (chosen.rule, [each["job"] for each in chosen.passed_over]) == ("S7", [older.pk])


def test_it_weighs_use_by_shares(alice: Author, bob: Author, backend: Backend) -> None:
    Instance.objects.filter(pk=alice.instance.pk).update(shares=4)
    worker = Worker(backend)
    submit(alice, backend, 0)
    submit(bob, backend, 0.1)
    worker.start(1)
    worker.start(10, end="completed")
    order = []
    for n in range(6):
        submit(alice, backend, 20 + n)
        submit(bob, backend, 20 + n)
    for n in range(6):
        ident = worker.start(30 + n, end="completed")
        order.append("a" if Job.objects.get(pk=ident).instance_id == alice.instance.pk else "b")
    assert "".join(order) == "aaabaa", "four shares get four times the time"


def test_it_serves_the_user_of_an_instance_who_used_least(alice: Author, backend: Backend) -> None:
    carol = make_author(user=make_user(), instance=alice.instance)
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    older, younger = submit(alice, backend, 2), submit(carol, backend, 3)
    assert [worker.start(10 + n, end="completed") for n in range(2)] == [younger.pk, older.pk]


def test_it_keeps_sums_that_agree(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    batch = open_(bob, backend, mode=SessionMode.BATCH)
    submit(bob, backend, 2, session_id=batch.pk)
    single = submit(bob, backend, 3)
    worker = Worker(backend)
    worker.start(5)
    worker.turn(6, end="completed")
    worker.start(306)
    assert worker.start(310, end="completed") == single.pk
    cancel_job(job=single, now=at(314))
    assert used_seconds(alice.instance, at(400)) == 301
    assert used_seconds(bob.instance, at(400)) == 1 + 4
    for model in (InstanceUsage, UserUsage, UsageBucket):
        assert sum(model.objects.values_list("microseconds", flat=True)) == 306_000_000


def test_it_forgets_what_left_the_rolling_window(alice: Author, backend: Backend) -> None:
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    worker.turn(2, end="completed")
    day = timedelta(days=1).total_seconds()
    expire(at(27 * day))
    assert used_seconds(alice.instance, at(27 * day)) == 1
    expire(at(28 * day + 3600))
    assert used_seconds(alice.instance, at(28 * day + 3600)) == 0
    assert not UsageBucket.objects.exists()


def test_it_starts_nothing_over_the_limit(alice: Author, bob: Author, backend: Backend) -> None:
    Instance.objects.filter(pk=alice.instance.pk).update(usage_limit_seconds=1)
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    kept, other = submit(alice, backend, 2), submit(bob, backend, 3)
    assert worker.start(4, end="completed") == other.pk
    worker.turn(5, end="completed")
    kept.refresh_from_db()
    assert kept.state == "queued", "it keeps its place (S10)"
    Instance.objects.filter(pk=alice.instance.pk).update(usage_limit_seconds=None)
    assert worker.start(6) == kept.pk


@pytest.mark.parametrize("count", [3])
def test_it_does_not_starve_anybody(alice: Author, bob: Author, backend: Backend, count: int) -> None:
    last = submit(bob, backend, 0.5)
    flood = [submit(alice, backend, n / 100) for n in range(count * 3)]
    worker = Worker(backend)
    started = [worker.start(10)]
    while last.pk not in started:
        started.append(worker.start(10 + len(started), end="completed"))
    assert len(started) <= 2
    assert len(flood) == count * 3


def test_it_lines_jobs_up_in_the_order_in_which_they_will_start(
    alice: Author, bob: Author, backend: Backend
) -> None:
    worker = Worker(backend)
    for n in range(4):
        submit(alice, backend, n)
        worker.start(10 * n)
        worker.turn(10 * n + 9, end="completed", quantum_seconds=99)
    submit(bob, backend, 101)
    worker.start(102)
    mine = [submit(alice, backend, 103 + n).pk for n in range(2)]
    theirs = [submit(bob, backend, 110 + n).pk for n in range(2)]
    barred = make_author()
    never = submit(barred, backend, 104)
    Instance.objects.filter(pk=barred.instance.pk).update(is_active=False, archived_at=at(105))
    found = lineup(backend, at(120))
    assert [entry.id for entry, _ in found.jobs] == [*theirs, *mine, never.pk]
    assert [told.expectation.place for _, told in found.jobs] == [1, 2, 3, 4, None]
    reasons = ["running_job", "older_job_of_user", "fair_share", "older_job_of_user", "instance_inactive"]
    assert [told.waiting.reason for _, told in found.jobs] == reasons
    assert not found.is_cut
    for entry, each in found.jobs[:4]:
        alone = outlook(Job.objects.get(pk=entry.id), at(120))
        assert alone is not None
        assert (alone.waiting, alone.expectation.place) == (each.waiting, each.expectation.place)


def test_it_says_that_a_line_is_longer_than_is_told(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "HORIZON", 2)
    jobs = [submit(alice, backend, n).pk for n in range(3)]
    found = lineup(backend, at(5))
    assert ([entry.id for entry, _ in found.jobs], found.is_cut) == (jobs[:2], True)


def test_it_expects_of_somebodys_jobs_what_theirs_took_before(
    alice: Author, bob: Author, backend: Backend
) -> None:
    """Not what others' took; of who never ran the program there, what everybody's did."""
    worker = Worker(backend)
    for author, took in ((alice, 100.0), (bob, 2.0), (alice, 100.0), (bob, 4.0)):
        submit(author, backend, 0)
        worker.start(1)
        worker.turn(2, end="completed", quantum_seconds=took)
    jobs = [submit(author, backend, 3) for author in (alice, bob, make_author())]
    found = {job.id: job.expected.total_seconds() for job in waiting.waiters_of(backend.pk, at(4)).queue}
    assert [found[job.pk] for job in jobs] == [100.0, 3.0, 51.5]


def test_it_foresees_no_run_longer_than_its_limit_nor_shorter_than_one_that_was_stopped(
    alice: Author, backend: Backend
) -> None:
    worker = Worker(backend)
    submit(alice, backend, 0)
    worker.start(1)
    worker.turn(2, end="completed", quantum_seconds=50.0)
    limited, stopped = submit(alice, backend, 3, cost=20), submit(alice, backend, 4)
    Job.objects.filter(pk=stopped.pk).update(ran_at_least=80.0)
    estimates = waiting.waiters_of(backend.pk, at(5)).estimates
    assert estimates[limited.pk].likely.total_seconds() == 20
    assert estimates[stopped.pk].low.total_seconds() == 80
