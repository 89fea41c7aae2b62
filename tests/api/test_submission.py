"""``POST /jobs`` when all is well (protocol row 13, rules J1, L1, L2, L13)."""

import pytest

from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.errors import ServiceError
from quantumsvc.wire.envelope import seconds_from
from sessions_app.models import Job, JobPayload, Session
from tests.api.callers import Caller, refusal
from tests.api.conftest import Time
from tests.api.work import ESTIMATOR, EXECUTOR, SAMPLER, job_of, nothing_is_stored, post_job, post_session
from tests.factories import at, make_backend, make_instance
from tests.services.worker import Worker


def test_it_accepts_a_job(alice: Caller, backend: Backend) -> None:
    answer = alice.post("/jobs", job_of(backend))
    assert answer.status_code == 200
    body = answer.json()
    assert body == {"id": body["id"], "backend": backend.name, "session_id": None, "private": False}
    assert 0 < len(body["id"]) <= 36
    job = Job.objects.get()
    assert (job.pk, job.state, job.user, job.instance) == (body["id"], "queued", alice.user, alice.instance)
    assert (job.program, job.created_at, job.log_level) == ("sampler", at(0), "WARNING")


@pytest.mark.parametrize(
    ("program", "params"), [("sampler", SAMPLER), ("estimator", ESTIMATOR), ("executor", EXECUTOR)]
)
def test_it_accepts_each_program(
    alice: Caller, backend: Backend, program: str, params: dict[str, object]
) -> None:
    ident = post_job(alice, backend, program_id=program, params=params)
    assert alice.get(f"/jobs/{ident}").json()["program"] == {"id": program}


@pytest.mark.parametrize("program", ["noise-learner", "circuit-runner", "", "Sampler"])
def test_it_refuses_programs_that_are_not_run_here(alice: Caller, backend: Backend, program: str) -> None:
    assert refusal(alice.post("/jobs", job_of(backend, program_id=program))) == (400, 8010)
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "text",
    [
        b'{ "pubs" : [ ["c", null ] ],\n "version":2, "b":1, "a":2, "x":1.50, "y":1E5 }',
        '{"version":2,"pubs":[["c"]],"text":"\u00fc\\u00fc \\/ \\"\U0001f600"}'.encode(),
        b'{"pubs":[["c"]],"version":2,"nul":"a\\u0000b","twice":1,"twice":2}',
        b'{"pubs":[["c"]],"version":2,"big":123456789012345678901234567890,"z":-0.0}',
    ],
)
def test_it_returns_params_byte_for_byte(alice: Caller, backend: Backend, text: bytes) -> None:
    name = backend.name.encode()
    head = b'{"program_id":"sampler", "params":  ' + text + b' ,"backend":"' + name + b'"}'
    ident = alice.post("/jobs", head).json()["id"]
    answer = alice.get(f"/jobs/{ident}")
    assert answer.content.endswith(b',"params":' + text + b"}")
    assert answer["Content-Type"] == "application/json"
    assert bytes(JobPayload.objects.get().params) == text


def test_it_ignores_fields_that_it_does_not_know(alice: Caller, backend: Backend) -> None:
    ident = post_job(alice, backend, hub="ibm-q", group="open", project="main", remote_storage={"a": [1]})
    assert alice.get(f"/jobs/{ident}").json()["params"] == SAMPLER


@pytest.mark.parametrize("level", ["DEBUG", "info", "Warning", "ERROR", "critical"])
def test_it_reads_the_log_level_in_any_case(alice: Caller, backend: Backend, level: str) -> None:
    post_job(alice, backend, log_level=level)
    assert Job.objects.get().log_level == level.upper()


def test_it_keeps_what_the_client_says(alice: Caller, backend: Backend) -> None:
    caller = alice.having(X_Qx_Client_Application="qiskit-version-2/qiskit_ibm_runtime-0.51.0")
    ident = post_job(caller, backend, cost=120, tags=["b", "a"], runtime="image:tag", private=True)
    seen = alice.get(f"/jobs/{ident}", exclude_params="true").json()
    assert (seen["cost"], seen["tags"], seen["runtime"], seen["private"]) == (
        120,
        ["b", "a"],
        "image:tag",
        True,
    )
    caller_seen = alice.get(f"/jobs/{ident}/metrics").json()["caller"]
    assert caller_seen == "qiskit-version-2/qiskit_ibm_runtime-0.51.0"


def test_it_cuts_a_client_name_that_is_too_long(alice: Caller, backend: Backend) -> None:
    post_job(alice.having(X_Qx_Client_Application="x" * 2000), backend)
    assert Job.objects.get().client_application == "x" * 500


@pytest.mark.parametrize("cost", [None, 0])
def test_it_gives_the_default_time_limit(alice: Caller, backend: Backend, cost: int | None) -> None:
    ident = post_job(alice, backend, cost=cost)
    assert alice.get(f"/jobs/{ident}").json()["cost"] == 600


@pytest.mark.parametrize("cost", [-1, 10_801, 10**30])
def test_it_refuses_time_limits_out_of_range(alice: Caller, backend: Backend, cost: int) -> None:
    assert refusal(alice.post("/jobs", job_of(backend, cost=cost))) == (400, 1210)
    assert nothing_is_stored()


def test_it_pins_a_calibration_set(alice: Caller, backend: Backend) -> None:
    first = CalibrationSet.objects.get()
    second = CalibrationSet.objects.create(backend=backend, taken_at=at(-10))
    assert alice.get(f"/jobs/{post_job(alice, backend)}").json()["calibration_id"] == second.pk
    pinned = post_job(alice, backend, calibration_id=first.pk)
    assert alice.get(f"/jobs/{pinned}").json()["calibration_id"] == first.pk
    make_backend()
    foreign = CalibrationSet.objects.exclude(backend=backend).get()
    assert refusal(alice.post("/jobs", job_of(backend, calibration_id=foreign.pk)))[0] == 400


