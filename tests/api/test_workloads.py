"""All work of an instance: sessions that stand for their jobs, jobs by themselves, and the tags in use."""

from dataclasses import dataclass
from typing import Any

import pytest

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from sessions_app.models import JobCircuits
from tests.api.callers import Caller, make_caller, message, refusal
from tests.api.conftest import Time
from tests.api.work import post_job, post_session
from tests.factories import make_backend, make_instance
from tests.services.worker import Worker


@dataclass
class Work:
    """Ids of what was made, the oldest first."""

    session: str
    in_session: str
    batch: str
    failed: str
    done: str
    cancelled: str
    waiting: str

    @property
    def listed(self) -> list[str]:
        """As the list has them: the session's job is not by itself."""
        return [self.session, self.batch, self.failed, self.done, self.cancelled, self.waiting]


@pytest.fixture
def work(alice: Caller, bob: Caller, backend: Backend, time: Time) -> Work:
    """At 20 s: a closed session with a job, a cancelled batch, and jobs in several states."""

    def made(ident: str) -> str:
        time.seconds += 1
        return ident

    session = made(post_session(alice, backend))
    inside = made(post_job(alice, backend, session_id=session, tags=["vqe", "in here"]))
    worker = Worker(backend)
    worker.start(time.seconds)
    time.seconds += 3
    worker.turn(time.seconds, end="completed", quantum_seconds=2.0)
    alice.patch(f"/sessions/{session}", {"accepting_jobs": False})
    batch = made(post_session(alice, backend, mode="batch"))
    alice.delete(f"/sessions/{batch}/close")
    found = [made(post_job(alice, backend, tags=["vqe", "alone"])), made(post_job(bob, backend))]
    cancelled = made(post_job(alice, backend))
    alice.post(f"/jobs/{cancelled}/cancel")
    # It is Bob's turn, who has used less.
    worker.start(time.seconds)
    worker.turn(time.seconds + 1, end="completed", quantum_seconds=1.0)
    worker.turn(time.seconds + 2, end="failed", quantum_seconds=0.5)
    time.seconds = 20
    waiting = made(post_job(alice, backend, tags=["Last"]))
    return Work(session, inside, batch, found[0], found[1], cancelled, waiting)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["workloads"]]


def test_it_lists_sessions_for_their_jobs_and_the_newest_first(alice: Caller, work: Work) -> None:
    answer = alice.get("/workloads")
    assert ids(answer) == work.listed[::-1]
    body = answer.json()
    assert (body["total_count"], body["limit"], body["previous"], body["next"]) == (6, 10, None, None)
    found = {each["id"]: each for each in body["workloads"]}
    assert {ident: (each["mode"], each["status"]) for ident, each in found.items()} == {
        work.session: ("session", "completed"),
        work.batch: ("batch", "canceled"),
        work.done: ("job", "completed"),
        work.failed: ("job", "failed"),
        work.cancelled: ("job", "canceled"),
        work.waiting: ("job", "pending"),
    }
    assert found[work.session]["tags"] == ["in here", "vqe"]
    assert found[work.session]["usage"] == {"qpu_charge_time_seconds": 3.0, "status": "complete"}
    assert found[work.done]["usage"] == {"qpu_charge_time_seconds": 1.0, "status": "complete"}
    assert found[work.waiting]["usage"] == {"qpu_charge_time_seconds": 0.0, "status": "pending"}
    assert found[work.waiting]["instance"] == alice.instance.crn
    assert found[work.batch]["status_reason"] == "session_cancelled"


def test_it_reads_on_in_both_directions(alice: Caller, work: Work) -> None:
    seen: list[str] = []
    answer = alice.get("/workloads", limit=4, sort="createdAt")
    assert answer.json()["previous"] is None
    seen += ids(answer)
    forward = alice.based("").get(answer.json()["next"]["href"])
    assert forward.json()["next"] is None
    assert seen + ids(forward) == work.listed
    assert forward.json()["total_count"] == 6
    back = alice.based("").get(forward.json()["previous"]["href"])
    assert ids(back) == work.listed[:4]
    assert back.json()["previous"] is None
    assert ids(alice.based("").get(back.json()["next"]["href"])) == work.listed[4:]


