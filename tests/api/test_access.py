"""Who may call: 401 without a credential, 403 without the role, 404 for what is another's."""

from datetime import timedelta
from typing import Any

import pytest

from quantumsvc.accounts.models import Instance, Membership
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import archive_instance, issue_key, revoke_key
from quantumsvc.accounts.tokens import issue_token
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Session
from tests.api.callers import Caller, make_caller, message, refusal
from tests.api.conftest import Time
from tests.api.work import job_of, post_job, post_session
from tests.factories import START, at, make_instance

READS = ["/backends", "/instances/usage", "/jobs", "/jobs/x", "/jobs/x/results", "/sessions/x"]


def writes(backend: Backend, job: str = "x", session: str = "x") -> list[tuple[str, str, Any]]:
    """Every call that changes something."""
    return [
        ("POST", "/jobs", job_of(backend)),
        ("POST", "/sessions", {"backend": backend.name}),
        ("PATCH", f"/sessions/{session}", {"accepting_jobs": False}),
        ("DELETE", f"/sessions/{session}/close", None),
        ("POST", f"/sessions/{session}/extend", {"max_ttl": 28_800}),
        ("POST", f"/jobs/{job}/cancel", None),
        ("PUT", f"/jobs/{job}/tags", {"tags": ["x"]}),
        ("DELETE", f"/jobs/{job}", None),
    ]


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer a.b.c",
        "apikey qs_" + "x" * 43,
        "apikey test-key",
        "Basic YTpi",
        "Bearer " + "x" * 10_000,
        "apikey \x00",
        "Bearer é.ü.ß",
    ],
)
def test_it_asks_everybody_for_a_credential(alice: Caller, backend: Backend, credential: str) -> None:
    caller = alice.having(Authorization=credential)
    for path in READS:
        answer = caller.get(path)
        assert refusal(answer) == (401, 1201)
        assert answer["WWW-Authenticate"].startswith("Bearer")
    for method, path, body in writes(backend):
        assert refusal(caller.call(method, path, body)) == (401, 1201)
    assert not Job.objects.exists()


def test_it_asks_those_who_send_no_header_at_all(alice: Caller) -> None:
    del alice.headers["Authorization"]
    assert refusal(alice.get("/backends")) == (401, 1201)


def test_it_refuses_a_revoked_key_and_its_tokens_at_once(alice: Caller) -> None:
    key = alice.having(Authorization=f"apikey {alice.issued.text}")
    assert {caller.get("/jobs").status_code for caller in (alice, key)} == {200}
    revoke_key(key=alice.issued.key, now=START)
    for caller in (alice, key):
        assert refusal(caller.get("/jobs")) == (401, 1201)


def test_it_refuses_an_expired_key_and_its_tokens(alice: Caller, time: Time) -> None:
    issued = issue_key(user=alice.user, name="short", now=START, expires_at=START + timedelta(minutes=5))
    token = issue_token(alice.user, issued.key, START)["access_token"]
    callers = [alice.having(Authorization=text) for text in (f"apikey {issued.text}", f"Bearer {token}")]
    time.seconds = 299
    assert {caller.get("/jobs").status_code for caller in callers} == {200}
    time.seconds = 300
    for caller in callers:
        assert refusal(caller.get("/jobs")) == (401, 1201)


def test_it_refuses_an_expired_token(alice: Caller, time: Time) -> None:
    time.seconds = 3700
    assert refusal(alice.get("/jobs")) == (401, 1201)
    assert alice.having(Authorization=f"apikey {alice.issued.text}").get("/jobs").status_code == 200


def test_it_refuses_a_suspended_user(alice: Caller) -> None:
    alice.user.is_active = False
    alice.user.save()
    assert refusal(alice.get("/jobs")) == (401, 1201)


