"""How many statements each call sends to the database, so that none grows unnoticed.

The numbers are in ``query_counts.json``. After a change that is meant to be, write them anew with
``QUANTUMSVC_RECORD_QUERY_COUNTS=1 python -m pytest tests/api/test_query_counts.py``.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from quantumsvc import pipeline
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from tests.api.callers import Caller, make_caller
from tests.api.conftest import Time
from tests.api.work import job_of, post_job, post_session
from tests.factories import make_backend
from tests.services.worker import Worker

COUNTS = Path(__file__).with_name("query_counts.json")
RECORDING = bool(os.environ.get("QUANTUMSVC_RECORD_QUERY_COUNTS"))
# A transaction inside a test's own is one of these.
NOT_COUNTED = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All statements, whether sent by the models or by hand."""
    seen: list[str] = []
    execute, travel = psycopg.Cursor.execute, pipeline.run

    def note(query: Any) -> None:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not text.lstrip().startswith(NOT_COUNTED):
            seen.append(text)

    def noting(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        note(query)
        return execute(cursor, query, *args, **kwargs)

    def noting_each(link: pipeline.Link, sent: Sequence[pipeline.Statement]) -> list[pipeline.Rows]:
        for statement in sent:
            note(statement.sql)
        return travel(link, sent)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", noting)
        patch.setattr(pipeline, "run", noting_each)
        yield seen


class Scene:
    """Jobs in all states, a session, and enough rows that a query per row would show."""

    def __init__(self, alice: Caller, backend: Backend, time: Time) -> None:
        self.alice, self.backend, self.time = alice, backend, time
        self.max = make_caller(alice.instance, Role.MANAGER)
        worker = Worker(backend)
        self.session = post_session(alice, backend)
        self.queued = [self.job() for _ in range(6)]
        for n in range(3):
            worker.turn(10 + n, end="completed" if n else None, log="a line")
        self.ended, self.running = self.queued[0], self.queued[2]
        make_backend(), make_backend()

    def job(self, **over: Any) -> str:
        self.time.seconds += 0.1
        return post_job(self.alice, self.backend, **over)


CALLS: dict[str, Callable[[Scene], Any]] = {
    "GET /backends": lambda on: on.alice.get("/backends"),
    "GET /backends, names": lambda on: on.alice.having(IBM_API_Version="2024-01-01").get("/backends"),
    "GET /backends/{name}/configuration": lambda on: on.alice.get(
        f"/backends/{on.backend.name}/configuration"
    ),
    "GET /backends/{name}/properties": lambda on: on.alice.get(f"/backends/{on.backend.name}/properties"),
    "GET /backends/{name}/status": lambda on: on.alice.get(f"/backends/{on.backend.name}/status"),
    "GET /instances/usage": lambda on: on.alice.get("/instances/usage"),
    "POST /sessions": lambda on: on.alice.post("/sessions", {"backend": on.backend.name}),
    "GET /sessions/{id}": lambda on: on.alice.get(f"/sessions/{on.session}"),
    "PATCH /sessions/{id}": lambda on: on.alice.patch(
        f"/sessions/{post_session(on.alice, on.backend)}", {"accepting_jobs": False}
    ),
    "DELETE /sessions/{id}/close": lambda on: on.alice.delete(
        f"/sessions/{post_session(on.alice, on.backend)}/close"
    ),
    "POST /sessions/{id}/extend": lambda on: on.max.post(
        f"/sessions/{on.session}/extend", {"max_ttl": 28_800}
    ),
    "POST /jobs": lambda on: on.alice.post("/jobs", job_of(on.backend)),
    "POST /jobs, in a session": lambda on: on.alice.post("/jobs", job_of(on.backend, session_id=on.session)),
    "POST /jobs, with a session": lambda on: on.alice.post("/jobs", job_of(on.backend, start_session=True)),
    "POST /jobs, refused": lambda on: on.alice.post("/jobs", job_of(on.backend, program_id="x")),
    "GET /jobs": lambda on: on.alice.get("/jobs"),
    "GET /jobs, one of many": lambda on: on.alice.get("/jobs", limit=1),
    "GET /jobs, past the end": lambda on: on.alice.get("/jobs", offset=1000),
    "GET /jobs/{id}": lambda on: on.alice.get(f"/jobs/{on.running}"),
    "GET /jobs/{id}, without params": lambda on: on.alice.get(f"/jobs/{on.running}", exclude_params="true"),
    "GET /jobs/{id}/results": lambda on: on.alice.get(f"/jobs/{on.ended}/results"),
    "GET /jobs/{id}/metrics": lambda on: on.alice.get(f"/jobs/{on.ended}/metrics"),
    "GET /jobs/{id}/logs": lambda on: on.alice.get(f"/jobs/{on.ended}/logs"),
    "GET /jobs/{id}/interim_results": lambda on: on.alice.get(f"/jobs/{on.ended}/interim_results"),
    "GET /jobs/{id}/transpiled_circuits": lambda on: on.alice.get(f"/jobs/{on.ended}/transpiled_circuits"),
    "GET /workloads": lambda on: on.alice.get("/workloads"),
    "GET /tags": lambda on: on.alice.get("/tags"),
    "GET /versions": lambda on: on.alice.get("/versions"),
    "GET /accounts/{id}": lambda on: on.alice.get("/accounts/acct"),
    "PUT /jobs/{id}/tags": lambda on: on.alice.put(f"/jobs/{on.ended}/tags", {"tags": ["a"]}),
}
# These end what they are about, so each is given a job of its own before the counting begins.
ENDING: dict[str, Callable[[Scene, str], Any]] = {
    "POST /jobs/{id}/cancel": lambda on, ident: on.alice.post(f"/jobs/{ident}/cancel"),
    "DELETE /jobs/{id}": lambda on, ident: on.alice.delete(f"/jobs/{ident}"),
}
# What a call above does first, to have something to act on.
PREPARED = {"PATCH /sessions/{id}": "POST /sessions", "DELETE /sessions/{id}/close": "POST /sessions"}


def count(monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> list[str]:
    with statements(monkeypatch) as seen:
        answer = call()
    assert answer.status_code < 500, answer.content
    return seen


def measured(scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of a call that is not the first of its kind."""
    if name in ENDING:
        ident = scene.job()
        if name.startswith("DELETE"):
            scene.alice.post(f"/jobs/{ident}/cancel")
        return count(monkeypatch, lambda: ENDING[name](scene, ident))
    CALLS[name](scene)
    seen = count(monkeypatch, lambda: CALLS[name](scene))
    if before := PREPARED.get(name):
        CALLS[before](scene)
        del seen[: len(count(monkeypatch, lambda: CALLS[before](scene)))]
    return seen


@pytest.fixture
def scene(alice: Caller, backend: Backend, time: Time) -> Scene:
    return Scene(alice, backend, time)


@pytest.mark.parametrize("name", [*CALLS, *ENDING])
def test_it_sends_as_many_statements_as_recorded(
    scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = measured(scene, name, monkeypatch)
    recorded = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if RECORDING:
        COUNTS.write_text(json.dumps(recorded | {name: len(seen)}, indent=2, sort_keys=True) + "\n")
        return
    told = "\n".join(text[:160] for text in seen)
    assert len(seen) == recorded[name], f"{name} sends these; see the top of this file:\n{told}"


@pytest.mark.skipif(RECORDING, reason="recording")
def test_it_records_no_call_that_is_not_made() -> None:
    assert set(json.loads(COUNTS.read_text())) == {*CALLS, *ENDING}


LISTS = ("GET /jobs", "GET /backends", "GET /workloads", "GET /tags")


def test_it_sends_no_statement_per_row(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: len(measured(scene, name, monkeypatch)) for name in LISTS}
    for _ in range(5):
        scene.job()
        make_backend()
    after = {name: len(measured(scene, name, monkeypatch)) for name in before}
    assert [name for name in LISTS if after[name] > before[name]] == []
