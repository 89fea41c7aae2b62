"""Jobs: order, attempts, fencing, cancelling, durability of what was accepted (J1-J5)."""

import hashlib
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, Conflict, NotAllowed, StaleTransition, UnknownBackend
from quantumsvc.scheduling.policy import Idle
from quantumsvc.scheduling.states import Cause, JobState
from sessions_app.models import BackendLease, Job, JobEvent, JobPayload, JobResult, Submission
from sessions_app.services.dispatch import Claim, recover
from sessions_app.services.endings import cancel_job, record
from sessions_app.services.leases import LeaseLost, acquire, expire_orphans, unattended
from sessions_app.services.submission import Author, answered, submit_job
from sessions_app.services.transitions import move_job
from sessions_app.services.usage import used_seconds
from tests.factories import at, envelope, make_author, make_backend, make_instance, open_, submit
from tests.services.worker import Worker


def path_of(job: Job) -> list[str]:
    return list(JobEvent.objects.filter(job=job).values_list("target", flat=True))


def test_it_runs_jobs_in_the_order_they_came(alice: Author, bob: Author, backend: Backend) -> None:
    jobs = [submit(author, backend, n) for n, author in enumerate([alice, bob, alice])]
    worker = Worker(backend)
    order = [worker.start(10)] + [worker.start(10 + n, end="completed") for n in (1, 2)]
    assert order == [job.pk for job in jobs]
    assert isinstance(worker.turn(20, end="failed", reason="bad", reason_code=1), Idle)
    assert path_of(jobs[0]) == ["queued", "running", "completed"]
    assert path_of(jobs[2]) == ["queued", "running", "failed"]


def test_it_hands_the_submitted_bytes_to_the_attempt(alice: Author, backend: Backend) -> None:
    params = b'{ "pubs" : [[1, null]], "version":2, "odd":1.50 }'
    job = submit(alice, backend, params=params)
    claim = Worker(backend).turn(1)
    assert isinstance(claim, Claim)
    assert (claim.params, claim.job.pk, claim.job.attempt) == (params, job.pk, 1)


def test_it_accepts_a_result_only_from_the_attempt_that_holds_the_job(
    alice: Author, backend: Backend
) -> None:
    job = submit(alice, backend)
    old = Worker(backend)
    old.start(1)
    BackendLease.objects.update(expires_at=at(2))
    new = Worker(backend, when=20, owner="w2")
    recover(new.lease, now=at(20))
    assert new.start(21) == job.pk
    with pytest.raises(LeaseLost):
        old.turn(22, end="completed")
    with pytest.raises(StaleTransition, match="running, attempt 2"), transaction.atomic():
        record(old.ending("completed"), at(22), None)
    new.turn(23, end="completed")
    assert path_of(job) == ["queued", "running", "queued", "running", "completed"]


def test_it_gives_up_after_the_third_lost_attempt(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend)
    for n in range(3):
        Worker(backend, when=20 * n, owner=f"w{n}").start(20 * n)
        recover(Worker(backend, when=20 * n + 19, owner="r").lease, now=at(20 * n + 19))
        BackendLease.objects.update(expires_at=None)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lost_attempts) == ("failed", 3, 2)
    assert "tried 3 times" in job.reason


def test_it_keeps_a_lost_job_at_its_place(alice: Author, bob: Author, backend: Backend) -> None:
    first, _ = submit(alice, backend, 1), submit(bob, backend, 2)
    Worker(backend).start(3)
    taker = Worker(backend, when=20)
    recover(taker.lease, now=at(20))
    assert taker.start(21) == first.pk


def test_it_cancels_a_waiting_and_a_running_job(alice: Author, backend: Backend) -> None:
    running, waiting = submit(alice, backend, 1), submit(alice, backend, 2)
    worker = Worker(backend)
    worker.start(3)
    for job in (running, waiting):
        cancel_job(job=job, now=at(5))
        job.refresh_from_db()
        assert job.state == "cancelled"
        with pytest.raises(Conflict):
            cancel_job(job=job, now=at(6))
    worker.turn(7, end="completed")
    running.refresh_from_db()
    assert running.state == "cancelled", "what ends too late changes nothing"
    assert not JobResult.objects.exists()
    assert running.quantum_seconds == 2


def test_it_refuses_moves_that_the_table_does_not_have(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend)
    with pytest.raises(StaleTransition, match="cannot become completed"):
        move_job(job.pk, JobState.COMPLETED, at=at(1), cause=Cause.FINISHED, finished_at=at(1))


def test_it_runs_one_job_at_a_time_whatever_anybody_writes(alice: Author, backend: Backend) -> None:
    first, second = submit(alice, backend, 1), submit(alice, backend, 2)
    running = {"state": "running", "started_at": at(3), "attempt": 1}
    Job.objects.filter(pk=first.pk).update(**running)
    with pytest.raises(IntegrityError, match="one_running_job_per_backend"):
        Job.objects.filter(pk=second.pk).update(**running)


