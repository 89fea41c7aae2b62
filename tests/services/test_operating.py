"""What operators do: guarded, written down, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from quantumsvc.accounts.models import AuditEntry, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import Conflict
from quantumsvc.scheduling.policy import Idle
from sessions_app.models import Job, JobEvent, Session
from sessions_app.services.deleting import delete_job
from sessions_app.services.operating import (
    bring_online,
    cancel_job_by,
    cancel_job_of,
    cancel_session_by,
    cancel_session_of,
    close_session_by,
    close_session_of,
    drain_backend,
    pause_queue,
    requeue_job,
    resume_queue,
    take_offline,
)
from sessions_app.services.submission import Author
from tests.factories import at, make_user, open_, submit
from tests.services.worker import Worker

Act = Callable[..., None]


@pytest.fixture
def olga(db: None) -> User:
    return make_user(username="olga", is_operator=True)


def state_of(backend: Backend) -> tuple[bool, bool, str]:
    fresh = Backend.objects.get(pk=backend.pk)
    return fresh.is_online, fresh.is_paused, fresh.status_message


def acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "reason"))


def test_it_pauses_and_resumes_the_queue(alice: Author, backend: Backend, olga: User) -> None:
    running, waiting = submit(alice, backend, 1), submit(alice, backend, 2)
    worker = Worker(backend)
    assert worker.start(3) == running.pk
    pause_queue(backend=backend, now=at(4), actor=olga, reason="laser\n is odd")
    assert state_of(backend) == (True, True, "laser is odd")
    assert worker.turn(5, end="completed") == Idle("S10"), "what ran has completed, nothing new starts"
    resume_queue(backend=backend, now=at(6), actor=olga)
    assert state_of(backend) == (True, False, "available")
    assert worker.start(7) == waiting.pk
    assert acts() == [("backend.paused", "laser\n is odd"), ("backend.resumed", "")]
    assert AuditEntry.objects.filter(actor=olga, object_kind="backend", object_id=backend.pk).count() == 2


def test_it_drains_what_runs_and_starts_nothing_new(alice: Author, backend: Backend, olga: User) -> None:
    running, waiting = submit(alice, backend, 1), submit(alice, backend, 2)
    worker = Worker(backend)
    worker.start(3)
    drain_backend(backend=backend, now=at(4), actor=olga, reason="warm up")
    assert worker.turn(5, end="completed") == Idle("S10")
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {running.pk: "completed", waiting.pk: "queued"}
    bring_online(backend=backend, now=at(6), actor=olga)
    assert worker.start(7) == waiting.pk
    assert acts() == [("backend.drained", "warm up"), ("backend.brought_online", "")]


@pytest.mark.parametrize("draining", [False, True])
def test_it_takes_a_backend_offline_at_once_and_loses_nothing(
    alice: Author, backend: Backend, olga: User, draining: bool
) -> None:
    first, _ = submit(alice, backend, 1), submit(alice, backend, 2)
    worker = Worker(backend)
    worker.start(3)
    if draining:
        drain_backend(backend=backend, now=at(3.5), actor=olga, reason="soon")
    take_offline(backend=backend, now=at(4), actor=olga, reason="fire")
    assert worker.turn(5, end="completed") == Idle("S10"), "the late ending is dropped"
    job = Job.objects.get(pk=first.pk)
    assert (job.state, job.lost_attempts, job.started_at) == ("queued", 0, None)
    assert acts()[-2:] == [("job.requeued", "fire"), ("backend.taken_offline", "fire")]
    bring_online(backend=backend, now=at(6), actor=olga)
    assert worker.start(7) == first.pk, "its place is the first"


@pytest.mark.parametrize(
    ("state", "act"),
    [
        ({"is_paused": True}, pause_queue),
        ({}, resume_queue),
        ({"is_online": False}, drain_backend),
        ({"is_online": False}, take_offline),
        ({}, bring_online),
    ],
)
def test_it_refuses_what_is_so_already(backend: Backend, olga: User, state: dict[str, Any], act: Act) -> None:
    Backend.objects.update(status_message="as it was", **state)
    with pytest.raises(Conflict):
        act(backend=backend, now=at(1), actor=olga, reason="why")
    assert state_of(backend)[2] == "as it was"
    assert acts() == []


def test_it_tells_why_until_neither_is_the_case(backend: Backend, olga: User) -> None:
    pause_queue(backend=backend, now=at(1), actor=olga, reason="odd")
    drain_backend(backend=backend, now=at(2), actor=olga, reason="x" * 300)
    assert state_of(backend) == (False, True, "x" * 200)
    bring_online(backend=backend, now=at(3), actor=olga)
    assert state_of(backend)[:2] == (True, True)
    resume_queue(backend=backend, now=at(4), actor=olga)
    assert state_of(backend) == (True, False, "available")


def test_it_puts_a_running_job_back_to_its_place_not_as_lost(
    alice: Author, bob: Author, backend: Backend, olga: User
) -> None:
    first, second = submit(alice, backend, 1), submit(bob, backend, 2)
    worker = Worker(backend)
    worker.start(3)
    for round_ in range(4):
        requeue_job(job=first, now=at(4 + round_), actor=olga, reason="try again")
        assert worker.start(4.5 + round_, end="completed") == first.pk
    job = Job.objects.get(pk=first.pk)
    assert (job.state, job.lost_attempts, job.attempt) == ("running", 0, 5)
    assert JobEvent.objects.filter(job=first, cause="requeued", target="queued").count() == 4
    assert worker.start(9, end="completed") == second.pk
    assert AuditEntry.objects.filter(action="job.requeued", object_id=first.pk, actor=olga).count() == 4


def test_it_puts_back_only_what_runs_and_has_a_place(alice: Author, backend: Backend, olga: User) -> None:
    waiting = submit(alice, backend)
    with pytest.raises(Conflict, match="queued"):
        requeue_job(job=waiting, now=at(1), actor=olga, reason="why")
    session = open_(alice, backend, 1)
    inside = submit(alice, backend, 2, session_id=session.pk)
    worker = Worker(backend)
    worker.start(3)
    assert worker.start(4, end="completed") == inside.pk
    cancel_session_of(session=session, now=at(5), actor=olga, reason="over")
    with pytest.raises(Conflict, match="session has closed"):
        requeue_job(job=inside, now=at(6), actor=olga, reason="why")
    assert Job.objects.get(pk=inside.pk).state == "running", "it completes (L10)"
    assert acts() == [("session.cancelled", "over")]


def test_it_cancels_and_closes_for_others(alice: Author, backend: Backend, olga: User) -> None:
    job, session = submit(alice, backend), open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    cancel_job_of(job=job, now=at(2), actor=olga, reason="runaway")
    close_session_of(session=session, now=at(3), actor=olga, reason="term is over")
    assert Job.objects.get(pk=job.pk).state == "cancelled"
    assert (Session.objects.get().state, Session.objects.get().accepting_jobs) == ("open", False)
    cancel_session_of(session=session, now=at(4), actor=olga, reason="now")
    assert acts() == [
        ("job.cancelled", "runaway"),
        ("session.closed", "term is over"),
        ("session.cancelled", "now"),
    ]
    entry = AuditEntry.objects.get(action="job.cancelled")
    assert (entry.before, entry.instance) == ({"state": "queued"}, alice.instance)
    for act, row in ((cancel_job_of, {"job": job}), (close_session_of, {"session": session}),
                     (cancel_session_of, {"session": session})):  # fmt: skip
        with pytest.raises(Conflict):
            act(**row, now=at(5), actor=olga, reason="again")
    assert len(acts()) == 3


def test_it_notes_what_is_done_to_the_work_of_others(alice: Author, backend: Backend, olga: User) -> None:
    mine, job, session = submit(alice, backend, 1), submit(alice, backend, 2), open_(alice, backend, 3)
    other = open_(alice, backend, 4)
    cancel_job_by(job=mine, now=at(5), by=alice.user)
    cancel_session_by(session=session, now=at(6), by=alice.user)
    assert acts() == [], "everybody may end their own"
    cancel_job_by(job=job, now=at(7), by=olga)
    delete_job(job=Job.objects.get(pk=job.pk), now=at(8), by=olga)
    close_session_by(session=other, now=at(9), by=olga)
    cancel_session_by(session=Session.objects.get(pk=other.pk), now=at(10), by=olga)
    assert acts() == [("job.cancelled", ""), ("job.deleted", ""), ("session.closed", "")]
    assert [entry.actor for entry in AuditEntry.objects.all()] == [olga] * 3
