"""What an instance may use (S10), when it may go on, and what is charged for it (L17)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from quantumsvc.errors import LimitReached, TooManyPending
from quantumsvc.scheduling.states import SessionMode
from sessions_app.models import BackendLease, Job, LedgerLine, Session, SessionEvent
from sessions_app.services.dispatch import Claim, recover
from sessions_app.services.endings import cancel_job
from sessions_app.services.leases import LEASE
from sessions_app.services.limits import standing_of
from sessions_app.services.opening import close_session
from sessions_app.services.submission import Author
from sessions_app.services.timekeeper import sweep
from sessions_app.services.usage import use_of
from sessions_app.services.waiting import outlook
from tests.factories import at, make_backend, open_, submit
from tests.services.worker import Worker

WINDOW = timedelta(days=28)


def limit(author: Author, **over: Any) -> None:
    Instance.objects.filter(pk=author.instance.pk).update(**over)
    author.instance.refresh_from_db()


def run_one(author: Author, backend: Backend, when: float, seconds: float) -> Job:
    """A job that starts at ``when`` and takes so long; the worker that ran it has left."""
    job = submit(author, backend, when)
    worker = Worker(backend, when=when, owner=f"w{when}")
    assert worker.start(when) == job.pk
    worker.turn(when + seconds, end="completed", quantum_seconds=float(seconds))
    BackendLease.objects.filter(backend=backend).delete()
    return job


def lines(author: Author) -> list[tuple[str, str, float]]:
    found = LedgerLine.objects.filter(instance=author.instance).order_by("at", "pk")
    return [(line.kind, line.subject, line.seconds) for line in found]


# --- The ledger ---


def test_it_writes_a_line_for_each_thing_that_is_paid_for(alice: Author, backend: Backend) -> None:
    single = run_one(alice, backend, 0, 5)
    session = open_(alice, backend, 10)
    submit(alice, backend, 10, session_id=session.pk)
    worker = Worker(backend, when=10)
    worker.start(10)
    worker.turn(13, end="completed")
    close_session(session=session, now=at(20))
    assert lines(alice) == [("job", single.pk, 5.0), ("session", session.pk, 10.0)]


def test_it_writes_a_line_for_each_activation(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    worker = Worker(backend)
    for began in (0, 1000):
        submit(alice, backend, began, session_id=session.pk)
        worker.start(began)
        worker.turn(began + 2, end="completed")
    worker.turn(2000)
    assert lines(alice) == [("session", session.pk, 302.0)] * 2, "each with its ITTL of 300 s"


def test_it_writes_a_line_for_each_job_of_a_batch(alice: Author, backend: Backend) -> None:
    batch = open_(alice, backend, mode=SessionMode.BATCH)
    jobs = [submit(alice, backend, n, session_id=batch.pk) for n in range(2)]
    worker = Worker(backend)
    worker.start(5)
    worker.start(7, end="completed")
    worker.turn(9, end="failed", quantum_seconds=2.0)
    assert lines(alice) == [("job", jobs[0].pk, 1.0), ("job", jobs[1].pk, 2.0)]
    assert set(LedgerLine.objects.values_list("session_id", flat=True)) == {batch.pk}


def test_it_charges_nobody_for_a_lost_attempt(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 0)
    Worker(backend).start(0)
    when = LEASE.total_seconds()
    worker = Worker(backend, when=when, owner="w2")
    recover(worker.lease, now=at(when))
    assert use_of(alice.instance, at(when)).total(at(when)) == 0
    assert worker.start(when) == job.pk
    worker.turn(when + 4, end="completed", quantum_seconds=4.0)
    assert lines(alice) == [("job", job.pk, 4.0)]


def test_it_charges_a_cancelled_job_for_the_time_it_ran(alice: Author, backend: Backend) -> None:
    job, waiting = submit(alice, backend, 0), submit(alice, backend, 1)
    Worker(backend).start(2)
    cancel_job(job=job, now=at(5))
    cancel_job(job=waiting, now=at(6))
    assert lines(alice) == [("job", job.pk, 3.0)]


def test_it_counts_what_runs_from_its_start(alice: Author, backend: Backend) -> None:
    run_one(alice, backend, 0, 5)
    job = submit(alice, backend, 10)
    Worker(backend, when=10).start(10)
    use = use_of(alice.instance, at(14))
    assert (use.booked, [each.subject for each in use.running]) == (5.0, [job.pk])
    assert use.total(at(14)) == 9.0, "F4"


def test_it_forgets_by_the_hour_whether_or_not_anybody_was_awake(alice: Author, backend: Backend) -> None:
    run_one(alice, backend, 0, 5)
    leaves = at(0) + WINDOW
    assert use_of(alice.instance, leaves - timedelta(seconds=1)).booked == 5.0
    assert use_of(alice.instance, leaves).booked == 0.0
    assert len(lines(alice)) == 1, "the ledger forgets nothing"
    sweep(leaves)
    assert alice.instance.usage.get().microseconds == 0


# --- Time ---


def test_it_lets_a_job_wait_and_says_until_when(alice: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=8)
    run_one(alice, backend, 0, 5)
    run_one(alice, backend, 7200, 5)
    job = submit(alice, backend, 7300)
    found = outlook(Job.objects.select_related("backend", "instance", "user").get(pk=job.pk), at(7301))
    assert found is not None
    told = found.told({str(alice.instance.pk)}, at(7301))
    assert (told["reason"], told["rule"]) == ("instance_limit", "S10")
    assert told["until"] == at(0) + WINDOW, "when the first five seconds leave the window"
    assert "has used all the time" in told["message"]
    assert told["message"].endswith(" until 12:00 on 19 December UTC at the latest.")


def test_it_goes_on_when_enough_has_left_the_window(alice: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=8)
    run_one(alice, backend, 0, 5)
    run_one(alice, backend, 7200, 5)
    job = submit(alice, backend, 7300)
    resumes = standing_of(alice.instance, at(7301)).resumes_at
    assert resumes is not None
    when = (resumes - at(0)).total_seconds()
    worker = Worker(backend, when=when - 10)
    sweep(at(when - 5))
    assert not isinstance(worker.turn(when - 5), Claim)
    sweep(at(when))
    assert worker.start(when) == job.pk


def test_it_counts_running_work_on_other_backends(alice: Author, bob: Author, backend: Backend) -> None:
    """F4: two backends at once must not use the same rest of the limit."""
    limit(alice, usage_limit_seconds=10)
    other = make_backend()
    submit(alice, other, 0)
    Worker(other).start(0)
    kept, theirs = submit(alice, backend, 1), submit(bob, backend, 2)
    worker = Worker(backend)
    assert worker.start(10) == theirs.pk, "alice's ten seconds are being used elsewhere"
    kept.refresh_from_db()
    assert kept.state == "queued"


def test_it_starts_no_job_of_a_session_over_the_limit(alice: Author, bob: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=10)
    session = open_(alice, backend)
    jobs = [submit(alice, backend, n, session_id=session.pk) for n in range(2)]
    theirs = submit(bob, backend, 3)
    worker = Worker(backend)
    assert worker.start(5) == jobs[0].pk
    assert worker.start(17, end="completed") == theirs.pk
    session = Session.objects.get()
    assert session.state == "inactive", "it holds the backend no longer, and pays no longer"
    assert SessionEvent.objects.filter(session=session).last().cause == "instance_limit"  # type: ignore[union-attr]
    assert lines(alice) == [("session", session.pk, 12.0)]
    limit(alice, usage_limit_seconds=None)
    assert worker.start(20, end="completed") == jobs[1].pk


def test_it_keeps_a_session_that_has_time_left(alice: Author, bob: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=1000)
    session = open_(alice, backend)
    jobs = [submit(alice, backend, n, session_id=session.pk) for n in range(2)]
    submit(bob, backend, 3)
    worker = Worker(backend)
    worker.start(5)
    assert worker.start(17, end="completed") == jobs[1].pk


def test_it_knows_no_end_while_running_work_is_too_much_by_itself(alice: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=3)
    submit(alice, backend, 0)
    Worker(backend).start(0)
    standing = standing_of(alice.instance, at(4))
    assert (standing.is_over, standing.left, standing.resumes_at) == (True, 0.0, None)


def test_it_refuses_over_the_limit_where_the_instance_says_so(alice: Author, backend: Backend) -> None:
    limit(alice, usage_limit_seconds=5, over_limit="refuse")
    run_one(alice, backend, 0, 5)
    for act in (
        lambda: submit(alice, backend, 10),
        lambda: submit(alice, backend, 10, start_session=True),
        lambda: open_(alice, backend, 10),
    ):
        with pytest.raises(LimitReached) as refused, transaction.atomic():
            act()
        assert refused.value.retry_after == WINDOW.total_seconds() - 10
        assert "2026-12-19 12:00 UTC" in refused.value.message
    assert (Job.objects.count(), Session.objects.count()) == (1, 0)


# --- Jobs and sessions ---


def test_it_refuses_more_jobs_than_may_wait(alice: Author, bob: Author, backend: Backend) -> None:
    limit(alice, max_pending_jobs=2)
    submit(bob, backend, 0)
    first, _ = submit(alice, backend, 1), submit(alice, backend, 2)
    with pytest.raises(TooManyPending) as refused, transaction.atomic():
        submit(alice, make_backend(), 3)
    assert (refused.value.number, refused.value.status) == (10012, 429)
    assert refused.value.retry_after == 60
    assert Job.objects.count() == 3
    cancel_job(job=first, now=at(4))
    submit(alice, backend, 5)


def test_it_counts_running_jobs_among_those_that_wait(alice: Author, backend: Backend) -> None:
    limit(alice, max_pending_jobs=1)
    submit(alice, backend, 0)
    Worker(backend).start(1)
    with pytest.raises(TooManyPending), transaction.atomic():
        submit(alice, backend, 2)


def test_it_refuses_more_sessions_than_may_be_open(alice: Author, backend: Backend) -> None:
    limit(alice, max_open_sessions=1)
    session = open_(alice, backend)
    with pytest.raises(TooManyPending) as refused, transaction.atomic():
        open_(alice, backend, 1)
    assert refused.value.number == 10013
    with pytest.raises(TooManyPending), transaction.atomic():
        submit(alice, backend, 2, start_session=True)
    submit(alice, backend, 3, session_id=session.pk)
    close_session(session=session, now=at(4))
    assert Session.objects.get().state == "open", "its job still waits"
    cancel_job(job=Job.objects.get(), now=at(5))
    open_(alice, backend, 6)


def test_it_has_no_limits_of_its_own(alice: Author, backend: Backend) -> None:
    for n in range(5):
        submit(alice, backend, n)
        open_(alice, backend, n)
    assert Job.objects.filter(state="queued").count() == 5
