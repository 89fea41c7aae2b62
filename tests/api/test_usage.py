"""What an instance may use, what it has used, and that all sums of it are equal."""

from datetime import timedelta
from typing import Any

import pytest

from quantumsvc.accounts.models import AuditEntry, Instance
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.tokens import issue_token
from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from tests.api.callers import Caller, make_caller, message, refusal
from tests.api.conftest import Time
from tests.api.work import job_of, post_job, post_session
from tests.factories import START, at, make_backend
from tests.services.worker import Worker

DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def manager(alice: Caller) -> Caller:
    return make_caller(alice.instance, Role.MANAGER)


def limit(caller: Caller, **over: Any) -> None:
    Instance.objects.filter(pk=caller.instance.pk).update(**over)


def signed_in_again(caller: Caller, when: float) -> Caller:
    """With a token of that day."""
    token = issue_token(caller.user, caller.issued.key, at(when))["access_token"]
    return caller.having(Authorization=f"Bearer {token}")


def work(alice: Caller, backend: Backend, time: Time) -> dict[str, str]:
    """Five seconds of a job, 301 of a session, two of a batch's job on another backend."""
    made = {"job": post_job(alice, backend)}
    worker = Worker(backend)
    worker.start(1)
    worker.turn(6, end="completed", quantum_seconds=5.0)
    time.seconds = 7
    made["session"] = post_session(alice, backend)
    post_job(alice, backend, session_id=made["session"])
    worker.start(8)
    worker.turn(9, end="completed")
    time.seconds = 400
    simulator = make_backend(kind="simulator")
    made["batch"] = post_session(alice, simulator, mode="batch")
    post_job(alice, simulator, session_id=made["batch"])
    other = Worker(simulator, when=400)
    other.start(401)
    other.turn(403, end="completed", quantum_seconds=2.0)
    made["simulator"] = simulator.name
    time.seconds = 410
    return made


def test_it_gives_the_same_sum_everywhere(alice: Caller, backend: Backend, time: Time) -> None:
    work(alice, backend, time)
    lines = alice.get("/instances/ledger").json()["lines"]
    total = sum(line["seconds"] for line in lines)
    assert total == 5 + 301 + 2
    assert alice.get("/instances/usage").json()["usage_consumed_seconds"] == total
    assert alice.get("/instances/configuration").json()["usage_consumed_seconds"] == total
    assert alice.get("/analytics/usage").json()["usage"] == total * 1000
    for grouping in ("instance", "backend", "user_id", "plan"):
        data = alice.get("/analytics/usage_grouped", group_by=grouping).json()["data"]
        assert sum(each["usage"] for each in data) == total * 1000, grouping


def test_it_tells_jobs_batches_and_sessions_apart(alice: Caller, backend: Backend, time: Time) -> None:
    made = work(alice, backend, time)
    told = alice.get("/analytics/usage").json()
    assert (told["jobs"], told["individual_jobs"], told["individual_jobs_usage"]) == (2, 1, 5000)
    assert (told["sessions"], told["sessions_usage"], told["max_sessions_usage"]) == (2, 303_000, 301_000)
    assert (told["dedicated_sessions_usage"], told["batch_sessions_usage"]) == (301_000, 2000)
    assert told["reservations"] == 0
    lines = alice.get("/instances/ledger").json()["lines"]
    assert [(line["kind"], line["session_id"]) for line in lines] == [
        ("job", made["batch"]),
        ("session", made["session"]),
        ("job", None),
    ]
    assert lines[2] | {"id": 0} == {
        "id": 0,
        "kind": "job",
        "subject": made["job"],
        "session_id": None,
        "backend": backend.name,
        "user_id": str(alice.user.pk),
        "since": "2026-11-21T12:00:01.000000Z",
        "charged_at": "2026-11-21T12:00:06.000000Z",
        "seconds": 5.0,
    }


def test_it_filters_what_it_adds_up(alice: Caller, backend: Backend, time: Time) -> None:
    made = work(alice, backend, time)
    asked = {
        "backend": (backend.name, 306_000),
        "user_id": (alice.user.pk, 308_000),
        "simulators": ("false", 306_000),
        "interval_start": ("2026-11-21T12:00:10Z", 303_000),
        "interval_end": ("2026-11-21T12:00:10Z", 5000),
    }
    for name, (value, usage) in asked.items():
        assert alice.get("/analytics/usage", **{name: value}).json()["usage"] == usage, name
    assert alice.get("/analytics/usage", user_id=alice.user.pk + 1).json()["usage"] == 0
    both = alice.get("/analytics/usage", backend=[backend.name, made["simulator"]])
    assert both.json()["usage"] == 308_000


