"""Sessions from opening to closing, with real rows and turns (L1-L17, S4-S8)."""

import pytest

from quantumsvc.accounts.models import AuditEntry
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, NotFound, SessionClosed
from quantumsvc.scheduling.policy import Hold, Idle
from quantumsvc.scheduling.states import SessionMode
from sessions_app.events import Event, SessionChanged, read_event
from sessions_app.models import Job, Session
from sessions_app.services import progress
from sessions_app.services.endings import cancel_job
from sessions_app.services.lives import settle_overdue
from sessions_app.services.opening import cancel_session, close_session, extend_session
from sessions_app.services.submission import Author
from sessions_app.services.usage import used_seconds
from tests.factories import at, make_backend, open_, submit
from tests.services.worker import Worker, seconds


def state_of(thing: Session | Job) -> str:
    thing.refresh_from_db()
    return thing.state


def test_it_becomes_active_when_its_first_job_starts(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    assert state_of(session) == "open"
    assert session.started_at is None
    Worker(backend).start(5)
    assert state_of(session) == "active"
    assert (seconds(session.started_at), seconds(session.activated_at)) == (5, 5)
    assert session.active_ttl == session.max_ttl


def test_it_runs_its_jobs_before_older_ones_of_others(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    first = submit(alice, backend, 1, session_id=session.pk)
    foreign = submit(bob, backend, 2)
    second = submit(alice, backend, 3, session_id=session.pk)
    worker = Worker(backend)
    assert worker.start(5) == first.pk
    assert worker.start(6, end="completed") == second.pk
    step = worker.turn(7, end="completed")
    assert step == Hold(at(307), "S5", session.pk)
    assert worker.start(307) == foreign.pk
    assert state_of(session) == "inactive"
    assert session.events.order_by("-id")[0].at == at(307)


def test_it_starts_a_job_that_comes_before_the_deadline(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    submit(bob, backend, 2)
    worker = Worker(backend)
    worker.start(5)
    worker.turn(6, end="completed")
    late = submit(alice, backend, 305.9, session_id=session.pk)
    assert worker.start(400) == late.pk, "a job queued in time stops the ITTL, however late it starts (L5)"


def test_it_waits_like_others_when_inactive_and_is_reactivated(
    alice: Author, bob: Author, backend: Backend
) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    foreign = submit(bob, backend, 2)
    worker = Worker(backend)
    worker.start(5)
    worker.turn(6, end="completed")
    again = submit(alice, backend, 310, session_id=session.pk)
    assert worker.start(311) == foreign.pk
    assert worker.start(320, end="completed") == again.pk
    assert state_of(session) == "active"
    assert (seconds(session.started_at), seconds(session.activated_at)) == (5, 320)
    assert session.active_ttl == session.max_ttl - 315


def test_it_closes_at_max_ttl_and_fails_what_waits(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=100)
    running = submit(alice, backend, 1, session_id=session.pk)
    waiting = submit(alice, backend, 2, session_id=session.pk)
    foreign = submit(bob, backend, 3)
    worker = Worker(backend)
    assert worker.start(5) == running.pk
    settle_overdue(at(105))
    assert state_of(session) == "closed"
    assert (session.close_cause, seconds(session.closed_at)) == ("max_ttl", 105)
    assert state_of(waiting) == "failed"
    assert "maximum time to live" in waiting.reason
    assert state_of(running) == "running"
    assert worker.start(110, end="completed") == foreign.pk
    assert state_of(running) == "completed"
    with pytest.raises(SessionClosed):
        submit(alice, backend, 111, session_id=session.pk)


def test_it_closes_when_the_last_job_ends_after_close(alice: Author, bob: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    first = submit(alice, backend, 1, session_id=session.pk)
    foreign = submit(bob, backend, 1.5)
    second = submit(alice, backend, 2, session_id=session.pk)
    worker = Worker(backend)
    assert worker.start(5) == first.pk
    close_session(session=session, now=at(6))
    with pytest.raises(SessionClosed):
        submit(alice, backend, 7, session_id=session.pk)
    assert worker.start(8, end="completed") == second.pk
    assert state_of(session) == "active"
    assert worker.start(9, end="completed") == foreign.pk, "no ITTL is held after a close (L9)"
    assert state_of(session) == "closed"
    assert seconds(session.closed_at) == 9


def test_it_closes_at_once_without_jobs_and_twice_is_the_same(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    close_session(session=session, now=at(3))
    close_session(session=session, now=at(9))
    assert state_of(session) == "closed"
    assert seconds(session.closed_at) == 3


def test_it_fails_queued_jobs_on_cancel_and_lets_the_running_one_end(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    running, waiting = (submit(alice, backend, n, session_id=session.pk) for n in (1, 2))
    worker = Worker(backend)
    worker.start(5)
    cancel_session(session=session, now=at(6))
    assert (state_of(session), state_of(waiting), state_of(running)) == ("closed", "failed", "running")
    assert isinstance(worker.turn(7, end="completed"), Idle)
    assert state_of(running) == "completed"
    assert state_of(session) == "closed"
    assert seconds(session.last_job_completed) == 7


def test_it_fails_the_others_when_its_first_job_is_cancelled(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    first, second = (submit(alice, backend, n, session_id=session.pk) for n in (1, 2))
    cancel_job(job=first, now=at(3))
    assert (state_of(first), state_of(second), state_of(session)) == ("cancelled", "failed", "closed")
    assert "first job" in second.reason
    assert session.close_cause == "first_job_cancelled"


def test_it_goes_on_when_another_job_is_cancelled(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    first, second = (submit(alice, backend, n, session_id=session.pk) for n in (1, 2))
    worker = Worker(backend)
    worker.start(5)
    cancel_job(job=second, now=at(6))
    assert state_of(session) == "active"
    assert worker.turn(7, end="completed") == Hold(at(307), "S5", session.pk)
    assert state_of(first) == "completed"


def test_it_starts_the_ittl_when_the_only_waiting_job_is_cancelled(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(5)
    worker.turn(6, end="completed")
    queued = submit(alice, backend, 10, session_id=session.pk)
    cancel_job(job=queued, now=at(20))
    assert worker.turn(21) == Hold(at(320), "S5", session.pk)


def test_it_gives_way_as_a_batch_to_a_session_that_starts(
    alice: Author, bob: Author, backend: Backend
) -> None:
    batch = open_(alice, backend, mode=SessionMode.BATCH)
    other = open_(bob, backend)
    submit(alice, backend, 1, session_id=batch.pk)
    theirs = submit(bob, backend, 2, session_id=other.pk)
    worker = Worker(backend)
    worker.start(5)
    assert worker.start(6, end="completed") == theirs.pk, "a batch holds nothing (S6)"
    assert state_of(batch) == "inactive"
    assert state_of(other) == "active"


def test_it_closes_a_session_that_was_never_used(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    settle_overdue(at(1799))
    assert state_of(session) == "open"
    settle_overdue(at(5000))
    assert state_of(session) == "closed"
    assert seconds(session.closed_at) == 1800, "closed at its deadline, not when somebody looked"


def test_it_brings_a_session_with_a_job(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 1, start_session=True, session_time="10m")
    assert job.session is not None
    assert (job.session.pk, job.session.max_ttl) == (job.pk, 600)
    shorter = submit(alice, backend, 2, start_session=True, cost=120)
    assert shorter.session is not None
    assert shorter.session.max_ttl == 120, "without a length, the smaller of the limits (L13)"


def test_it_refuses_jobs_of_other_backends_and_instances(
    alice: Author, bob: Author, backend: Backend
) -> None:
    session = open_(alice, backend)
    with pytest.raises(BadRequest, match="another backend"):
        submit(alice, make_backend(), 1, session_id=session.pk)
    with pytest.raises(NotFound):
        submit(bob, backend, 1, session_id=session.pk)
    with pytest.raises(BadRequest, match="maximum time of 60 s"):
        submit(alice, backend, 1, session_id=open_(alice, backend, max_ttl=60).pk, cost=60)
    with pytest.raises(BadRequest, match="maximum time of 60 s"):
        submit(alice, backend, 1, start_session=True, session_time=60, cost=600)
    assert not Job.objects.exists(), "nothing half-stored"


def test_it_charges_a_dedicated_session_the_time_it_was_active(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(5)
    worker.turn(6, end="completed")
    settle_overdue(at(1000))
    session.refresh_from_db()
    assert session.active_seconds == 301, "from its first job's start to the end of its ITTL (L17)"
    assert used_seconds(alice.instance, at(1000)) == 301, "and not its jobs' time as well"


def test_it_charges_a_batch_and_single_jobs_the_time_they_ran(alice: Author, backend: Backend) -> None:
    batch = open_(alice, backend, mode=SessionMode.BATCH)
    submit(alice, backend, 1, session_id=batch.pk)
    submit(alice, backend, 2)
    worker = Worker(backend)
    worker.start(5)
    worker.start(9, end="completed")
    worker.turn(20, end="completed", quantum_seconds=2.5)
    assert used_seconds(alice.instance, at(30)) == 3.5


def test_it_counts_an_active_session_up_to_now(alice: Author, backend: Backend) -> None:
    submit(alice, backend, 1, session_id=open_(alice, backend).pk)
    Worker(backend).start(5)
    assert used_seconds(alice.instance, at(25)) == 20


def test_it_gives_a_session_more_time(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=100)
    job = submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(5)
    extend_session(session=session, max_ttl=400, by=alice.user, now=at(50))
    session.refresh_from_db()
    assert (session.max_ttl, session.active_ttl, seconds(session.next_deadline)) == (400, 400.0, 405)
    event = session.events.order_by("-id")[0]
    assert (event.source, event.target, event.cause, event.at) == ("active", "active", "extended", at(50))
    entry = AuditEntry.objects.get(action="session.extended")
    assert (entry.actor, entry.object_id, entry.instance) == (alice.user, session.pk, alice.instance)
    assert (entry.before, entry.after) == ({"max_ttl": 100}, {"max_ttl": 400})
    later = submit(alice, backend, 200, session_id=session.pk)
    assert worker.start(201, end="completed") == later.pk, "its old end has passed, its new one has not (L8)"
    assert state_of(job) == "completed"
    settle_overdue(at(405))
    assert state_of(session) == "closed"


@pytest.mark.parametrize("wanted", [-1, 0, 99, 100, 28_801])
def test_it_gives_no_time_that_is_not_more_or_over_the_limit(
    alice: Author, backend: Backend, wanted: int
) -> None:
    session = open_(alice, backend, max_ttl=100)
    with pytest.raises(BadRequest, match=r"more than the 100 seconds .* at most 28800"):
        extend_session(session=session, max_ttl=wanted, by=alice.user, now=at(1))
    session.refresh_from_db()
    assert (session.max_ttl, session.events.count()) == (100, 1)


def test_it_gives_no_time_to_a_session_whose_time_is_over(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend, max_ttl=100)
    submit(alice, backend, 1, session_id=session.pk)
    Worker(backend).start(5)
    with pytest.raises(SessionClosed):
        extend_session(session=session, max_ttl=400, by=alice.user, now=at(105))
    settle_overdue(at(105))
    assert state_of(session) == "closed"


def test_it_tells_watchers_when_a_session_gets_more_time(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_(alice, backend, max_ttl=100)
    rung: list[Event | None] = []
    monkeypatch.setattr(progress, "ring", lambda channel, payload: rung.append(read_event(payload)))
    extend_session(session=session, max_ttl=200, by=alice.user, now=at(1))
    assert rung == [
        SessionChanged(session.pk, session.instance_id, session.backend_id, "open", session.version + 1)
    ]
