"""Calls of old clients: which instance they are about, and where they differ from today's."""

from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import clear_url_caches

from quantumsvc import urls
from quantumsvc.accounts.hubs import hub_path
from quantumsvc.accounts.models import Membership
from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import Job, Session
from tests.api.callers import Caller, message, refusal
from tests.api.work import SAMPLER, job_of, post_job
from tests.factories import START, make_backend, make_instance
from tests.legacy.conftest import hub, of_old
from tests.services.worker import Worker

FIRST = {
    "circuits": [{"__type__": "QuantumCircuit", "__value__": "eJw"}],
    "parameter_values": [[]],
    "run_options": {"shots": 100},
}


def first(backend: Backend, caller: Caller, **over: Any) -> dict[str, Any]:
    """A sampler job of version 1."""
    return job_of(backend, params=FIRST | over.pop("params", {}), **hub(caller.instance), **over)


def test_it_takes_version_1_from_old_clients_only(alice: Caller, old: Caller, simulator: Backend) -> None:
    assert old.post("/jobs", first(simulator, old)).status_code == 200
    assert refusal(alice.post("/jobs", first(simulator, old))) == (400, 8011)
    assert Job.objects.count() == 1


def test_it_takes_version_2_from_old_clients_too(old: Caller, simulator: Backend) -> None:
    assert old.post("/jobs", job_of(simulator, params=SAMPLER)).status_code == 200


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"run_options": {"shots": 0}}, 6000),
        ({"run_options": {"shots": 10**7}}, 6001),
        ({"circuits": []}, 8020),
        ({"circuit_indices": [0] * 400}, 8020),
        ({"circuits": None}, 8010),
        ({"circuits": {}}, 8011),
        ({"run_options": []}, 8011),
        ({"pubs": []}, 8010),
    ],
)
def test_it_looks_at_the_outline_before_it_stores(
    old: Caller, simulator: Backend, params: dict[str, Any], code: int
) -> None:
    status, found = refusal(old.post("/jobs", first(simulator, old, params=params)))
    assert status == 400
    assert found in {code, 8010, 8011} if code in {8010, 8011} else found == code
    assert not Job.objects.exists()


def test_it_reads_a_submission_without_a_content_type(old: Caller, simulator: Backend) -> None:
    answer = old.post("/jobs", first(simulator, old), content_type="")
    assert answer.status_code == 200


def test_it_puts_a_job_where_its_sender_says(old: Caller, simulator: Backend) -> None:
    other = make_instance(plan="premium")
    Membership.objects.create(user=old.user, instance=other, role="writer")
    for instance in (old.instance, other):
        ident = old.post("/jobs", job_of(simulator, **hub(instance))).json()["id"]
        assert Job.objects.get(pk=ident).instance == instance
    session = old.post("/sessions", {"backend": simulator.name, "instance": hub_path(other)}).json()["id"]
    assert Session.objects.get(pk=session).instance == other
    ident = old.post("/jobs", job_of(simulator, session_id=session)).json()["id"]
    assert Job.objects.get(pk=ident).instance == other


@pytest.mark.parametrize(
    "name", ["acct/main/nothing", "acct/other/{}", "{}", "a/b", "a/main/\0", "x" * 700, "/main/"]
)
def test_it_knows_no_instance_that_is_not_theirs(old: Caller, simulator: Backend, name: str) -> None:
    make_instance(name="nothing")
    path = name.format(old.instance.name)
    assert refusal(old.post("/sessions", {"backend": simulator.name, "instance": path}))[0] == 404
    assert refusal(old.get("/backends", provider=path))[0] == 404
    assert not Session.objects.exists()


def test_it_lets_a_reader_read_only(rita: Caller, old: Caller, simulator: Backend) -> None:
    ident = post_job(old, simulator)
    reader = of_old(rita)
    assert reader.get(f"/jobs/{ident}").status_code == 200
    assert refusal(reader.post(f"/jobs/{ident}/cancel"))[0] == 403
    assert refusal(reader.post("/jobs", job_of(simulator)))[0] == 403