def test_it_adds_up_by_day(alice: Caller, backend: Backend, time: Time) -> None:
    for day, seconds in ((0, 5.0), (1, 7.0)):
        time.seconds = day * DAY
        alice = signed_in_again(alice, day * DAY)
        post_job(alice, backend)
        worker = Worker(backend, when=day * DAY)
        worker.start(day * DAY)
        worker.turn(day * DAY + 10, end="completed", quantum_seconds=seconds)
    time.seconds = 2 * DAY
    alice = signed_in_again(alice, 2 * DAY)
    told = alice.get("/analytics/usage_grouped_by_date", group_by="backend").json()
    assert [(each["interval_start"][:10], each["key"], each["usage"]) for each in told["data"]] == [
        ("2026-11-21", backend.name, 5000),
        ("2026-11-22", backend.name, 7000),
    ]
    assert told["interval_end"] == "2026-11-23T12:00:00.000000Z"
    filters = alice.get("/analytics/filters").json()
    assert filters["backends"] == [{"name": backend.name}]
    assert filters["users"] == [{"id": str(alice.user.pk)}]


def test_it_pages_through_the_ledger_without_a_gap(alice: Caller, backend: Backend, time: Time) -> None:
    worker = Worker(backend)
    for _ in range(5):
        post_job(alice, backend)
        worker.start(1)
        worker.turn(2, end="completed")
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        body = alice.get("/instances/ledger", limit=2, cursor=cursor).json()
        seen += [line["id"] for line in body["lines"]]
        cursor = body["next"]
    assert len(seen) == body["count"] == 5
    assert seen == sorted(seen, reverse=True)


def test_it_sorts_and_filters_the_ledger(alice: Caller, backend: Backend, time: Time) -> None:
    def lines(**query: Any) -> list[Any]:
        found = alice.get("/instances/ledger", **query).json()["lines"]
        return [(line["seconds"], line["kind"]) for line in found]

    worker = Worker(backend)
    for number, seconds in enumerate((2.0, 3.0, 1.0)):
        post_job(alice, backend)
        worker.start(10 * number)
        worker.turn(10 * number + 5, end="completed", quantum_seconds=seconds)
    assert lines(sort="seconds") == [(1.0, "job"), (2.0, "job"), (3.0, "job")]
    assert lines(sort="-charged_at") == lines() == [(1.0, "job"), (3.0, "job"), (2.0, "job")]
    assert lines(charged_after=at(12).isoformat(), charged_before=at(20).isoformat()) == [(3.0, "job")]
    assert lines(kind="session") == lines(backend="another") == lines(session_id="none") == []
    assert len(lines(kind="job", backend=backend.name)) == 3


def test_it_counts_what_runs_in_what_the_client_reads(alice: Caller, backend: Backend, time: Time) -> None:
    limit(alice, usage_limit_seconds=10)
    post_job(alice, backend)
    Worker(backend).start(1)
    time.seconds = 9
    assert alice.get("/instances/usage").json()["usage_limit_reached"] is False
    time.seconds = 11
    body = alice.get("/instances/usage").json()
    assert (body["usage_consumed_seconds"], body["usage_limit_reached"]) == (10, True)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/analytics/usage", {"interval_start": "tomorrow"}),
        ("/analytics/usage", {"interval_start": "2026-11-22T00:00:00Z"}),
        ("/analytics/usage", {"interval_start": "2020-01-01T00:00:00Z"}),
        ("/analytics/usage", {"user_id": "alice"}),
        ("/analytics/usage", {"simulators": "perhaps"}),
        ("/analytics/usage_grouped", {"group_by": "weather"}),
        ("/instances/ledger", {"limit": "0"}),
        ("/instances/ledger", {"cursor": "x"}),
        ("/instances/ledger", {"kind": "tip"}),
    ],
)
def test_it_refuses_questions_that_make_no_sense(alice: Caller, path: str, query: dict[str, str]) -> None:
    assert refusal(alice.get(path, **query)) == (400, 1210)


# --- Limits ---


