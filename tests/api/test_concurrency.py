"""Calls that are made at the same time, each in a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobEvent, Session
from tests.api.callers import Caller
from tests.api.work import job_of, post_job, post_session
from tests.services.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make all the calls together; the answers in their order."""
    together = Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        try:
            together.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))


def statuses(*calls: Callable[[], Any]) -> list[int]:
    return sorted(answer.status_code for answer in at_once(*calls))


def test_it_cancels_once(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    assert statuses(*[lambda: alice.post(f"/jobs/{ident}/cancel")] * 4) == [204, 409, 409, 409]
    assert JobEvent.objects.filter(job_id=ident, target="cancelled").count() == 1


def test_it_hands_a_private_result_to_one_reader(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend, private=True)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed", result=b'{"a": 1}')
    assert statuses(*[lambda: alice.get(f"/jobs/{ident}/results")] * 4) == [200, 204, 204, 204]


def test_it_deletes_once(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    alice.post(f"/jobs/{ident}/cancel")
    assert set(statuses(*[lambda: alice.delete(f"/jobs/{ident}")] * 4)) <= {204, 404}
    assert not Job.objects.filter(deleted_at__isnull=True).exists()


def test_it_accepts_a_job_or_closes_first_but_never_both_by_halves(alice: Caller, backend: Backend) -> None:
    for attempt in range(4):
        session = post_session(alice, backend)
        posted, closed = at_once(
            partial(alice.post, "/jobs", job_of(backend, session_id=session, tags=[str(attempt)])),
            partial(alice.patch, f"/sessions/{session}", {"accepting_jobs": False}),
        )
        assert closed.status_code == 204
        state = Session.objects.get(pk=session).state
        if posted.status_code == 200:
            assert state == "open", "what was accepted is run before it closes (L9)"
        else:
            assert (posted.status_code, state) == (409, "closed")


def test_it_cancels_a_session_with_all_that_is_queued(alice: Caller, backend: Backend) -> None:
    session = post_session(alice, backend)
    bodies = [job_of(backend, session_id=session, tags=[str(n)]) for n in range(4)]
    posts = [partial(alice.post, "/jobs", body) for body in bodies]
    *posted, closed = at_once(*posts, lambda: alice.delete(f"/sessions/{session}/close"))
    assert closed.status_code == 204
    assert {answer.status_code for answer in posted} <= {200, 409}
    assert not Job.objects.pending().exists(), "no job is left behind in a closed session"
    assert Job.objects.count() == sum(answer.status_code == 200 for answer in posted)


def test_it_takes_equal_submissions_at_once_for_one(
    alice: Caller, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.api.jobs.answered", lambda ident: None)
    answers = at_once(*[lambda: alice.post("/jobs", job_of(backend))] * 4)
    assert len({answer.json()["id"] for answer in answers}) == Job.objects.count() == 1


def test_it_does_once_what_is_sent_at_once_under_one_key(alice: Caller, backend: Backend) -> None:
    keyed = alice.having(Idempotency_Key="one")
    answers = at_once(*[lambda: keyed.post("/sessions", {"backend": backend.name})] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == Session.objects.count() == 1


def test_it_takes_equal_submissions_at_once_under_two_keys_for_two(alice: Caller, backend: Backend) -> None:
    posts = [partial(alice.having(Idempotency_Key=key).post, "/jobs", job_of(backend)) for key in "ab"]
    assert len({answer.json()["id"] for answer in at_once(*posts)}) == Job.objects.count() == 2


def test_it_takes_unequal_calls_at_once_under_one_key_for_one_and_a_mistake(
    alice: Caller, backend: Backend
) -> None:
    keyed = alice.having(Idempotency_Key="one")
    bodies = [{"backend": backend.name, "mode": mode} for mode in ("dedicated", "batch")]
    assert statuses(*[partial(keyed.post, "/sessions", body) for body in bodies]) == [200, 422]
    assert Session.objects.count() == 1