def test_it_lists_jobs_of_all_instances_until_one_is_named(old: Caller, simulator: Backend) -> None:
    other = make_instance()
    Membership.objects.create(user=old.user, instance=other, role="writer")
    for instance in (old.instance, other):
        post_job(old, simulator, **hub(instance))
    assert old.get("/jobs").json()["count"] == 2
    named = old.get("/jobs", provider=hub_path(other), exclude_params="False").json()
    assert [named["count"], len(named["jobs"])] == [1, 1]


def test_it_shows_params_to_their_author_only(old: Caller, bob: Caller, simulator: Backend) -> None:
    """Clients up to 0.17 run code that params name: nobody reads there what somebody else wrote."""
    hostile = {
        "__type__": "settings",
        "__module__": "subprocess",
        "__class__": "Popen",
        "__value__": {"args": "x"},
    }
    ident = post_job(old, simulator, params={**FIRST, "observables": [hostile]})
    assert old.get(f"/jobs/{ident}").json()["params"]["observables"] == [hostile]
    seen = of_old(bob).get(f"/jobs/{ident}")
    assert seen.json()["params"] == {}
    assert b"Popen" not in seen.content
    assert bob.get(f"/jobs/{ident}").json()["params"]["observables"] == [hostile], (
        "today's clients don't run it"
    )


def test_it_tells_frequencies_as_defaults(old: Caller, simulator: Backend) -> None:
    chip = make_backend()
    values = (
        '{"qubits":[[{"name":"frequency","unit":"GHz","value":5.1}],[{"name":"T1","unit":"us","value":9}]]}'
    )
    CalibrationSet.objects.create(backend=chip, taken_at=START, properties=values)
    assert old.get(f"/backends/{chip.name}/defaults").json()["qubit_freq_est"] == [5.1, 0.0]
    assert old.get(f"/backends/{simulator.name}/defaults").json() == {}


def test_it_lists_backends_by_name(old: Caller, simulator: Backend) -> None:
    assert old.get("/backends", provider=hub_path(old.instance)).json() == {"devices": [simulator.name]}


def test_it_finds_an_instance_that_may_use_the_backend(old: Caller) -> None:
    closed, other = make_backend(open_to_all=False), make_instance(plan="premium")
    assert refusal(old.get(f"/backends/{closed.name}/status"))[0] == 404
    Membership.objects.create(user=old.user, instance=other, role="writer")
    closed.grants.create(instance=other)
    assert old.get(f"/backends/{closed.name}/status").status_code == 200
    ident = old.post("/jobs", job_of(closed)).json()["id"]
    assert Job.objects.get(pk=ident).instance == other


def test_it_tells_usage_and_pending_jobs_by_instance(old: Caller, simulator: Backend) -> None:
    post_job(old, simulator)
    found = old.get("/usage").json()["byInstance"]
    assert [(each["instance"], each["pendingJobs"]) for each in found] == [(hub_path(old.instance), 1)]
    assert found[0]["pendingJobs"] < found[0]["maxPendingJobs"]


def test_it_has_no_interim_results(old: Caller, old_stranger: Caller, simulator: Backend) -> None:
    ident = post_job(old, simulator)
    assert old.get(f"/jobs/{ident}/interim_results").content == b""
    assert refusal(old_stranger.get(f"/jobs/{ident}/interim_results"))[0] == 404


def test_it_closes_for_newer_clients_and_cancels_for_those_before(old: Caller, simulator: Backend) -> None:
    closed, cancelled = (
        old.post("/jobs", job_of(simulator, start_session=True, session_time=600)).json()["id"]
        for _ in range(2)
    )
    assert old.patch(f"/sessions/{closed}", {"accepting_jobs": False}).status_code == 204
    assert old.patch(f"/sessions/{closed}", {"accepting_jobs": False}).status_code == 204, (
        "0.2x sends it twice"
    )
    assert old.delete(f"/sessions/{cancelled}/close").status_code == 204
    assert [Job.objects.get(pk=ident).state for ident in (closed, cancelled)] == ["queued", "failed"]


def test_it_chooses_a_backend_for_the_cloud_channel(alice: Caller, simulator: Backend) -> None:
    """With key and CRN in the headers; the least busy device, and a simulator only where there is none."""
    cloud = alice.based("/legacy/experimental").having(Authorization=f"apikey {alice.issued.text}")
    unnamed = {"program_id": "sampler", "params": FIRST}
    assert cloud.post("/jobs", unnamed).json()["backend"] == simulator.name
    small, large = make_backend(qubits=5), make_backend(qubits=27)
    assert cloud.post("/jobs", unnamed).json()["backend"] == large.name
    assert cloud.post("/jobs", unnamed).json()["backend"] == small.name, "the other one has a job before it"
    Backend.objects.update(is_online=False)
    assert refusal(cloud.post("/jobs", unnamed)) == (404, 1007)