@pytest.mark.parametrize("crn", ["crn:v1:nothing", "nonsense", "x" * 5000, "é"])
def test_it_refuses_an_instance_that_is_not_the_callers(
    alice: Caller, stranger: Caller, backend: Backend, crn: str
) -> None:
    for asked in (crn, stranger.instance.crn):
        caller = alice.having(Service_CRN=asked)
        assert refusal(caller.get("/backends")) == (403, 1201)
        assert refusal(caller.post("/jobs", job_of(backend)))[0] == 403
    assert not Job.objects.exists()


def test_it_says_the_same_of_unknown_and_of_foreign_instances(alice: Caller) -> None:
    foreign = make_instance().crn
    unknown = foreign.replace("acct:", "acct:9")
    said = [
        message(alice.having(Service_CRN=crn).get("/jobs")).replace(crn, "CRN") for crn in (foreign, unknown)
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize("crn", [None, "", "   "])
def test_it_needs_an_instance(alice: Caller, backend: Backend, crn: str | None) -> None:
    if crn is None:
        del alice.headers["Service-CRN"]
    else:
        alice.headers["Service-CRN"] = crn
    for path in READS:
        assert refusal(alice.get(path)) == (400, 1210)
    for method, path, body in writes(backend):
        assert refusal(alice.call(method, path, body)) == (400, 1210)


def test_it_lets_a_reader_only_look(rita: Caller, alice: Caller, backend: Backend) -> None:
    job, session = post_job(alice, backend), post_session(alice, backend)
    before = (Job.objects.values().get(), Session.objects.values().get())
    for path in ("/backends", "/jobs", f"/jobs/{job}", f"/jobs/{job}/metrics", f"/sessions/{session}"):
        assert rita.get(path).status_code == 200
    for method, path, body in writes(backend, job, session):
        assert refusal(rita.call(method, path, body)) == (403, 1200)
    assert before == (Job.objects.values().get(), Session.objects.values().get())


def test_it_lets_everybody_only_look_at_an_archived_instance(
    max_: Caller, lab: Instance, backend: Backend
) -> None:
    job, session = post_job(max_, backend), post_session(max_, backend)
    archive_instance(instance=lab, now=at(1))
    assert max_.get(f"/jobs/{job}").status_code == 200
    for method, path, body in writes(backend, job, session):
        assert refusal(max_.call(method, path, body)) == (403, 1200)


def test_it_forgets_a_member_who_left(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend)
    Membership.objects.filter(user=alice.user).delete()
    assert refusal(alice.get(f"/jobs/{ident}"))[0] == 403


def test_it_keeps_two_instances_of_one_user_apart(alice: Caller, backend: Backend) -> None:
    second = make_instance()
    Membership.objects.create(user=alice.user, instance=second, role=Role.WRITER.value)
    ident, session = post_job(alice, backend), post_session(alice, backend)
    there = alice.having(Service_CRN=second.crn)
    assert there.get("/jobs").json()["jobs"] == []
    for path in (f"/jobs/{ident}", f"/jobs/{ident}?exclude_params=true", f"/sessions/{session}"):
        assert refusal(there.get(path))[0] == 404
    assert refusal(there.post("/jobs", job_of(backend, session_id=session)))[0] == 404


def test_it_lets_operators_act_in_every_instance_they_name(
    lab: Instance, alice: Caller, backend: Backend
) -> None:
    operator = make_caller(lab, role=None, is_operator=True)
    ident = post_job(alice, backend)
    assert operator.get(f"/jobs/{ident}").status_code == 200
    assert operator.post(f"/jobs/{ident}/cancel").status_code == 204
    assert operator.delete(f"/jobs/{ident}").status_code == 204
    elsewhere = operator.having(Service_CRN=make_instance().crn)
    assert elsewhere.get("/jobs").json()["jobs"] == []


def test_it_never_needs_cookies(alice: Caller, backend: Backend) -> None:
    answer = alice.post("/jobs", job_of(backend))
    assert not answer.cookies
    assert "Vary" not in answer.headers or "Cookie" not in answer["Vary"]
