"""``/backends`` and what is below it, and ``/instances/usage`` (protocol rows 4 to 8)."""

import json
from datetime import timedelta

import pytest

from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import Job, UsageBucket
from sessions_app.services.deleting import delete_job
from sessions_app.services.ledger import expire
from sessions_app.services.submission import Author
from tests.api.callers import Caller, refusal
from tests.api.conftest import Time
from tests.factories import START, at, make_backend, make_instance, submit
from tests.services.worker import Worker


def test_it_describes_each_backend(alice: Caller, backend: Backend) -> None:
    (device,) = alice.get("/backends", include_mocks="True").json()["devices"]
    assert device["name"] == backend.name
    assert device["status"] == {"name": "online", "reason": "available"}
    assert device["queue_length"] == 0
    assert device["qubits"] == device["physical_qubits"] == 5
    assert device["is_simulator"] is False
    assert isinstance(device["wait_time_seconds"]["average"], int | float)
    assert "class" not in device


@pytest.mark.parametrize(
    ("version", "names_only"),
    [
        ("2026-04-15", False),
        ("2025-01-01", False),
        ("2025-05-01", False),
        ("2024-01-01", True),
        ("2024-12-31", True),
        ("", True),
    ],
)
def test_it_lists_names_to_old_clients(
    alice: Caller, backend: Backend, version: str, names_only: bool
) -> None:
    (device,) = alice.having(IBM_API_Version=version).get("/backends").json()["devices"]
    assert (device == backend.name) is names_only


def test_it_takes_a_client_without_a_version_for_the_oldest(alice: Caller, backend: Backend) -> None:
    del alice.headers["IBM-API-Version"]
    assert alice.get("/backends").json() == {"devices": [backend.name]}


def test_it_hides_mocks_until_they_are_asked_for(alice: Caller, backend: Backend) -> None:
    mock = make_backend(kind="mock")
    assert [one["name"] for one in alice.get("/backends").json()["devices"]] == [backend.name]
    shown = {one["name"]: one for one in alice.get("/backends", include_mocks="True").json()["devices"]}
    assert set(shown) == {backend.name, mock.name}
    assert shown[mock.name]["class"] == "mock"


def test_it_sorts_and_filters_and_tells_a_part_where_one_is_asked_for(alice: Caller) -> None:
    def names(**query: object) -> list[str]:
        answer = alice.get("/backends", **query)
        assert answer.status_code == 200, answer.content
        return [each["name"] for each in answer.json()["devices"]]

    for name, qubits, over in (
        ("a", 7, {}),
        ("b", 5, {"is_online": False}),
        ("c", 5, {"is_paused": True}),
        ("d", 30, {"kind": "simulator"}),
    ):
        make_backend(name=name, qubits=qubits, **over)
    assert names() == names(sort="name") == ["a", "b", "c", "d"]
    assert names(sort="-qubits") == ["d", "a", "c", "b"]
    assert (names(status="online"), names(status="paused"), names(status="offline")) == (
        ["a", "d"],
        ["c"],
        ["b"],
    )
    assert (names(simulator="true"), names(min_qubits=6)) == (["d"], ["a", "d"])
    assert set(alice.get("/backends").json()) == {"devices"}
    first = alice.get("/backends", limit=3, sort="qubits").json()
    assert ([each["name"] for each in first["devices"]], first["count"]) == (["b", "c", "a"], 4)
    assert names(limit=3, sort="qubits", cursor=first["next"]) == ["d"]


def test_it_lists_only_what_the_instance_may_use(alice: Caller, stranger: Caller) -> None:
    closed = make_backend(open_to_all=False)
    closed.grants.create(instance=alice.instance)
    assert [one["name"] for one in alice.get("/backends").json()["devices"]] == [closed.name]
    assert stranger.get("/backends").json() == {"devices": []}
    for call in ("configuration", "properties", "status", "defaults"):
        assert alice.get(f"/backends/{closed.name}/{call}").status_code == 200
        assert refusal(stranger.get(f"/backends/{closed.name}/{call}")) == (404, 1007)


@pytest.mark.parametrize(
    ("over", "word", "status", "state"),
    [
        ({}, "online", "active", True),
        ({"is_paused": True}, "paused", "paused", True),
        ({"is_online": False}, "offline", "offline", False),
        ({"is_online": False, "is_paused": True}, "offline", "offline", False),
    ],
)
def test_it_tells_how_a_backend_is(
    alice: Caller, backend: Backend, over: dict[str, bool], word: str, status: str, state: bool
) -> None:
    Backend.objects.update(status_message="being cooled", **over)
    (device,) = alice.get("/backends").json()["devices"]
    assert device["status"] == {"name": word, "reason": "being cooled"}
    assert alice.get(f"/backends/{backend.name}/status").json() == {
        "state": state,
        "status": status,
        "message": "being cooled",
        "length_queue": 0,
        "backend_version": "1.0.0",
    }


def test_it_counts_waiting_and_running_jobs_of_all_instances(
    alice: Caller, stranger: Caller, backend: Backend
) -> None:
    for caller in (alice, stranger, stranger):
        submit(Author(user=caller.user, instance=caller.instance), backend)
    Worker(backend).start(1)
    assert alice.get(f"/backends/{backend.name}/status").json()["length_queue"] == 3
    device = alice.get("/backends").json()["devices"][0]
    assert device["queue_length"] == 3
    assert device["wait_time_seconds"] == {"average": 360.0}, "of a program that never ran here"
    Job.objects.filter(state="queued").update(state="cancelled", finished_at=at(2))
    assert alice.get(f"/backends/{backend.name}/status").json()["length_queue"] == 1