def test_it_gives_an_estimate_the_name_that_all_clients_know(alice: Caller, simulator: Backend) -> None:
    ident = post_job(alice, simulator)
    worker = Worker(simulator)
    worker.start(1)
    worker.turn(2, end="completed", result=b'{"__type__":"EstimatorPubResult","__value__":{}}')
    old_version = alice.having(IBM_API_Version="")
    assert b'"EstimatorPubResult"' in alice.get(f"/jobs/{ident}/results").content
    assert b'"__type__":"PubResult"' in old_version.get(f"/jobs/{ident}/results").content


OBJECTS = {
    "jobs/{job}": ("GET", "DELETE"),
    "jobs/{job}/cancel": ("POST",),
    "jobs/{job}/results": ("GET",),
    "jobs/{job}/interim_results": ("GET",),
    "jobs/{job}/metrics": ("GET",),
    "jobs/{job}/logs": ("GET",),
    "jobs/{job}/tags": ("PUT",),
    "sessions/{session}": ("GET", "PATCH"),
    "sessions/{session}/close": ("DELETE",),
    "backends/{backend}/configuration": ("GET",),
    "backends/{backend}/properties": ("GET",),
    "backends/{backend}/status": ("GET",),
    "backends/{backend}/defaults": ("GET",),
}


@pytest.mark.parametrize("base", ["/legacy", "/legacy/experimental"])
@pytest.mark.parametrize("route", OBJECTS)
def test_it_answers_404_to_a_stranger(old: Caller, old_stranger: Caller, route: str, base: str) -> None:
    closed = make_backend(open_to_all=False)
    closed.grants.create(instance=old.instance)
    job = post_job(old, closed, tags=["secret"])
    session = old.post("/sessions", {"backend": closed.name, "instance": hub_path(old.instance)}).json()["id"]
    names = {"job": job, "session": session, "backend": closed.name}
    bodies: dict[str, Any] = {"PATCH": {"accepting_jobs": False}, "PUT": {"tags": []}}
    for method in OBJECTS[route]:
        known = old_stranger.based(base).call(method, f"/{route.format(**names)}", bodies.get(method))
        never = dict.fromkeys(names, "nothing")
        unknown = old_stranger.based(base).call(method, f"/{route.format(**never)}", bodies.get(method))
        assert refusal(known)[0] == 404
        assert known.json()["errors"] == unknown.json()["errors"]
    assert Job.objects.get().tags == ["secret"]


def test_it_lists_nothing_foreign(old: Caller, old_stranger: Caller, simulator: Backend) -> None:
    post_job(old, simulator)
    assert old_stranger.get("/jobs").json()["count"] == 0
    assert hub_path(old.instance) not in old_stranger.get("/usage").content.decode()
    assert refusal(old_stranger.post("/jobs", first(simulator, old)))[0] == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"backend":1}', b"\xff", b"[" * 100_000, b'{"hub":{}}'])
def test_it_refuses_a_submission_that_is_none(old: Caller, simulator: Backend, body: bytes) -> None:
    for path in ("/jobs", "/sessions"):
        assert refusal(old.post(path, body))[0] in {400, 404}
    assert not Job.objects.exists()


def test_it_answers_unknown_addresses_in_the_shape_of_the_api(old: Caller) -> None:
    assert refusal(old.get("/programs"))[0] == 404
    assert message(old.based("/auth").get("/nothing"))


class Unmounted:
    """The addresses of an installation that leaves old clients out."""

    urlpatterns = [each for each in urls.urlpatterns if each not in urls.OLD_CLIENTS]
    handler404 = urls.handler404


def test_it_is_a_part_that_can_be_left_out(old: Caller) -> None:
    with override_settings(ROOT_URLCONF=Unmounted):
        clear_url_caches()
        assert Client().get("/auth/version").status_code == 404
        assert Client().get("/legacy/jobs").status_code == 404
    clear_url_caches()
    assert old.get("/jobs").status_code == 200
