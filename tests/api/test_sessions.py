"""``/sessions`` (protocol rows 9 to 12; rules L2, L3, L6, L8, L9, L10, L13, L15)."""

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Session
from tests.api.callers import Caller, refusal
from tests.api.conftest import Time
from tests.api.work import post_job, post_session
from tests.services.worker import Worker

FIELDS = {
    "id": str,
    "backend_name": str,
    "mode": str,
    "state": str,
    "accepting_jobs": bool,
    "interactive_ttl": int,
    "max_ttl": int,
    "active_ttl": int | float,
    "started_at": str | None,
    "activated_at": str | None,
    "last_job_started": str | None,
    "last_job_completed": str | None,
    "closed_at": str | None,
    "elapsed_time": int | float,
    "timestamps": list,
}


def details(caller: Caller, ident: str) -> dict[str, object]:
    answer = caller.get(f"/sessions/{ident}")
    assert answer.status_code == 200, answer.content
    body: dict[str, object] = answer.json()
    for name, kind in FIELDS.items():
        assert isinstance(body[name], kind), name
    return body


def test_it_opens_a_session_that_waits(alice: Caller, backend: Backend) -> None:
    ident = post_session(alice, backend, max_ttl=1500)
    assert 0 < len(ident) <= 36
    body = details(alice, ident)
    timestamps = body.pop("timestamps")
    assert {name: body[name] for name in FIELDS if name != "timestamps"} == {
        "id": ident,
        "backend_name": backend.name,
        "mode": "dedicated",
        "state": "open",
        "accepting_jobs": True,
        "interactive_ttl": 300,
        "max_ttl": 1500,
        "active_ttl": 1500,
        "started_at": None,
        "activated_at": None,
        "last_job_started": None,
        "last_job_completed": None,
        "closed_at": None,
        "elapsed_time": 0,
    }
    assert isinstance(timestamps, list)
    assert [(one["status"], one["timestamp"]) for one in timestamps] == [
        ("open", "2026-11-21T12:00:00.000000Z")
    ]


@pytest.mark.parametrize(("mode", "interactive"), [("dedicated", 300), ("batch", 60), (None, 300)])
def test_it_gives_each_mode_its_own_interactive_time(
    alice: Caller, backend: Backend, mode: str | None, interactive: int
) -> None:
    ident = post_session(alice, backend, **({"mode": mode} if mode else {}))
    body = details(alice, ident)
    assert (body["mode"], body["interactive_ttl"]) == (mode or "dedicated", interactive)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, 28_800),
        ({"max_ttl": None}, 28_800),
        ({"max_ttl": 1}, 1),
        ({"max_ttl": 28_800}, 28_800),
        ({"max_ttl": "2h 30m 40s"}, 9040),
        ({"max_session_ttl": 1500}, 1500),
        ({"max_session_ttl": "25m"}, 1500),
        ({"max_ttl": 60, "max_session_ttl": 1500}, 60),
    ],
)
def test_it_reads_the_length(alice: Caller, backend: Backend, asked: dict[str, object], given: int) -> None:
    assert details(alice, post_session(alice, backend, **asked))["max_ttl"] == given


@pytest.mark.parametrize(
    "over",
    [
        {"max_ttl": 0},
        {"max_ttl": -1},
        {"max_ttl": 28_801},
        {"max_ttl": 10**40},
        {"max_ttl": 1.5},
        {"max_ttl": True},
        {"max_ttl": "soon"},
        {"max_ttl": "9" * 5000},
        {"max_session_ttl": "²"},
        {"max_ttl": [1]},
        {"mode": "quick"},
        {"mode": "a\0"},
        {"mode": 7},
        {"mode": "x" * 10_000},
        {"backend": None},
        {"backend": "a\0b"},
        {"backend": "x" * 300},
        {"backend": ["a"]},
        {"instance": 7},
    ],
)
def test_it_refuses_what_makes_no_sense(alice: Caller, backend: Backend, over: dict[str, object]) -> None:
    body = {"backend": backend.name, "mode": "dedicated", **over}
    assert refusal(alice.post("/sessions", body)) == (400, 1210)
    assert not Session.objects.exists()


