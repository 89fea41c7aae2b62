"""Whatever anybody sends, the answer is never a fault of the service."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantumsvc.backends.models import Backend
from tests.api.callers import Caller, refusal
from tests.api.work import EXECUTOR, SAMPLER, job_of, post_job, post_session

RUNS = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

ODD_TEXTS = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\uffff",
    "²",
    "x" * 300,
    "2h",
    "-1",
    "1e999",
    "NaN",
    "%00",
]
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=30))
numbers = st.one_of(
    st.integers(), st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400]), st.floats(allow_nan=False)
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)

JOB_FIELDS = [
    "program_id", "backend", "params", "session_id", "start_session", "session_time", "tags", "cost",
    "private", "log_level", "calibration_id", "runtime", "hub", "\0", "\ud800",
]  # fmt: skip
PARAMS_FIELDS = ["pubs", "options", "version", "quantum_program", "schema_version", "x"]
SESSION_FIELDS = ["backend", "mode", "instance", "max_ttl", "max_session_ttl", "accepting_jobs", "tags"]
QUERY_NAMES = [
    "limit", "offset", "backend", "pending", "program", "tags", "session_id", "created_after",
    "created_before", "sort", "include_mocks", "exclude_params", "calibration_id", "updated_before",
    "fields", "\0",
]  # fmt: skip


@pytest.fixture
def idents(alice: Caller, backend: Backend) -> dict[str, str]:
    return {
        "job": post_job(alice, backend),
        "session": post_session(alice, backend),
        "backend": backend.name,
    }


def well_answered(answer: Any) -> None:
    if answer.status_code == 204:
        assert answer.content == b""
    elif answer.status_code != 200:
        refusal(answer)


def written(body: Any) -> bytes:
    """As JSON, lone surrogates and all."""
    return json.dumps(body).encode()


@RUNS
@given(over=st.dictionaries(st.sampled_from(JOB_FIELDS), values, min_size=1, max_size=4))
def test_it_survives_any_job(alice: Caller, idents: dict[str, str], over: dict[str, Any]) -> None:
    well_answered(alice.post("/jobs", written(job_of(idents["backend"]) | over)))


@RUNS
@given(
    program=st.sampled_from(["sampler", "estimator", "executor"]),
    over=st.dictionaries(st.sampled_from(PARAMS_FIELDS), values, max_size=3),
    pubs=st.lists(st.lists(values, max_size=4), max_size=3),
)
def test_it_survives_any_params(
    alice: Caller, idents: dict[str, str], program: str, over: dict[str, Any], pubs: list[Any]
) -> None:
    params = (EXECUTOR if program == "executor" else SAMPLER | {"pubs": pubs}) | over
    well_answered(alice.post("/jobs", written(job_of(idents["backend"], program_id=program, params=params))))


@RUNS
@given(over=st.dictionaries(st.sampled_from(SESSION_FIELDS), values, max_size=4))
def test_it_survives_any_session(alice: Caller, idents: dict[str, str], over: dict[str, Any]) -> None:
    well_answered(alice.post("/sessions", written({"backend": idents["backend"]} | over)))
    well_answered(alice.patch(f"/sessions/{idents['session']}", written(over)))
    well_answered(alice.put(f"/jobs/{idents['job']}/tags", written(over)))


@RUNS
@given(body=values)
def test_it_survives_any_json(alice: Caller, idents: dict[str, str], body: Any) -> None:
    for method, path in (
        ("POST", "/jobs"),
        ("POST", "/sessions"),
        ("PATCH", f"/sessions/{idents['session']}"),
        ("PUT", f"/jobs/{idents['job']}/tags"),
        ("POST", f"/jobs/{idents['job']}/cancel"),
    ):
        well_answered(alice.call(method, path, written(body)))


@RUNS
@given(at=st.integers(0, 200), cut=st.integers(0, 3), new=st.binary(max_size=4))
def test_it_survives_any_damage(alice: Caller, idents: dict[str, str], at: int, cut: int, new: bytes) -> None:
    whole = written(job_of(idents["backend"], tags=["a"], cost=600, session_id=idents["session"]))
    well_answered(alice.post("/jobs", whole[:at] + new + whole[at + cut :]))


@RUNS
@given(
    query=st.lists(
        st.tuples(
            st.sampled_from(QUERY_NAMES), st.one_of(texts, st.integers().map(str), st.datetimes().map(str))
        ),
        max_size=4,
    )
)
def test_it_survives_any_query(alice: Caller, idents: dict[str, str], query: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote(name)}={quote(value, errors='surrogatepass')}" for name, value in query)
    for path in (
        "/jobs",
        "/backends",
        f"/backends/{idents['backend']}/properties",
        f"/backends/{idents['backend']}/configuration",
        f"/jobs/{idents['job']}",
    ):
        well_answered(alice.get(f"{path}?{text}"))


@RUNS
@given(query=st.binary(max_size=40))
def test_it_survives_any_bytes_as_query(alice: Caller, idents: dict[str, str], query: bytes) -> None:
    text = query.decode("latin-1").replace("#", "&")
    well_answered(alice.get(f"/jobs?tags={text}"))
    well_answered(alice.get(f"/jobs?{text}"))


@RUNS
@given(segment=st.one_of(texts, st.binary(max_size=20).map(lambda raw: raw.decode("latin-1"))))
def test_it_survives_any_address(alice: Caller, idents: dict[str, str], segment: str) -> None:
    word = quote(segment, safe="", errors="surrogatepass") or "x"
    for path in ("/jobs/{}", "/jobs/{}/results", "/sessions/{}", "/backends/{}/status", "/{}", "/jobs/x/{}"):
        well_answered(alice.get(path.format(word)))
    well_answered(alice.delete(f"/jobs/{word}"))


@RUNS
@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "Authorization",
                "Service-CRN",
                "IBM-API-Version",
                "X-Qx-Client-Application",
                "Accept",
                "Content-Type",
            ]
        ),
        st.one_of(st.sampled_from(["", "\0", "Bearer", "apikey \0", "a/b; q=x"]), st.binary(max_size=30)),
        min_size=1,
    )
)
def test_it_survives_any_headers(alice: Caller, idents: dict[str, str], headers: dict[str, Any]) -> None:
    sent = {
        name: value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in headers.items()
    }
    caller = alice.having(**{name.replace("-", "_"): value for name, value in sent.items()})
    well_answered(caller.get("/jobs"))
    well_answered(caller.post("/jobs", job_of(idents["backend"])))