def test_it_takes_a_repeated_submission_for_the_same_until_it_was_answered(
    alice: Author, backend: Backend
) -> None:
    digest = hashlib.sha256(b"body").digest()

    def send(when: float) -> str:
        return submit_job(author=alice, envelope=envelope(backend), digest=digest, now=at(when)).pk

    first = send(0)
    assert send(8) == first, "no answer reached the client, so it is the same job (J5)"
    answered(first)
    assert send(9) != first
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"program_id": "noise-learner"}, 8010),
        ({"params": b'{"pubs":[],"version":2}'}, 8020),
        ({"params": b'{"pubs":[[1,null,0]],"version":2}'}, 6000),
        ({"params": b'{"pubs":[[1,null,100001]],"version":2}'}, 6001),
        ({"params": b'{"pubs":[[1]],"version":2,"options":{"default_shots":999999}}'}, 6001),
        ({"params": b'{"pubs":[[1]],"version":1}'}, 8010),
        ({"params": b'{"pubs":7,"version":2}'}, 8011),
        ({"params": b"[]"}, 8011),
        ({"log_level": "LOUD"}, 1210),
        ({"cost": 99999}, 1210),
        ({"cost": -1}, 1210),
        ({"calibration_id": "nope"}, 1210),
    ],
)
def test_it_refuses_before_it_stores(
    alice: Author, backend: Backend, over: dict[str, Any], code: int
) -> None:
    with pytest.raises(BadRequest) as refused:
        submit(alice, backend, **over)
    assert refused.value.number == code
    assert not Job.objects.exists()
    assert not JobPayload.objects.exists()


def test_it_offers_backends_only_to_instances_that_may_use_them(alice: Author) -> None:
    closed = make_backend(open_to_all=False)
    with pytest.raises(UnknownBackend):
        submit(alice, closed)
    closed.grants.create(instance=alice.instance)
    assert submit(alice, closed).backend == closed


def test_it_refuses_work_of_an_archived_instance(backend: Backend) -> None:
    author = make_author(instance=make_instance(is_active=False, archived_at=at(0)))
    with pytest.raises(NotAllowed, match="archived"):
        submit(author, backend)


def test_it_lets_a_job_of_a_suspended_user_keep_its_place(
    alice: Author, bob: Author, backend: Backend
) -> None:
    first, second = submit(alice, backend, 1), submit(bob, backend, 2)
    alice.user.is_active = False
    alice.user.save()
    worker = Worker(backend)
    assert worker.start(3) == second.pk
    alice.user.is_active = True
    alice.user.save()
    assert worker.start(4, end="completed") == first.pk


def test_it_starts_nothing_while_the_queue_is_paused(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend)
    Backend.objects.update(is_paused=True)
    worker = Worker(backend)
    assert worker.turn(1) == Idle("S10")
    Backend.objects.update(is_paused=False)
    assert worker.start(2) == job.pk


def test_it_keeps_a_second_worker_away_until_the_lease_ends(alice: Author, backend: Backend) -> None:
    submit(alice, backend)
    Worker(backend)
    assert acquire(backend_id=backend.pk, owner="w2", now=at(14.9)) is None
    assert acquire(backend_id=backend.pk, owner="w2", now=at(15)) is not None


def test_it_notices_a_holder_whose_connection_is_gone(alice: Author, backend: Backend) -> None:
    submit(alice, backend)
    Worker(backend)
    expire_orphans(at(1))
    assert unattended(at(1)) == [], "its lock may not be there yet"
    expire_orphans(at(3))
    assert unattended(at(3)) == [], "its connection lives"
    # As if the connection that took the lease had ended.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
    expire_orphans(at(3))
    assert unattended(at(3)) == [backend.pk]


def test_it_keeps_its_lease_through_any_number_of_short_jobs(alice: Author, backend: Backend) -> None:
    for n in range(8):
        submit(alice, backend, n / 10)
    worker = Worker(backend)
    worker.start(1)
    for n in range(1, 8):
        worker.start(n * 5, end="completed")
    assert acquire(backend_id=backend.pk, owner="w2", now=at(40)) is None


def test_it_fails_a_lost_job_whose_session_has_closed(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=10)
    job = submit(alice, backend, 1, session_id=session.pk)
    Worker(backend).start(2)
    taker = Worker(backend, when=30, owner="w2")
    recover(taker.lease, now=at(30))
    job.refresh_from_db()
    assert job.state == "failed"
    assert "session has closed" in job.reason
    assert isinstance(taker.turn(31), Idle)


def test_it_charges_a_job_for_what_it_ran_after_its_session(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=10)
    submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(2)
    worker.turn(15, end="completed", quantum_seconds=13)
    assert used_seconds(alice.instance, at(20)) == 13, "ten for the session and three for itself (L17)"