def test_it_keeps_its_place_when_something_is_added(alice: Caller, backend: Backend, work: Work) -> None:
    first = alice.get("/workloads", limit=2)
    post_job(alice, backend)
    assert ids(alice.based("").get(first.json()["next"]["href"])) == work.listed[::-1][2:4]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"mode": "job"}, ["failed", "done", "cancelled", "waiting"]),
        ({"mode": ["session", "batch"]}, ["session", "batch"]),
        ({"status": "pending"}, ["waiting"]),
        ({"status": ["completed", "canceled"]}, ["session", "batch", "done", "cancelled"]),
        ({"status": "failed"}, ["failed"]),
        ({"status": "in_progress"}, []),
        ({"tags": "vqe"}, ["session", "failed"]),
        ({"tags": ["vqe", "alone"]}, ["failed"]),
        ({"search": "LAST"}, ["waiting"]),
        ({"search": "n her"}, ["session"]),
        ({"user": "me"}, ["session", "batch", "failed", "cancelled", "waiting"]),
        ({"backend": "nothing"}, []),
        ({"created_after": "2026-11-21T12:00:19Z"}, ["waiting"]),
        ({"created_before": "2026-11-21T12:00:02Z"}, ["session"]),
    ],
    ids=str,
)
def test_it_filters(alice: Caller, work: Work, query: dict[str, Any], wanted: list[str]) -> None:
    answer = alice.get("/workloads", sort="createdAt", **query)
    assert ids(answer) == [getattr(work, name) for name in wanted]
    assert answer.json()["total_count"] == len(wanted)


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "name"}, {"mode": "dream"}, {"status": "odd"}, {"user": "bob"}, {"limit": 51}, {"limit": 0},
        {"next": "x"}, {"previous": "9.a b"}, {"next": "1.a", "previous": "1.a"},
        {"created_after": "soon"}, {"search": "\0"}, {"include_mocks": "maybe"},
    ],
    ids=str,
)  # fmt: skip
def test_it_refuses_what_it_does_not_know(alice: Caller, query: dict[str, Any]) -> None:
    assert refusal(alice.get("/workloads", **query))[0] == 400


def test_it_asks_the_database_as_often_for_many_as_for_few(
    alice: Caller,
    backend: Backend,
    work: Work,
    django_assert_num_queries: Any,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(3):
        post_job(alice, backend, session_id=post_session(alice, backend, mode="batch"), tags=["many"])
    with django_assert_max_num_queries(12):
        assert len(ids(alice.get("/workloads", limit=50))) == 9


def test_it_finds_nothing_beyond_the_end_of_time(alice: Caller, work: Work) -> None:
    assert ids(alice.get("/workloads", next="99999999999999999.a", sort="createdAt")) == []


def test_it_finds_tags(alice: Caller, work: Work) -> None:
    assert alice.get("/tags").json() == {"tags": ["Last", "alone", "in here", "vqe"]}
    assert alice.get("/tags", type="job", search="LAS").json() == {"tags": ["Last"]}
    assert alice.get("/tags", search="one").json() == {"tags": ["alone"]}
    assert alice.get("/tags", search="none such").json() == {"tags": []}
    for query in ({"search": "ab"}, {"search": "x" * 101}, {"search": "a\0b"}, {"type": "session"}):
        assert refusal(alice.get("/tags", **query))[0] == 400


def test_it_has_no_interim_results(alice: Caller, work: Work) -> None:
    answer = alice.get(f"/jobs/{work.done}/interim_results")
    assert (answer.status_code, answer.content) == (200, b"")


def test_it_gives_the_circuits_that_it_transpiled(alice: Caller, work: Work) -> None:
    assert alice.get(f"/jobs/{work.done}/transpiled_circuits").json() == {"circuits": []}
    JobCircuits.objects.create(job_id=work.done, texts=["OPENQASM 3.0;", ""])
    assert alice.get(f"/jobs/{work.done}/transpiled_circuits").json() == {"circuits": ["OPENQASM 3.0;", None]}


def test_it_tells_everybody_its_versions(alice: Caller) -> None:
    anonymous = alice.having(Authorization="", Service_CRN="")
    found = {each["version"]: each["status"] for each in anonymous.get("/versions").json()["versions"]}
    assert found["2026-04-15"] == "live"
    assert found["2024-01-01"] == "deprecated"
    assert len(found) == 7


def test_it_tells_what_an_account_may_use(bare: None, time: Time) -> None:
    limits = {"usage_allocation_seconds": 600, "usage_limit_seconds": 400}
    one = make_instance(account="mine", **limits)
    other = make_instance(account="mine", plan="premium")
    make_instance(account="mine", name="of somebody else")
    caller = make_caller(one)
    other.memberships.create(user=caller.user, role="reader")
    backend, closed = make_backend(), make_backend(open_to_all=False)
    plans = {each["plan_id"]: each for each in caller.get("/accounts/mine").json()["plans"]}
    assert set(plans) == {"plan-open", "plan-premium"}
    told = plans["plan-open"]
    assert told["usage_allocation_seconds"] == 600, "of the caller's instances only"
    assert (told["usage_limit_seconds"], told["unallocated_usage_seconds"]) == (400, 200)
    assert told["max_ttl"] == backend.session_max_ttl
    assert backend.name in told["backends"]
    assert closed.name not in told["backends"]
    assert plans["plan-premium"]["usage_limit_seconds"] is None
    only = caller.get("/accounts/mine", plan_id="plan-open").json()["plans"]
    assert [each["plan_id"] for each in only] == ["plan-open"]


def test_it_tells_nothing_of_a_strangers_account(alice: Caller) -> None:
    make_instance(account="theirs")
    answers = [alice.get(f"/accounts/{ident}") for ident in ("theirs", "nobodys", "a%00b")]
    assert [refusal(each) for each in answers] == [(404, 1291)] * 3
    assert len({message(each) for each in answers}) == 1
    assert Instance.objects.filter(account="theirs").exists()
