"""What four releases really sent, sent again: each request is answered as the client needs it.

The recordings hold the requests of one program: log in, a session with a sampler and an estimator, a job
with noise of its own, the list, and a cancel that comes too late. Names and ids are filled in anew.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from quantumsvc.accounts.hubs import hub_path
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobPayload, Session
from tests.api.callers import Caller
from tests.api.conftest import Time
from tests.services.worker import Worker

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
RESULT = b'{"quasi_dists":[{"00":1.0}],"metadata":[{"shots":1000}]}'


class Replay:
    """Sends the recorded requests in their order; jobs end as soon as somebody asks for them."""

    def __init__(self, caller: Caller, backend: Backend, time: Time) -> None:
        self.client = Client(raise_request_exception=False)
        self.names = {
            "KEY": caller.issued.text,
            "HUB": hub_path(caller.instance).replace("/", "%2F"),
            "ACCOUNT": caller.instance.account,
            "NAME": caller.instance.name,
        }
        self.worker = Worker(backend)
        self.time = time

    def send(self, row: dict[str, Any]) -> Any:
        headers = {name: self.filled(value) for name, value in row["headers"].items()}
        kind = headers.pop("Content-Type", "")
        body = self.filled(row["body"]).encode()
        if row["method"] == "GET" and "/jobs/" in row["path"]:
            self.work()
        answer = self.client.generic(
            row["method"], self.filled(row["path"]), body, content_type=kind, headers=headers
        )
        self.learn(row, answer)
        return answer

    def filled(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, self.names[name])
        return text

    def learn(self, row: dict[str, Any], answer: Any) -> None:
        if row["path"].endswith("loginWithToken"):
            self.names["TOKEN"] = answer.json()["id"]
        elif row["method"] == "POST" and row["path"].endswith(("/jobs", "/sessions")):
            number = sum(name.startswith("ID") for name in self.names) + 1
            self.names[f"ID{number}"] = answer.json()["id"]

    def work(self) -> None:
        self.time.seconds += 1
        now = self.time.seconds
        while Job.objects.filter(state="queued").exists():
            self.worker.start(now)
            self.worker.turn(now, end="completed", result=RESULT)


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: str(path.stem))
def test_it_answers_what_old_releases_send(
    recording: Path, alice: Caller, simulator: Backend, time: Time
) -> None:
    rows = json.loads(recording.read_text())
    replay = Replay(alice, simulator, time)
    for row in rows:
        answer = replay.send(row)
        assert answer.status_code == row["status"], (row["path"], answer.content[:300])
    jobs = list(Job.objects.order_by("created_at", "id"))
    assert {job.state for job in jobs} == {"completed"}
    assert all(job.instance == alice.instance and job.user == alice.user for job in jobs)
    sent = [
        json.loads(replay.filled(row["body"]))
        for row in rows
        if row["path"].endswith("/jobs") and row["body"]
    ]
    kept = [
        json.loads(bytes(each.params)) for each in JobPayload.objects.order_by("job__created_at", "job_id")
    ]
    assert sorted(map(json.dumps, kept)) == sorted(json.dumps(each["params"]) for each in sent)


@pytest.mark.parametrize("recording", RECORDED[:2], ids=lambda path: str(path.stem))
def test_it_opens_the_session_with_its_first_job(
    recording: Path, alice: Caller, simulator: Backend, time: Time
) -> None:
    """L2: up to 0.17, the session's id is that of the job that brings it."""
    replay = Replay(alice, simulator, time)
    for row in json.loads(recording.read_text()):
        replay.send(row)
    session = Session.objects.get(pk=replay.names["ID1"])
    assert session.max_ttl == 1500
    assert list(session.jobs.order_by("created_at").values_list("program", flat=True)) == [
        "sampler",
        "estimator",
    ]
    assert not session.accepting_jobs