def test_it_never_trusts_the_instance_of_the_body(alice: Caller, stranger: Caller, backend: Backend) -> None:
    ident = post_session(alice, backend, instance=stranger.instance.crn)
    assert Session.objects.get().instance == alice.instance
    assert refusal(stranger.get(f"/sessions/{ident}"))[0] == 404


def test_it_follows_a_life(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend, max_ttl=1500)
    job = post_job(alice, backend, session_id=ident)
    assert details(alice, ident)["state"] == "open", "queued is not running (L3)"
    worker = Worker(backend)
    worker.start(10)
    time.seconds = 12
    body = details(alice, ident)
    assert (body["state"], body["elapsed_time"], body["active_ttl"]) == ("active", 2, 1500)
    assert body["started_at"] == body["activated_at"] == body["last_job_started"]
    assert body["started_at"] == "2026-11-21T12:00:10.000000Z"
    worker.turn(15, end="completed")
    assert alice.get(f"/jobs/{job}").json()["status"] == "Completed"
    time.seconds = 314.9
    assert details(alice, ident)["state"] == "active"
    time.seconds = 400
    body = details(alice, ident)
    assert (body["state"], body["accepting_jobs"], body["elapsed_time"]) == ("inactive", True, 305)
    assert body["last_job_completed"] == "2026-11-21T12:00:15.000000Z"
    time.seconds = 1510
    body = details(alice, ident)
    assert (body["state"], body["accepting_jobs"]) == ("closed", False)
    assert body["closed_at"] == "2026-11-21T12:25:10.000000Z", "at its deadline, whenever somebody looks"
    timestamps = body["timestamps"]
    assert isinstance(timestamps, list)
    assert [one["status"] for one in timestamps] == ["open", "active", "inactive", "closed"]


def test_it_reactivates(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend, max_ttl=1500)
    post_job(alice, backend, session_id=ident)
    worker = Worker(backend)
    worker.start(10)
    worker.turn(20, end="completed")
    time.seconds = 400
    post_job(alice, backend, session_id=ident)
    worker.start(410)
    time.seconds = 411
    body = details(alice, ident)
    assert (body["state"], body["active_ttl"]) == ("active", 1100)
    assert body["started_at"] == "2026-11-21T12:00:10.000000Z"
    assert body["activated_at"] == "2026-11-21T12:06:50.000000Z"


def test_it_charges_a_batch_for_what_its_jobs_ran(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend, mode="batch")
    post_job(alice, backend, session_id=ident)
    worker = Worker(backend)
    worker.start(10)
    worker.turn(15, end="completed", quantum_seconds=3.5)
    time.seconds = 50
    assert details(alice, ident)["elapsed_time"] == 3.5


def test_it_closes_one_that_was_never_used(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend)
    time.seconds = 1801
    body = details(alice, ident)
    assert (body["state"], body["closed_at"]) == ("closed", "2026-11-21T12:30:00.000000Z")


def test_it_closes_an_empty_session_at_once(alice: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend)
    time.seconds = 5
    for _ in range(2):
        answer = alice.patch(f"/sessions/{ident}", {"accepting_jobs": False})
        assert (answer.status_code, answer.content) == (204, b"")
        time.seconds += 1
    body = details(alice, ident)
    assert (body["state"], body["accepting_jobs"]) == ("closed", False)
    assert body["closed_at"] == "2026-11-21T12:00:05.000000Z", "doing it twice changes nothing"