def test_it_tells_the_instance_and_its_limits(alice: Caller, backend: Backend) -> None:
    limit(alice, usage_allocation_seconds=600, usage_limit_seconds=500, max_pending_jobs=3)
    told = alice.get("/instance").json()
    assert (told["backends"], told["plan_id"]) == ([backend.name], "plan-open")
    assert (told["instance_limit_seconds"], told["usage_allocation_seconds"]) == (500, 600)
    body = alice.get("/instances/configuration").json()
    assert body == {
        "instance_limit": 500,
        "over_limit": "wait",
        "max_pending_jobs": 3,
        "max_open_sessions": None,
        "usage_consumed_seconds": 0,
        "usage_remaining_seconds": 500,
        "resumes_at": None,
    }


def test_a_manager_changes_the_limit_within_the_allocation(manager: Caller) -> None:
    limit(manager, usage_allocation_seconds=600)
    change = {"instance_limit": 500, "over_limit": "refuse"}
    assert manager.put("/instances/configuration", change).status_code == 204
    found = Instance.objects.get(pk=manager.instance.pk)
    assert (found.usage_limit_seconds, found.over_limit) == (500, "refuse")
    for beyond in (601, None):
        assert refusal(manager.put("/instances/configuration", {"instance_limit": beyond})) == (409, 1409)
    entry = AuditEntry.objects.get(action__startswith="instance")
    assert (entry.action, entry.actor) == ("instance.limits_changed", manager.user)
    assert entry.after == {"usage_limit_seconds": 500, "over_limit": "refuse"}


def test_it_leaves_alone_what_a_change_does_not_name(manager: Caller) -> None:
    limit(manager, usage_limit_seconds=500)
    assert manager.put("/instances/configuration", {"over_limit": "refuse"}).status_code == 204
    assert Instance.objects.get(pk=manager.instance.pk).usage_limit_seconds == 500
    assert manager.put("/instances/configuration", {"instance_limit": None}).status_code == 204
    assert Instance.objects.get(pk=manager.instance.pk).usage_limit_seconds is None


def test_it_leaves_the_other_limits_to_operators(alice: Caller, manager: Caller) -> None:
    assert refusal(alice.put("/instances/configuration", {"instance_limit": 1}))[0] == 403
    assert refusal(manager.put("/instances/configuration", {"max_pending_jobs": 1}))[0] == 403
    olga = make_caller(manager.instance, None, is_operator=True)
    change = {"max_pending_jobs": 1, "max_open_sessions": 2, "instance_limit": 10_000}
    assert olga.put("/instances/configuration", change).status_code == 204
    found = Instance.objects.get(pk=manager.instance.pk)
    assert (found.max_pending_jobs, found.max_open_sessions) == (1, 2)


@pytest.mark.parametrize(
    "body",
    [
        {"instance_limit": -1},
        {"instance_limit": 10**12},
        {"instance_limit": "much"},
        {"over_limit": "beg"},
        {"over_limit": None},
        {"nothing": 1},
        [],
    ],
)
def test_it_refuses_limits_that_make_no_sense(manager: Caller, body: Any) -> None:
    assert refusal(manager.put("/instances/configuration", body))[0] == 400
    assert not AuditEntry.objects.filter(action__startswith="instance").exists()


def test_it_answers_a_submission_over_a_limit_with_when_to_come_back(
    alice: Caller, backend: Backend, time: Time
) -> None:
    limit(alice, usage_limit_seconds=5, over_limit="refuse", max_pending_jobs=1)
    post_job(alice, backend)
    crowded = alice.post("/jobs", job_of(backend))
    assert (refusal(crowded), crowded["Retry-After"]) == ((429, 10012), "60")
    worker = Worker(backend)
    worker.start(1)
    worker.turn(6, end="completed", quantum_seconds=5.0)
    time.seconds = 10
    answer = alice.post("/jobs", job_of(backend))
    assert refusal(answer) == (409, 10011)
    assert answer["Retry-After"] == str(int(28 * DAY - 10))
    assert "has time again at 2026-12-19 12:00 UTC" in message(answer)
    assert Job.objects.count() == 1


def test_it_tells_a_waiting_job_when_its_instance_has_time_again(
    alice: Caller, backend: Backend, time: Time
) -> None:
    limit(alice, usage_limit_seconds=5)
    worker = Worker(backend)
    post_job(alice, backend)
    worker.start(1)
    worker.turn(6, end="completed", quantum_seconds=5.0)
    waiting = post_job(alice, backend)
    time.seconds = 10
    told = alice.get(f"/jobs/{waiting}/queue").json()
    assert (told["reason"], told["until"]) == ("instance_limit", "2026-12-19T12:00:00.000000Z")
    assert alice.get("/instances/configuration").json()["resumes_at"] == told["until"]
    assert START + timedelta(days=28) == at(28 * DAY)
