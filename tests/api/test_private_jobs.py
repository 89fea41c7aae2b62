"""Private jobs: params are never shown, the result is read once, both are wiped."""

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.models import JobPayload, JobResult
from tests.api.callers import Caller
from tests.api.work import post_job
from tests.services.worker import Worker


@pytest.fixture
def running(alice: Caller, backend: Backend) -> tuple[str, Worker]:
    """A private job that runs, and its worker."""
    answer = alice.post(
        "/jobs",
        {"program_id": "sampler", "backend": backend.name, "private": True, "params": {
            "pubs": [["secret"]], "version": 2}},
    )  # fmt: skip
    assert answer.json()["private"] is True
    worker = Worker(backend)
    return worker.start(1), worker


def test_it_never_shows_the_params(alice: Caller, running: tuple[str, Worker]) -> None:
    ident, worker = running
    before = alice.get(f"/jobs/{ident}").json()
    worker.turn(2, end="completed")
    for body in (before, alice.get(f"/jobs/{ident}").json()):
        assert (body["params"], body["private"]) == ({}, True)


def test_it_delivers_the_result_once(alice: Caller, running: tuple[str, Worker]) -> None:
    ident, worker = running
    assert alice.get(f"/jobs/{ident}/results").status_code == 204, "asking too early uses nothing up"
    worker.turn(2, end="completed", result=b'{"a": 1}')
    first, second = alice.get(f"/jobs/{ident}/results"), alice.get(f"/jobs/{ident}/results")
    assert (first.status_code, first.content) == (200, b'{"a": 1}')
    assert (second.status_code, second.content) == (204, b"")
    assert not JobResult.objects.exists()
    assert alice.get(f"/jobs/{ident}").json()["status"] == "Completed"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_it_uses_the_result_up_by_no_other_method(
    alice: Caller, running: tuple[str, Worker], method: str
) -> None:
    ident, worker = running
    worker.turn(2, end="completed", result=b'{"a": 1}')
    alice.call(method, f"/jobs/{ident}/results")
    assert alice.get(f"/jobs/{ident}/results").content == b'{"a": 1}'


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_it_wipes_the_payload_at_the_end(running: tuple[str, Worker], end: str) -> None:
    _, worker = running
    assert b"secret" in bytes(JobPayload.objects.get().params)
    worker.turn(2, end=end)
    assert not JobPayload.objects.exists()


def test_it_wipes_the_payload_of_a_cancelled_job(alice: Caller, running: tuple[str, Worker]) -> None:
    alice.post(f"/jobs/{running[0]}/cancel")
    assert not JobPayload.objects.exists()


def test_it_keeps_the_payload_and_results_of_other_jobs(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed")
    assert JobPayload.objects.filter(job_id=ident).exists()
    assert all(alice.get(f"/jobs/{ident}/results").status_code == 200 for _ in range(2))


def test_it_wipes_the_payload_of_a_job_that_fails_with_its_session(alice: Caller, backend: Backend) -> None:
    session = alice.post("/sessions", {"backend": backend.name}).json()["id"]
    ident = post_job(alice, backend, session_id=session, private=True)
    alice.delete(f"/sessions/{session}/close")
    assert alice.get(f"/jobs/{ident}").json()["status"] == "Failed"
    assert not JobPayload.objects.exists()