def test_it_runs_what_is_queued_before_it_closes(alice: Caller, backend: Backend) -> None:
    ident = post_session(alice, backend)
    jobs = [post_job(alice, backend, session_id=ident, tags=[str(n)]) for n in range(2)]
    worker = Worker(backend)
    worker.start(1)
    assert alice.patch(f"/sessions/{ident}", {"accepting_jobs": False}).status_code == 204
    body = details(alice, ident)
    assert (body["state"], body["accepting_jobs"]) == ("active", False)
    worker.start(2, end="completed")
    worker.turn(3, end="completed")
    assert details(alice, ident)["closed_at"] == "2026-11-21T12:00:03.000000Z"
    assert set(Job.objects.filter(pk__in=jobs).values_list("state", flat=True)) == {"completed"}


def test_it_cancels_at_once(alice: Caller, bob: Caller, backend: Backend, time: Time) -> None:
    ident = post_session(alice, backend)
    jobs = {post_job(alice, backend, session_id=ident, tags=[str(n)]) for n in range(2)}
    worker = Worker(backend)
    running = worker.start(1)
    (queued,) = jobs - {running}
    time.seconds = 2
    for caller in (bob, alice):
        answer = caller.delete(f"/sessions/{ident}/close")
        assert (answer.status_code, answer.content) == (204, b"")
    body = details(alice, ident)
    assert (body["state"], body["closed_at"]) == ("closed", "2026-11-21T12:00:02.000000Z")
    failed = alice.get(f"/jobs/{queued}").json()["state"]
    assert (failed["status"], failed["reason_code"]) == ("Failed", 4003)
    assert "cancelled" in failed["reason"]
    worker.turn(3, end="completed")
    assert alice.get(f"/jobs/{running}").json()["status"] == "Completed", "a running job completes (L10)"


@pytest.mark.parametrize("body", [{"accepting_jobs": True}, {}, {"accepting_jobs": "no"}, [], None, 7])
def test_it_changes_nothing_else_of_a_session(alice: Caller, backend: Backend, body: object) -> None:
    ident = post_session(alice, backend)
    before = Session.objects.values().get()
    assert refusal(alice.patch(f"/sessions/{ident}", body)) == (400, 1210)
    assert Session.objects.values().get() == before


def test_it_opens_no_closed_session_again(alice: Caller, backend: Backend) -> None:
    ident = post_session(alice, backend)
    alice.delete(f"/sessions/{ident}/close")
    assert refusal(alice.patch(f"/sessions/{ident}", {"accepting_jobs": True}))[0] == 400
    assert details(alice, ident)["state"] == "closed"


def test_it_knows_no_other_session(alice: Caller, stranger: Caller, backend: Backend) -> None:
    foreign = post_session(stranger, backend)
    for ident in (foreign, "nothing", "x" * 400, "%00", "a%00b", "é"):
        assert refusal(alice.get(f"/sessions/{ident}"))[0] == 404
        assert refusal(alice.patch(f"/sessions/{ident}", {"accepting_jobs": False}))[0] == 404
        assert refusal(alice.delete(f"/sessions/{ident}/close"))[0] == 404
    assert details(stranger, foreign)["state"] == "open"


def test_it_lets_managers_give_more_time(alice: Caller, max_: Caller, backend: Backend) -> None:
    ident = post_session(alice, backend, max_ttl=60)
    assert refusal(alice.post(f"/sessions/{ident}/extend", {"max_ttl": 90})) == (403, 1200)
    answer = max_.post(f"/sessions/{ident}/extend", {"max_ttl": "2m"})
    assert (answer.status_code, answer.json()["max_ttl"]) == (200, 120)
    assert details(alice, ident)["max_ttl"] == 120
    for wanted in ({"max_ttl": 120}, {"max_ttl": "soon"}, {"max_ttl": None}, {}, {"max_ttl": 10**12}):
        assert refusal(max_.post(f"/sessions/{ident}/extend", wanted)) == (400, 1210)
    max_.delete(f"/sessions/{ident}/close")
    assert refusal(max_.post(f"/sessions/{ident}/extend", {"max_ttl": 300})) == (409, 4001)