def test_it_serves_the_configuration_as_it_is_stored(alice: Caller, backend: Backend) -> None:
    text = '{"n_qubits":5, "gates": [1.50, {"z":1,"a":2}]}'
    Backend.objects.update(configuration=text)
    answer = alice.get(f"/backends/{backend.name}/configuration")
    assert (answer.content.decode(), answer["Content-Type"]) == (text, "application/json")


def test_it_finds_properties_by_time_and_by_set(alice: Caller, backend: Backend, time: Time) -> None:
    old = CalibrationSet.objects.get()
    CalibrationSet.objects.update(properties='{"which": "old"}')
    new = CalibrationSet.objects.create(backend=backend, taken_at=at(100), properties='{"which": "new"}')
    address = f"/backends/{backend.name}/properties"

    def which(**query: str) -> object:
        return alice.get(address, **query).json().get("which")

    assert which() == "old", "the new set is not in force yet"
    time.seconds = 200
    assert which() == "new"
    assert which(updated_before="2026-11-21T12:01:39Z") == "old"
    assert which(updated_before="2026-11-21T12:01:40Z") == "new"
    assert which(updated_before="2026-11-21T13:01:40+01:00") == "new"
    assert which(updated_before="2026-11-21T12:01:40") == "new", "without a zone it is UTC"
    assert which(calibration_id=old.pk) == "old"
    assert which(calibration_id=new.pk, updated_before="2020-01-01") == "new"
    assert alice.get(address, updated_before="2020-01-01").json() == {}


def test_it_says_nothing_of_backends_without_calibration(alice: Caller, backend: Backend) -> None:
    CalibrationSet.objects.all().delete()
    assert alice.get(f"/backends/{backend.name}/properties").json() == {}


def test_it_refuses_a_calibration_set_of_another_backend(alice: Caller, backend: Backend) -> None:
    make_backend()
    foreign = CalibrationSet.objects.exclude(backend=backend).get()
    for call in ("configuration", "properties"):
        for ident in (foreign.pk, "nonsense", "x" * 500):
            answer = alice.get(f"/backends/{backend.name}/{call}", calibration_id=ident)
            assert refusal(answer)[0] == 404


def test_it_has_no_pulse_defaults(alice: Caller, backend: Backend) -> None:
    assert alice.get(f"/backends/{backend.name}/defaults").json() == {}


def test_it_tells_usage_without_limits_that_do_not_exist(alice: Caller) -> None:
    assert alice.get("/instances/usage").json() == {
        "instance_id": alice.instance.crn,
        "plan_id": "plan-open",
        "usage_consumed_seconds": 0,
        "usage_period": {"start_time": "2026-10-24", "end_time": "2026-11-21"},
        "usage_limit_reached": False,
    }


@pytest.mark.parametrize(("used", "reached"), [(599.0, False), (600.0, True), (700.0, True)])
def test_it_tells_usage_and_limits(
    alice: Caller, author: Author, backend: Backend, used: float, reached: bool
) -> None:
    type(alice.instance).objects.update(usage_limit_seconds=600, usage_allocation_seconds=900)
    submit(author, backend)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed", quantum_seconds=used)
    body = alice.get("/instances/usage").json()
    assert body["usage_consumed_seconds"] == used
    assert type(body["usage_consumed_seconds"]) is int
    assert (body["usage_limit_seconds"], body["usage_allocation_seconds"]) == (600, 900)
    assert body["usage_limit_reached"] is reached


def test_it_counts_deleted_jobs_and_none_of_others_or_of_long_ago(
    alice: Caller, author: Author, stranger: Caller, backend: Backend
) -> None:
    foreign = Author(user=stranger.user, instance=stranger.instance)
    jobs = [submit(each, backend, n) for n, each in enumerate((author, foreign, author))]
    worker = Worker(backend)
    worker.start(5)
    for used in (1.0, 10.0, 100.0):
        worker.turn(6, end="completed", quantum_seconds=used)
    delete_job(job=jobs[0], now=at(7), by=jobs[0].user)
    assert alice.get("/instances/usage").json()["usage_consumed_seconds"] == 101
    UsageBucket.objects.update(hour=START - timedelta(days=29))
    expire(START)
    assert alice.get("/instances/usage").json()["usage_consumed_seconds"] == 0


def test_it_offers_the_whole_api_at_both_addresses(alice: Caller, backend: Backend) -> None:
    paths = ["/backends", f"/backends/{backend.name}/status", "/instances/usage", "/jobs"]
    for path in paths:
        assert alice.get(path).json() == alice.based("/api/v1").get(path).json()


def test_it_answers_unknown_addresses_in_the_same_shape(alice: Caller) -> None:
    for base in ("/experimental", "/api/v1", "/api"):
        for path in ("/nothing", "/jobs/", "/backends/x", "/jobs/x/transpiled_circuits", "/sessions/x/jobs"):
            assert refusal(alice.based(base).get(path))[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/backends"),
        ("DELETE", "/jobs"),
        ("GET", "/sessions"),
        ("GET", "/jobs/x/cancel"),
        ("POST", "/jobs/x/tags"),
        ("POST", "/jobs/x"),
        ("PUT", "/sessions/x"),
        ("GET", "/sessions/x/close"),
        ("TRACE", "/jobs"),
    ],
)
def test_it_refuses_methods_that_an_address_does_not_have(alice: Caller, method: str, path: str) -> None:
    assert refusal(alice.call(method, path))[0] == 405


def test_it_writes_no_key_or_name_of_another_tenant_into_an_answer(alice: Caller, backend: Backend) -> None:
    other = make_instance()
    seen = json.dumps(alice.get("/backends").json()) + json.dumps(alice.get("/instances/usage").json())
    assert other.crn not in seen
    assert alice.issued.text not in seen
