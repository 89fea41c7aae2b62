"""Malformed, too large, of the wrong type: a 4xx with a sentence, nothing stored (never a fault)."""

import gzip
import json
from typing import Any

import pytest
from pytest_django import Settings

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Session
from tests.api.callers import Caller, message, refusal
from tests.api.work import SAMPLER, job_of, nothing_is_stored, post_job, post_session

BROKEN = [
    b"",
    b" ",
    b"{",
    b"}",
    b'{"a"',
    b"nonsense",
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b"[]",
    b'"text"',
    b"7",
    b"null",
    b"true",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 1} {"b": 2}',
    b"\xef\xbb\xbf{}",
    b'{"a": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--",
    b"\0" * 1000,
]


def addresses(alice: Caller, backend: Backend) -> list[tuple[str, str]]:
    job, session = post_job(alice, backend), post_session(alice, backend)
    return [
        ("POST", "/jobs"),
        ("POST", "/sessions"),
        ("PATCH", f"/sessions/{session}"),
        ("PUT", f"/jobs/{job}/tags"),
    ]


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:20]))
def test_it_refuses_broken_bodies(alice: Caller, backend: Backend, body: bytes) -> None:
    for method, path in addresses(alice, backend):
        assert refusal(alice.call(method, path, body)) == (400, 1210)
    assert (Job.objects.count(), Session.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "word", [b"NaN", b"Infinity", b"-Infinity", b"1e", b"01", b"+1", b".5", b"0x10", b"nan"]
)
def test_it_refuses_what_is_no_json_number(alice: Caller, backend: Backend, word: bytes) -> None:
    whole = json.dumps(job_of(backend)).encode()
    for body in (
        whole[:-1] + b', "cost": ' + word + b"}",
        whole[:-1] + b', "unknown": ' + word + b"}",
        whole.replace(b"100", word),
        whole.replace(b'"options": {}', b'"options": {"x": ' + word + b"}"),
    ):
        assert refusal(alice.post("/jobs", body))[0] == 400
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "params",
    [
        b'{"pubs":[["\xff"]],"version":2}',
        b'{"pubs":[["c"]],"version":2,"x":"\xc3\x28"}',
        b'{"pubs":[["c"]],"version":2,"\xed\xa0\x80":1}',
    ],
)
def test_it_refuses_params_that_no_client_could_read_back(
    alice: Caller, backend: Backend, params: bytes
) -> None:
    body = b'{"program_id":"sampler","backend":"' + backend.name.encode() + b'","params":' + params + b"}"
    assert refusal(alice.post("/jobs", body))[0] == 400
    assert nothing_is_stored()


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_it_refuses_params_that_are_nested_too_deeply(alice: Caller, backend: Backend, depth: int) -> None:
    nest = b"[" * depth + b"]" * depth
    params = b'{"pubs":[["c",' + nest + b']],"version":2}'
    body = b'{"program_id":"sampler","backend":"' + backend.name.encode() + b'","params":' + params + b"}"
    assert refusal(alice.post("/jobs", body))[0] == 400
    assert nothing_is_stored()


STRINGS = ["program_id", "backend", "session_id", "calibration_id", "runtime", "log_level"]


@pytest.mark.parametrize("name", STRINGS)
@pytest.mark.parametrize(
    "text", ["a\0b", "\0", "x" * 201, "x" * 100_000], ids=["nul", "only nul", "201", "long"]
)
def test_it_refuses_nul_and_long_texts(alice: Caller, backend: Backend, name: str, text: str) -> None:
    assert refusal(alice.post("/jobs", job_of(backend) | {name: text}))[0] == 400
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, [7, 1.5, True, [], {}, ["x"]]) for name in STRINGS),
        ("params", [None, "text", 7, [], True]),
        ("tags", ["a", 7, [7], [None], [["a"]], {"a": 1}]),
        ("cost", ["600", 1.5, True, [], {}]),
        ("private", ["true", 1, 0, [], {}]),
        ("start_session", ["true", 1, None, []]),
        ("session_time", [1.5, True, [], {}]),
    ],
)
def test_it_refuses_wrong_types(alice: Caller, backend: Backend, name: str, values: list[Any]) -> None:
    for value in values:
        answer = alice.post("/jobs", job_of(backend) | {name: value})
        assert refusal(answer)[0] == 400, value
    assert nothing_is_stored()


