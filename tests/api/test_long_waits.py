"""Long waits: an answer that is held back until there is news, without a thread for each waiter."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.db import connection
from pytest_django import Settings

from quantumsvc.asgi import application
from quantumsvc.backends.models import Backend
from sessions_app.api.waiting import places
from sessions_app.models import Job, Session
from sessions_app.services.deleting import delete_job
from sessions_app.services.endings import cancel_job
from sessions_app.services.opening import close_session
from sessions_app.services.submission import Author
from sessions_app.watching import watch
from tests.api.asgi import Timed, ask, elsewhere, later
from tests.api.callers import Caller
from tests.factories import at, open_, submit
from tests.services.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

LONG = "20"
PROMPT = 10.0


@pytest_asyncio.fixture(autouse=True)
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    watched = watch()
    assert await watched.listening(60)
    yield
    watched.close()


@pytest.fixture
def job(author: Author, backend: Backend) -> Job:
    return submit(author, backend)


async def wait_for(caller: Caller, path: str, seconds: str = LONG) -> Timed:
    return await ask(caller, path, wait=seconds)


async def test_it_answers_when_the_job_starts_and_when_it_ends(
    alice: Caller, job: Job, backend: Backend
) -> None:
    worker = await elsewhere(Worker, backend)
    started, _ = await asyncio.gather(wait_for(alice, f"/jobs/{job.pk}"), later(0.2, worker.start, 1))
    assert (started.word, started.seconds < PROMPT) == ("Running", True)
    ended, _ = await asyncio.gather(
        wait_for(alice, f"/jobs/{job.pk}"), later(0.2, worker.turn, 2, end="completed")
    )
    assert (ended.word, ended.seconds < PROMPT) == ("Completed", True)
    assert (await wait_for(alice, f"/jobs/{job.pk}")).seconds < PROMPT, "it has ended"


async def test_it_answers_when_the_session_closes(alice: Caller, author: Author, backend: Backend) -> None:
    session = await elsewhere(open_, author, backend)
    answer, _ = await asyncio.gather(
        wait_for(alice, f"/sessions/{session.pk}"), later(0.2, close_session, session=session, now=at(1))
    )
    assert answer.answer.json()["accepting_jobs"] is False
    assert answer.seconds < PROMPT


async def test_it_answers_what_is_true_when_nothing_happens(alice: Caller, job: Job) -> None:
    answer = await wait_for(alice, f"/jobs/{job.pk}", "1")
    assert (answer.word, answer.seconds >= 1) == ("Queued", True)
    mark = answer.answer.headers["ETag"]
    again = await wait_for(alice.having(If_None_Match=mark), f"/jobs/{job.pk}", "1")
    assert (again.answer.status_code, again.answer.content, again.seconds >= 1) == (304, b"", True)


async def test_it_answers_at_once_to_who_has_something_else(alice: Caller, job: Job) -> None:
    answer = await wait_for(alice.having(If_None_Match='W/"older"'), f"/jobs/{job.pk}")
    assert (answer.answer.status_code, answer.seconds < PROMPT) == (200, True)


async def test_it_tells_of_a_job_that_goes_away_meanwhile(alice: Caller, job: Job) -> None:
    def end() -> None:
        cancel_job(job=job, now=at(1))
        delete_job(job=Job.objects.get(pk=job.pk), by=alice.user, now=at(1))

    answer, _ = await asyncio.gather(wait_for(alice, f"/jobs/{job.pk}"), later(0.2, end))
    # It hears of the end first, or finds it gone.
    assert answer.answer.status_code in {200, 404}
    assert answer.seconds < PROMPT


@pytest.mark.parametrize("word", ["31", "-1", "x", "1.5", ""])
async def test_it_refuses_other_lengths(alice: Caller, job: Job, word: str) -> None:
    answer = (await wait_for(alice, f"/jobs/{job.pk}", word)).answer
    assert answer.status_code == (400 if word else 200)


async def test_it_tells_strangers_nothing(alice: Caller, stranger: Caller, job: Job) -> None:
    assert (await wait_for(stranger, f"/jobs/{job.pk}")).answer.status_code == 404
    assert (await wait_for(stranger, "/sessions/nothing")).answer.status_code == 404
    nobody = alice.having(Authorization="apikey nothing")
    assert (await wait_for(nobody, f"/jobs/{job.pk}")).answer.status_code == 401


async def test_it_serves_others_while_many_wait_and_refuses_too_many(
    alice: Caller, bob: Caller, job: Job, settings: Settings
) -> None:
    settings.MAX_WAITING_CALLS = 400
    waiting = [asyncio.create_task(wait_for(alice, f"/jobs/{job.pk}")) for _ in range(40)]
    async with asyncio.timeout(60):
        while places._taken.total() < 40:
            await asyncio.sleep(0.05)
    refused = await wait_for(alice, f"/jobs/{job.pk}")
    assert (refused.answer.status_code, refused.answer.headers["Retry-After"]) == (429, "5")
    assert (await ask(alice, "/backends")).answer.status_code == 200, "no thread is taken"
    await elsewhere(cancel_job, job=job, now=at(1))
    assert {(await each).word for each in waiting} == {"Cancelled"}
    assert places._taken.total() == 0


async def test_it_gives_up_the_place_of_who_goes_away(alice: Caller, job: Job) -> None:
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError("nobody is there to be answered")

    path = f"/experimental/jobs/{job.pk}"
    headers = [(name.lower().encode(), value.encode()) for name, value in alice.headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"wait=20", "headers": headers}
    calling = asyncio.create_task(application(scope, receive, send))
    async with asyncio.timeout(60):
        while not places._taken.total():
            await asyncio.sleep(0.02)
        gone.set()
        await calling
    assert places._taken.total() == 0
    assert await elsewhere(Session.objects.count) == 0
