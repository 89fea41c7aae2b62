"""J5: what was answered is kept, what failed left nothing, and a repetition is the same job."""

import hashlib
import json
from typing import Any

import pytest
from django.db import OperationalError

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobPayload, Session, Submission
from sessions_app.services import submission
from tests.api.callers import Caller
from tests.api.conftest import Time
from tests.api.work import job_of, nothing_is_stored, post_session


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer reaches its sender."""
    monkeypatch.setattr("sessions_app.api.jobs.answered", lambda job_id: None)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database fails after the job's rows were written."""

    def fail(*_: Any, **__: Any) -> None:
        assert Job.objects.exists()
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(submission, "note_job_queued", fail)


def test_it_takes_a_repetition_before_the_answer_for_the_same_job(
    alice: Caller, backend: Backend, unanswered: None, time: Time
) -> None:
    answers = []
    for time.seconds in (0, 5, 29):
        answers.append(alice.post("/jobs", job_of(backend)).json())
    assert answers[0] == answers[1] == answers[2]
    assert Job.objects.count() == JobPayload.objects.count() == 1


def test_it_takes_it_for_a_new_job_once_it_was_answered(alice: Caller, backend: Backend) -> None:
    idents = {alice.post("/jobs", job_of(backend)).json()["id"] for _ in range(3)}
    assert len(idents) == Job.objects.count() == 3
    assert not Submission.objects.exists()


def test_it_takes_it_for_a_new_job_after_half_a_minute(
    alice: Caller, backend: Backend, unanswered: None, time: Time
) -> None:
    first = alice.post("/jobs", job_of(backend)).json()
    time.seconds = 31
    assert alice.post("/jobs", job_of(backend)).json() != first


def test_it_repeats_within_a_session_too(alice: Caller, backend: Backend, unanswered: None) -> None:
    session = post_session(alice, backend)
    body = job_of(backend, session_id=session)
    assert alice.post("/jobs", body).json() == alice.post("/jobs", body).json()
    started = job_of(backend, start_session=True)
    assert alice.post("/jobs", started).json() == alice.post("/jobs", started).json()
    assert (Session.objects.count(), Job.objects.count()) == (2, 2)


def test_it_tells_senders_instances_and_bytes_apart(
    alice: Caller, bob: Caller, stranger: Caller, backend: Backend, unanswered: None
) -> None:
    text = json.dumps(job_of(backend)).encode()
    bodies = [(caller, text) for caller in (alice, bob, stranger)]
    bodies += [(alice, text + b" "), (alice, text.replace(b"100", b"101"))]
    idents = {caller.post("/jobs", body).json()["id"] for caller, body in bodies}
    assert len(idents) == len(bodies)


def test_it_remembers_no_refused_submission(alice: Caller, backend: Backend, unanswered: None) -> None:
    Backend.objects.update(open_to_all=False)
    assert alice.post("/jobs", job_of(backend)).status_code == 404
    assert nothing_is_stored()
    Backend.objects.update(open_to_all=True)
    assert alice.post("/jobs", job_of(backend)).status_code == 200


def test_it_stores_nothing_when_the_database_fails(alice: Caller, backend: Backend, broken: None) -> None:
    session = post_session(alice, backend)
    before = Session.objects.values().get()
    answer = alice.post("/jobs", job_of(backend, session_id=session))
    assert answer.status_code == 500
    assert set(answer.json()) == {"errors", "trace"}
    assert "connection was lost" not in answer.content.decode()
    assert not any(model.objects.exists() for model in (Job, JobPayload, Submission))
    assert Session.objects.values().get() == before


def test_it_stores_no_session_without_its_job(alice: Caller, backend: Backend, broken: None) -> None:
    assert alice.post("/jobs", job_of(backend, start_session=True)).status_code == 500
    assert nothing_is_stored()


def test_it_accepts_the_repetition_after_a_failure(
    alice: Caller, backend: Backend, broken: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = job_of(backend, start_session=True)
    assert alice.post("/jobs", body).status_code == 500
    monkeypatch.undo()
    assert alice.post("/jobs", body).status_code == 200
    assert Job.objects.count() == 1


def test_it_keeps_no_readable_trace_of_the_body(alice: Caller, backend: Backend, unanswered: None) -> None:
    alice.post("/jobs", job_of(backend))
    assert len(bytes(Submission.objects.get().digest)) == hashlib.sha256().digest_size