def test_it_takes_a_body_without_a_content_type(alice: Caller, backend: Backend) -> None:
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert alice.post("/jobs", job_of(backend), content_type=kind).status_code == 200


def test_it_takes_an_api_key_in_place_of_a_token(alice: Caller, backend: Backend) -> None:
    post_job(alice.having(Authorization=f"apikey {alice.issued.text}"), backend)


# --- Sessions ---


def test_it_puts_a_job_into_a_session(alice: Caller, bob: Caller, backend: Backend) -> None:
    session = post_session(alice, backend)
    for caller in (alice, bob):
        body = caller.post("/jobs", job_of(backend, session_id=session)).json()
        assert body["session_id"] == session
        assert alice.get(f"/jobs/{body['id']}").json()["session_id"] == session


def test_it_starts_a_session_with_a_job(alice: Caller, backend: Backend) -> None:
    body = alice.post("/jobs", job_of(backend, start_session=True, session_time=1500)).json()
    assert body["session_id"] == body["id"]
    session = alice.get(f"/sessions/{body['id']}").json()
    assert (session["mode"], session["state"], session["max_ttl"]) == ("dedicated", "open", 1500)
    post_job(alice, backend, session_id=body["id"])


@pytest.mark.parametrize(
    ("asked", "cost", "given"),
    [(None, None, 600), (None, 60, 60), (0, 60, 60), ("25m", None, 1500), ("90", None, 90)],
)
def test_it_knows_how_long_such_a_session_lives(
    alice: Caller, backend: Backend, asked: object, cost: int | None, given: int
) -> None:
    ident = post_job(alice, backend, start_session=True, session_time=asked, cost=cost)
    assert Session.objects.get(pk=ident).max_ttl == given


@pytest.mark.parametrize("asked", [-5, 28_801, "soon", "9" * 5000, "²", "h", "1h 1h", "", "1h\u0000"])
def test_it_refuses_lengths_of_sessions_that_make_no_sense(
    alice: Caller, backend: Backend, asked: object
) -> None:
    answer = alice.post("/jobs", job_of(backend, start_session=True, session_time=asked))
    assert refusal(answer) == (400, 1210)
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("25m", 1500), ("2h 30m 40s", 9040), ("2H30M", 9000), (" 90 ", 90), ("8h", 28_800), ("1s", 1)],
)
def test_it_reads_lengths_as_people_write_them(text: str, seconds: int) -> None:
    assert seconds_from(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["²", "1²s", "٣ m m", "9" * 5000, "9" * 5000 + "h", "1.5h", "-1h", "5x", f"1h{' ' * 1_000_000}x", ""],
    ids=lambda text: text[:8],
)
def test_it_reads_no_other_lengths(text: str) -> None:
    with pytest.raises(ServiceError):
        seconds_from(text)


def test_it_refuses_a_job_that_could_outlive_its_session(alice: Caller, backend: Backend) -> None:
    session = post_session(alice, backend, max_ttl=100)
    assert refusal(alice.post("/jobs", job_of(backend, session_id=session, cost=100))) == (400, 1210)
    post_job(alice, backend, session_id=session, cost=99)


def test_it_refuses_a_session_of_another_backend(alice: Caller, backend: Backend) -> None:
    session = post_session(alice, make_backend())
    assert refusal(alice.post("/jobs", job_of(backend, session_id=session))) == (400, 1210)
    assert not Job.objects.exists()


def test_it_refuses_a_closed_session(alice: Caller, backend: Backend) -> None:
    closed, cancelled = post_session(alice, backend), post_session(alice, backend)
    assert alice.patch(f"/sessions/{closed}", {"accepting_jobs": False}).status_code == 204
    assert alice.delete(f"/sessions/{cancelled}/close").status_code == 204
    for session in (closed, cancelled):
        assert refusal(alice.post("/jobs", job_of(backend, session_id=session))) == (409, 4001)
    assert not Job.objects.exists()


def test_it_refuses_a_session_that_is_closing(alice: Caller, backend: Backend) -> None:
    session = post_session(alice, backend)
    post_job(alice, backend, session_id=session)
    Worker(backend).start(1)
    alice.patch(f"/sessions/{session}", {"accepting_jobs": False})
    assert refusal(alice.post("/jobs", job_of(backend, session_id=session))) == (409, 4001)


def test_it_refuses_a_session_whose_time_is_over(alice: Caller, backend: Backend, time: Time) -> None:
    session = post_session(alice, backend, max_ttl=60)
    post_job(alice, backend, session_id=session, cost=10)
    Worker(backend).start(1)
    time.seconds = 61
    assert refusal(alice.post("/jobs", job_of(backend, session_id=session))) == (409, 4001)


def test_it_knows_no_session_of_others(alice: Caller, stranger: Caller, backend: Backend) -> None:
    foreign = post_session(stranger, backend)
    for ident in (foreign, "nothing", "x" * 199, "é"):
        assert refusal(alice.post("/jobs", job_of(backend, session_id=ident)))[0] == 404
    assert not Job.objects.exists()


def test_it_refuses_unknown_and_closed_backends(alice: Caller, backend: Backend) -> None:
    closed = make_backend(open_to_all=False)
    closed.grants.create(instance=make_instance())
    for name in (closed.name, "nothing", "x" * 150):
        for path, body in (("/jobs", job_of(name)), ("/sessions", {"backend": name})):
            assert refusal(alice.post(path, body)) == (404, 1007)
    assert nothing_is_stored()