@pytest.mark.parametrize("name", ["program_id", "backend", "params"])
def test_it_names_what_is_missing(alice: Caller, backend: Backend, name: str) -> None:
    body = job_of(backend)
    del body[name]
    assert f"`{name}`" in message(alice.post("/jobs", body))
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"pubs": []}, 8020),
        ({"pubs": [["c"]] * 301}, 8020),
        ({"pubs": [["c", None, 0]]}, 6000),
        ({"pubs": [["c", None, -5]]}, 6000),
        ({"pubs": [["c", None, 100_001]]}, 6001),
        ({"pubs": [["c", None, 10**40]]}, 6001),
        ({"pubs": [["c", None, "many"]]}, 8011),
        ({"pubs": [["c", None, 1.5]]}, 8011),
        ({"pubs": [["c", None, [1]]]}, 8011),
        ({"pubs": ["c"]}, 8011),
        ({"pubs": [None]}, 8011),
        ({"pubs": "c"}, 8011),
        ({"pubs": None}, 8011),
        ({"options": []}, 8011),
        ({"options": {"default_shots": 0}}, 6000),
        ({"options": {"default_shots": 100_001}}, 6001),
        ({"options": {"default_shots": "x"}}, 8011),
        ({"version": 1}, 8010),
        ({"version": 3}, 8010),
        ({"version": "2"}, 8011),
        ({"version": None}, 8011),
    ],
)
def test_it_tells_what_is_wrong_with_the_outline(
    alice: Caller, backend: Backend, params: dict[str, Any], code: int
) -> None:
    assert refusal(alice.post("/jobs", job_of(backend, params=SAMPLER | params))) == (400, code)
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 8011),
        ({"quantum_program": {"shots": 100, "items": [{}]}}, 8011),
        ({"quantum_program": {"shots": 100, "items": [{}]}, "schema_version": "v1.0"}, 8010),
        ({"quantum_program": {"shots": 100, "items": [{}]}, "schema_version": 2}, 8011),
        ({"quantum_program": {"shots": 100, "items": []}, "schema_version": "v2.0"}, 8020),
        ({"quantum_program": {"shots": 0, "items": [{}]}, "schema_version": "v2.0"}, 6000),
        ({"quantum_program": {"shots": 10**9, "items": [{}]}, "schema_version": "v2.0"}, 6001),
        ({"quantum_program": {"shots": None, "items": [{}]}, "schema_version": "v2.0"}, 8011),
        ({"quantum_program": [], "schema_version": "v2.0"}, 8011),
    ],
)
def test_it_tells_what_is_wrong_with_an_executor_job(
    alice: Caller, backend: Backend, params: dict[str, Any], code: int
) -> None:
    answer = alice.post("/jobs", job_of(backend, program_id="executor", params=params))
    assert refusal(answer) == (400, code)
    assert nothing_is_stored()


# --- Size and encoding ---


@pytest.mark.parametrize("over", [1, 1_000_000, 3_000_000])
def test_it_refuses_a_body_over_the_limit(
    alice: Caller, backend: Backend, settings: Settings, over: int
) -> None:
    settings.MAX_PAYLOAD_BYTES = 2_000
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_002_000
    body = json.dumps(job_of(backend)).encode()
    fitting = body + b" " * (2_000 - len(body))
    assert alice.post("/jobs", fitting).status_code == 200
    assert refusal(alice.post("/jobs", fitting + b" " * over)) == (413, 1213)
    assert Job.objects.count() == 1


def test_it_accepts_more_than_the_framework_would(alice: Caller, backend: Backend) -> None:
    params = SAMPLER | {"pubs": [["c" * 3_000_000]]}
    ident = post_job(alice, backend, params=params)
    assert alice.get(f"/jobs/{ident}").json()["params"] == params


@pytest.mark.parametrize("path", ["/sessions", "/sessions/x", "/jobs/x/tags"])
def test_it_refuses_large_bodies_of_small_calls(
    alice: Caller, backend: Backend, settings: Settings, path: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    session, job = post_session(alice, backend), post_job(alice, backend)
    method = {"/sessions": "POST", "/sessions/x": "PATCH", "/jobs/x/tags": "PUT"}[path]
    known = path.replace("sessions/x", f"sessions/{session}").replace("jobs/x", f"jobs/{job}")
    assert refusal(alice.call(method, known, b" " * 10_001)) == (413, 1213)


def test_it_refuses_a_compressed_body(alice: Caller, backend: Backend) -> None:
    body = gzip.compress(json.dumps(job_of(backend)).encode())
    answer = alice.post("/jobs", body, **{"Content-Encoding": "gzip"})
    assert refusal(answer) == (400, 1210)
    assert nothing_is_stored()


# --- Queries, headers, paths ---


def test_it_refuses_nul_in_other_queries(alice: Caller, backend: Backend) -> None:
    assert refusal(alice.get("/backends", include_mocks="\0"))[0] == 400
    for call in ("configuration", "properties"):
        assert refusal(alice.get(f"/backends/{backend.name}/{call}?calibration_id=%00"))[0] == 404
    assert refusal(alice.get(f"/backends/{backend.name}/properties?updated_before=%00"))[0] == 400


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "x" * 1000, "é", "%ff", "..", "%2e%2e", "a b", "%F0%9F%92%A5"]
)
def test_it_knows_no_backend_of_such_a_name(alice: Caller, name: str) -> None:
    for call in ("configuration", "properties", "status", "defaults"):
        assert refusal(alice.get(f"/backends/{name}/{call}"))[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"IBM-API-Version": "\x00"},
        {"IBM-API-Version": "9999-99-99"},
        {"IBM-API-Version": "x" * 10_000},
        {"X-Qx-Client-Application": "a\0é" * 900},
        {"Service-CRN": "a\0b"},
        {"Accept": "text/html"},
        {"Accept": "nonsense"},
        {"Accept-Encoding": "gzip"},
        {"Content-Type": "application/json; charset=utf-16"},
    ],
    ids=lambda headers: next(iter(headers.items()))[0],
)
def test_it_survives_odd_headers(alice: Caller, backend: Backend, headers: dict[str, str]) -> None:
    caller = alice.having(**headers)
    for answer in (caller.get("/backends"), caller.get("/jobs"), caller.post("/jobs", job_of(backend))):
        assert answer.status_code == 200 or refusal(answer)
        assert answer["Content-Type"] == "application/json"
        assert "Content-Encoding" not in answer
