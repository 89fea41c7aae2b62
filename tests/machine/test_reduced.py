"""What the machine found once, each in its smallest form."""

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Session
from sessions_app.services.dispatch import recover
from sessions_app.services.leases import LEASE
from sessions_app.services.opening import cancel_session
from sessions_app.services.submission import Author
from sessions_app.services.usage import used_seconds
from sessions_app.services.waiting import present
from tests.factories import at, open_, submit
from tests.services.worker import Worker


def taken_over(backend: Backend, when: float) -> Worker:
    """Another worker has the backend, because the one before was lost."""
    worker = Worker(backend, when=when, owner="w2")
    recover(worker.lease, now=at(when))
    return worker


def state_of(thing: Session | Job) -> str:
    thing.refresh_from_db()
    return thing.state


def test_it_fails_a_lost_job_whose_session_was_cancelled(
    alice: Author, bob: Author, backend: Backend
) -> None:
    session = open_(alice, backend)
    job = submit(alice, backend, 1, session_id=session.pk)
    foreign = submit(bob, backend, 2)
    Worker(backend).start(5)
    cancel_session(session=session, now=at(6))
    worker = taken_over(backend, 5 + LEASE.total_seconds())
    assert state_of(job) == "failed", "nothing waits in a closed session (L10)"
    assert "session" in job.reason
    assert worker.start(30) == foreign.pk


def test_it_fails_a_lost_job_whose_session_ran_out_meanwhile(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=10)
    job = submit(alice, backend, 1, session_id=session.pk)
    Worker(backend).start(5)
    taken_over(backend, 5 + LEASE.total_seconds())
    assert (state_of(session), state_of(job)) == ("closed", "failed")
    assert job.finished_at == at(20), "it ran until it was lost, beyond its session's end (L8)"


def test_it_charges_what_a_job_runs_beyond_its_session(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(5)
    cancel_session(session=session, now=at(7))
    worker.turn(105, end="completed", quantum_seconds=100)
    assert used_seconds(alice.instance, at(105)) == 100, "2 s by the session, 98 s by the job (L17)"


def test_it_counts_what_a_job_runs_beyond_its_session_from_there(
    alice: Author, bob: Author, backend: Backend
) -> None:
    """F4: two seconds of the session are in the books, and the run counts from the session's end."""
    session = open_(alice, backend)
    job = submit(alice, backend, 1, session_id=session.pk)
    submit(bob, backend, 2)
    worker = Worker(backend)
    worker.start(5)
    cancel_session(session=session, now=at(7))
    assert state_of(job) == "running"
    snapshot = present(backend, at(17))
    assert [meter.since for meter in snapshot.meters] == [at(7)]
