"""``/jobs/{id}`` and what is below it (protocol rows 15 to 21, rules J1, J4)."""

from datetime import datetime

import pytest

from quantumsvc.accounts.models import AuditEntry
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobLog, JobPayload, JobResult, JobSketch
from tests.api.callers import Caller, refusal
from tests.api.conftest import Time
from tests.api.work import SAMPLER, post_job, post_session
from tests.factories import at
from tests.services.worker import Worker

WORDS = {"Queued", "Running", "Completed", "Failed", "Cancelled"}


def status_of(caller: Caller, ident: str) -> dict[str, object]:
    answer = caller.get(f"/jobs/{ident}", exclude_params="true")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["state"]["status"] == body["status"]
    assert body["status"] in WORDS
    state: dict[str, object] = body["state"]
    return state


def posted(caller: Caller, backend: Backend, time: Time, count: int) -> list[str]:
    """Some jobs, each a bit later than the one before."""
    idents = []
    for _ in range(count):
        idents.append(post_job(caller, backend))
        time.seconds += 0.1
    return idents


def test_it_shows_a_job_field_by_field(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_job(alice, backend, cost=600, tags=["a"])
    body = alice.get(f"/jobs/{ident}", exclude_params="true").json()
    assert "params" not in body
    assert {name: body[name] for name in ("id", "backend", "state", "status", "program", "created")} == {
        "id": ident,
        "backend": backend.name,
        "state": {"status": "Queued"},
        "status": "Queued",
        "program": {"id": "sampler"},
        "created": "2026-11-21T12:00:00.000000Z",
    }
    assert (body["runtime"], body["cost"], body["tags"], body["session_id"]) == ("", 600, ["a"], None)
    assert (body["private"], body["user_id"], body["ended"]) == (False, str(alice.user.pk), None)
    Worker(backend).start(1)
    body = alice.get(f"/jobs/{ident}", exclude_params="true").json()
    assert (body["phase"], body["progress"]) == ("preparing", {"done": 0, "total": 0})


@pytest.mark.parametrize(
    ("word", "shown"),
    [("true", False), ("True", False), ("TRUE", False), ("false", True), ("False", True), (None, True)],
)
def test_it_excludes_params_in_any_case(
    alice: Caller, backend: Backend, word: str | None, shown: bool
) -> None:
    ident = post_job(alice, backend)
    body = alice.get(f"/jobs/{ident}", **({"exclude_params": word} if word else {})).json()
    assert body.get("params") == (SAMPLER if shown else None)


def test_it_tells_each_state_with_one_of_five_words(alice: Caller, backend: Backend, time: Time) -> None:
    first, second, third = posted(alice, backend, time, 3)
    assert status_of(alice, first) == {"status": "Queued"}
    worker = Worker(backend)
    worker.start(1)
    assert status_of(alice, first) == {"status": "Running"}
    worker.start(2, end="completed")
    assert status_of(alice, first) == {"status": "Completed"}
    worker.turn(3, end="failed", reason="No such gate.", reason_code=7000)
    assert status_of(alice, second) == {
        "status": "Failed",
        "reason": "No such gate.",
        "reason_code": 7000,
    }
    time.seconds = 4
    assert alice.post(f"/jobs/{third}/cancel").status_code == 204
    cancelled = status_of(alice, third)
    assert (cancelled["status"], cancelled["reason_code"]) == ("Cancelled", 5202)


def test_it_knows_no_other_job(alice: Caller, stranger: Caller, backend: Backend) -> None:
    foreign = post_job(stranger, backend)
    for ident in (foreign, "nothing", "x" * 400, "é", "%00", "a%00b", "..", "%F0%9F"):
        for path in ("", "?exclude_params=true", "/results", "/metrics", "/logs"):
            assert refusal(alice.get(f"/jobs/{ident}{path}"))[0] == 404
        assert refusal(alice.post(f"/jobs/{ident}/cancel"))[0] == 404
        assert refusal(alice.put(f"/jobs/{ident}/tags", {"tags": []}))[0] == 404
        assert refusal(alice.delete(f"/jobs/{ident}"))[0] == 404


# --- Results, logs, metrics ---


def test_it_has_no_result_before_the_end(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    for _ in range(2):
        answer = alice.get(f"/jobs/{ident}/results")
        assert (answer.status_code, answer.content) == (204, b"")
        if not Job.objects.filter(state="running").exists():
            Worker(backend).start(1)


def test_it_returns_the_result_as_it_was_stored(alice: Caller, rita: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    worker = Worker(backend)
    worker.start(1)
    body = b'{ "results": [1.50, {"__type__": "x"}] }'
    worker.turn(2, end="completed", result=body)
    for caller in (alice, rita, alice):
        answer = caller.get(f"/jobs/{ident}/results")
        assert (answer.status_code, answer.content) == (200, body)
        assert answer["Content-Type"] == "application/json"


def test_it_answers_204_for_the_result_of_a_failed_or_cancelled_job(
    alice: Caller, backend: Backend, time: Time
) -> None:
    first, second = posted(alice, backend, time, 2)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="failed", reason="bad", reason_code=8011)
    alice.post(f"/jobs/{second}/cancel")
    for ident in (first, second):
        answer = alice.get(f"/jobs/{ident}/results")
        assert (answer.status_code, answer.content) == (204, b"")


def test_it_returns_logs_as_plain_text(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    answer = alice.get(f"/jobs/{ident}/logs")
    assert (answer.status_code, answer.content) == (200, b"")
    JobLog.objects.create(job_id=ident, attempt=1, text="first ü\nline")
    JobLog.objects.create(job_id=ident, attempt=2, text="second")
    answer = alice.get(f"/jobs/{ident}/logs")
    assert answer.content.decode() == "first ü\nline\nsecond"
    assert answer["Content-Type"].startswith("text/plain")


def test_it_tells_what_a_job_took(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_job(alice, backend)
    address = f"/jobs/{ident}/metrics"
    body = alice.get(address).json()
    assert body["timestamps"] == {
        "created": "2026-11-21T12:00:00.000000Z",
        "running": None,
        "finished": None,
    }
    assert body["usage"]["status"] == "pending"
    worker = Worker(backend)
    worker.start(1.5)
    assert alice.get(address).json()["timestamps"]["running"] == "2026-11-21T12:00:01.500000Z"
    assert alice.get(address).json()["usage"]["status"] == "pending"
    metrics = {"qiskit_version": "2.6.2", "phases": {"executing": "x"}, "cache_hits": 3}
    worker.turn(3, end="completed", quantum_seconds=0.25, metrics=metrics)
    body = alice.get(address).json()
    assert body["timestamps"]["finished"] == "2026-11-21T12:00:03.000000Z"
    assert body["usage"]["status"] == "complete"
    assert body["usage"]["qpu_charge_time_seconds"] == body["usage"]["quantum_seconds"] == 0.25
    assert body["bss"] == {"seconds": 0.25}
    assert body["qiskit_version"] == "2.6.2"
    assert body["measured"] == {"cache_hits": 3}
    assert body["circuits_execution_time_ns"] is None


def test_it_reports_a_failed_and_a_cancelled_job_as_complete(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    alice.post(f"/jobs/{ident}/cancel")
    assert alice.get(f"/jobs/{ident}/metrics").json()["usage"]["status"] == "complete"


# --- Cancel ---


def test_it_cancels_a_waiting_and_a_running_job(alice: Caller, backend: Backend, time: Time) -> None:
    running, waiting = posted(alice, backend, time, 2)
    Worker(backend).start(1)
    time.seconds = 3
    for ident in (running, waiting):
        answer = alice.post(f"/jobs/{ident}/cancel")
        assert (answer.status_code, answer.content) == (204, b"")
        assert status_of(alice, ident)["status"] == "Cancelled"
        assert alice.get(f"/jobs/{ident}", exclude_params="true").json()["ended"].endswith("Z")


@pytest.mark.parametrize("end", ["completed", "failed", None])
def test_it_cancels_nothing_that_has_ended(alice: Caller, backend: Backend, end: str | None) -> None:
    ident = post_job(alice, backend)
    if end:
        worker = Worker(backend)
        worker.start(1)
        worker.turn(2, end=end)
    else:
        alice.post(f"/jobs/{ident}/cancel")
    before = Job.objects.values().get()
    assert refusal(alice.post(f"/jobs/{ident}/cancel"))[0] == 409
    assert Job.objects.values().get() == before


def test_it_lets_any_writer_cancel(alice: Caller, bob: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    assert bob.post(f"/jobs/{ident}/cancel").status_code == 204


# --- Delete ---


def ended_job(caller: Caller, backend: Backend) -> str:
    ident = post_job(caller, backend)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed", log="a line", quantum_seconds=7.0)
    return ident


def test_it_deletes_an_ended_job_with_all_that_it_holds(alice: Caller, backend: Backend) -> None:
    ident = ended_job(alice, backend)
    answer = alice.delete(f"/jobs/{ident}")
    assert (answer.status_code, answer.content) == (204, b"")
    for path in ("", "?exclude_params=true", "/results", "/metrics", "/logs"):
        assert refusal(alice.get(f"/jobs/{ident}{path}"))[0] == 404
    assert refusal(alice.delete(f"/jobs/{ident}"))[0] == 404
    assert alice.get("/jobs").json()["jobs"] == []
    assert not any(model.objects.exists() for model in (JobPayload, JobSketch, JobResult, JobLog))
    assert alice.get("/instances/usage").json()["usage_consumed_seconds"] == 7


def test_it_deletes_no_job_before_its_end(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    assert refusal(alice.delete(f"/jobs/{ident}"))[0] == 409
    Worker(backend).start(1)
    assert refusal(alice.delete(f"/jobs/{ident}"))[0] == 409
    assert alice.get(f"/jobs/{ident}").status_code == 200


def test_it_lets_only_the_owner_and_managers_delete(
    alice: Caller, bob: Caller, max_: Caller, rita: Caller, backend: Backend
) -> None:
    ident = ended_job(alice, backend)
    for caller in (bob, rita):
        assert refusal(caller.delete(f"/jobs/{ident}")) == (403, 1200)
    assert alice.get(f"/jobs/{ident}/results").status_code == 200
    assert max_.delete(f"/jobs/{ident}").status_code == 204


# --- Tags ---


def test_it_replaces_tags(alice: Caller, bob: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend, tags=["old"])
    for caller, tags in ((alice, ["a", "ü b", ""]), (bob, [])):
        answer = caller.put(f"/jobs/{ident}/tags", {"tags": tags})
        assert (answer.status_code, answer.content) == (204, b"")
        assert alice.get(f"/jobs/{ident}").json()["tags"] == tags


def test_new_tags_of_another_persons_job_are_audited(alice: Caller, bob: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend, tags=["old"])
    for caller, tags in ((alice, ["mine"]), (bob, ["mine"]), (bob, ["new"])):
        assert caller.put(f"/jobs/{ident}/tags", {"tags": tags}).status_code == 204
    entry = AuditEntry.objects.get(action="job.retagged")
    assert (entry.actor, entry.object_id) == (bob.user, ident)
    assert (entry.before, entry.after) == ({"tags": ["mine"]}, {"tags": ["new"]})


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([str(n) for n in range(9)], 1204),
        (["x" * 87], 1205),
        (["a\0b"], 1210),
        (["a", 1], 1210),
        ("a", 1210),
        (None, 1210),
        ({"a": "b"}, 1210),
    ],
)
def test_it_refuses_bad_tags(alice: Caller, backend: Backend, tags: object, code: int) -> None:
    ident = post_job(alice, backend, tags=["old"])
    assert refusal(alice.put(f"/jobs/{ident}/tags", {"tags": tags})) == (400, code)
    assert alice.get(f"/jobs/{ident}").json()["tags"] == ["old"]
    if tags is not None:
        assert refusal(alice.post("/jobs", {"program_id": "sampler", "backend": backend.name,
                                            "params": SAMPLER, "tags": tags})) == (400, code)  # fmt: skip
    assert Job.objects.count() == 1


def test_it_accepts_the_longest_and_the_most_tags(alice: Caller, backend: Backend) -> None:
    tags = [str(n) * 86 for n in range(8)]
    ident = post_job(alice, backend, tags=tags)
    assert alice.get(f"/jobs/{ident}").json()["tags"] == tags


def test_it_writes_every_instant_in_utc(alice: Caller, backend: Backend) -> None:
    session = post_session(alice, backend)
    ident = post_job(alice, backend, session_id=session)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed")
    job = alice.get(f"/jobs/{ident}").json()
    timed = alice.get(f"/jobs/{ident}/metrics").json()["timestamps"]
    lived = alice.get(f"/sessions/{session}").json()
    names = ("created_at", "started_at", "activated_at", "last_job_started", "last_job_completed")
    events = [event["timestamp"] for event in lived["timestamps"]]
    instants = [job["created"], job["ended"], *timed.values(), *(lived[name] for name in names), *events]
    for instant in instants:
        assert instant.endswith("Z")
        assert at(0) <= datetime.fromisoformat(instant) <= at(2)
