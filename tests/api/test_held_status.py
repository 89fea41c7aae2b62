"""J6: the status answer of a job that is near its end is held back until there is news."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.db import connection

from quantumsvc.backends.models import Backend
from sessions_app.api import status
from sessions_app.models import Job
from sessions_app.services.deleting import retag
from sessions_app.services.endings import cancel_job
from sessions_app.services.progress import Progressing, publish
from sessions_app.services.submission import Author
from sessions_app.watching import watch
from tests.api.asgi import ask, ask_status, elsewhere, later
from tests.api.callers import Caller
from tests.factories import at, open_, submit
from tests.services.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

# Answers that come at once take less than this on a very busy machine, and held ones at least so long.
PROMPT, LONG = 5.0, 20.0
HELD, HALF_A_SECOND = 0.45, status.HELD_SECONDS


@pytest_asyncio.fixture(autouse=True)
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Bells are heard when the test begins; no thread keeps a connection after it."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    watched = watch()
    assert await watched.listening(60)
    yield
    watched.close()


@pytest.fixture(autouse=True)
def long_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nothing has brought about comes too late to be taken for a prompt one."""
    monkeypatch.setattr(status, "HELD_SECONDS", LONG)


@pytest.fixture
def usual_holds(monkeypatch: pytest.MonkeyPatch, long_holds: None) -> None:
    """Half a second, as in the service."""
    monkeypatch.setattr(status, "HELD_SECONDS", HALF_A_SECOND)


@pytest.fixture
def running(author: Author, backend: Backend) -> tuple[str, Worker]:
    """A job that runs, and its worker."""
    submit(author, backend)
    worker = Worker(backend)
    return worker.start(1), worker


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_it_answers_when_the_job_ends(alice: Caller, running: tuple[str, Worker], end: str) -> None:
    ident, worker = running
    answer, _ = await asyncio.gather(ask_status(alice, ident), later(0.1, worker.turn, 2, end=end))
    assert answer.word == end.capitalize()
    assert 0.1 <= answer.seconds < PROMPT


async def test_it_answers_when_the_job_is_cancelled(alice: Caller, running: tuple[str, Worker]) -> None:
    job = await elsewhere(Job.objects.get, pk=running[0])
    answer, _ = await asyncio.gather(ask_status(alice, job.pk), later(0.1, cancel_job, job=job, now=at(2)))
    assert answer.word == "Cancelled"
    assert answer.seconds < PROMPT


@pytest.mark.usefixtures("usual_holds")
async def test_it_holds_an_answer_no_longer_than_half_a_second(
    alice: Caller, running: tuple[str, Worker]
) -> None:
    answer = await ask_status(alice, running[0])
    assert answer.word == "Running"
    assert HELD <= answer.seconds < LONG


@pytest.mark.usefixtures("usual_holds")
async def test_it_does_not_take_progress_for_news(alice: Caller, running: tuple[str, Worker]) -> None:
    ident, _ = running
    answer, *_ = await asyncio.gather(
        ask_status(alice, ident),
        later(0.1, publish, ident, 1, Progressing("executing", 1, 2)),
        later(0.2, publish, ident, 1, Progressing("executing", 2, 2)),
    )
    assert answer.word == "Running"
    assert HELD <= answer.seconds < LONG


async def test_it_answers_at_once_what_is_far_from_its_end(
    alice: Caller, running: tuple[str, Worker], author: Author, backend: Backend
) -> None:
    waiting = await elsewhere(submit, author, backend, 2)
    answer = await ask_status(alice, waiting.pk)
    assert (answer.word, answer.seconds < PROMPT) == ("Queued", True)
    await elsewhere(cancel_job, job=waiting, now=at(3))
    answer = await ask_status(alice, waiting.pk)
    assert (answer.word, answer.seconds < PROMPT) == ("Cancelled", True)


async def test_it_holds_the_answer_of_a_job_whose_session_holds_the_backend(
    alice: Caller, author: Author, backend: Backend
) -> None:
    def prepare() -> tuple[str, Worker]:
        session = open_(author, backend)
        submit(author, backend, session_id=session.pk)
        worker = Worker(backend)
        worker.start(1)
        worker.turn(2, end="completed")
        return submit(author, backend, 3, session_id=session.pk).pk, worker

    ident, worker = await elsewhere(prepare)

    def run() -> None:
        assert worker.start(4) == ident
        worker.turn(5, end="completed")

    answer, _ = await asyncio.gather(ask_status(alice, ident), later(0.1, run))
    assert (answer.word, answer.seconds < PROMPT) == ("Completed", True)


async def test_it_answers_at_once_in_a_session_that_does_not_run_yet(
    alice: Caller, author: Author, backend: Backend
) -> None:
    session = await elsewhere(open_, author, backend)
    job = await elsewhere(submit, author, backend, session_id=session.pk)
    answer = await ask_status(alice, job.pk)
    assert (answer.word, answer.seconds < PROMPT) == ("Queued", True)


@pytest.mark.usefixtures("usual_holds")
async def test_it_only_waits_longer_when_bells_are_lost(alice: Caller, running: tuple[str, Worker]) -> None:
    ident, _ = running

    def end_silently() -> None:
        Job.objects.filter(pk=ident).update(state="completed", phase="", finished_at=at(2))

    answer, _ = await asyncio.gather(ask_status(alice, ident), later(0.1, end_silently))
    assert answer.seconds < LONG
    assert (await ask_status(alice, ident)).word == "Completed"


@pytest.mark.usefixtures("usual_holds")
@pytest.mark.parametrize("after", [0.4, 10])
async def test_it_holds_no_longer_while_bells_are_not_heard_yet(
    alice: Caller, running: tuple[str, Worker], after: float
) -> None:
    ready = watch()._ready
    ready.clear()
    handle = asyncio.get_running_loop().call_later(after, ready.set)
    answer = await ask_status(alice, running[0])
    handle.cancel()
    assert answer.word == "Running"
    assert answer.seconds < PROMPT


async def test_it_wakes_everybody_who_waits_and_nobody_else(
    alice: Caller, bob: Caller, running: tuple[str, Worker]
) -> None:
    ident, worker = running
    ending = asyncio.create_task(later(0.2, worker.turn, 2, end="completed"))
    answers = await asyncio.gather(*(ask_status(caller, ident) for caller in (alice, bob) * 5))
    await ending
    assert {answer.word for answer in answers} == {"Completed"}
    assert max(answer.seconds for answer in answers) < PROMPT


@pytest.mark.usefixtures("usual_holds")
async def test_it_forgets_those_who_waited(alice: Caller, running: tuple[str, Worker]) -> None:
    await ask_status(alice, running[0])
    assert not watch()._waiters


async def test_it_says_that_a_job_was_deleted_meanwhile(alice: Caller, running: tuple[str, Worker]) -> None:
    ident, _ = running

    def delete() -> None:
        Job.objects.filter(pk=ident).update(state="cancelled", phase="", finished_at=at(2), deleted_at=at(2))
        job = Job.objects.get(pk=ident)
        retag(job=job, tags=[], now=at(2), by=job.user)

    answer, _ = await asyncio.gather(ask_status(alice, ident), later(0.1, delete))
    assert answer.answer.status_code == 404


async def test_it_holds_nothing_back_from_those_who_ask_for_params(
    alice: Caller, running: tuple[str, Worker]
) -> None:
    for query in ({}, {"exclude_params": "false"}):
        answer = await ask(alice, f"/jobs/{running[0]}", **query)
        assert (answer.word, answer.seconds < PROMPT) == ("Running", True)
        assert "params" in answer.answer.json()


async def test_it_tells_the_same_as_the_ordinary_call(
    alice: Caller, stranger: Caller, running: tuple[str, Worker]
) -> None:
    ident, worker = running
    await elsewhere(worker.turn, 2, end="failed", reason="bad", reason_code=8011)
    for base in ("/experimental", "/api/v1"):
        for word in ("true", "True", "TRUE"):
            answer = (await ask(alice.based(base), f"/jobs/{ident}", exclude_params=word)).answer
            assert answer.headers["content-type"] == "application/json"
            assert int(answer.headers["content-length"]) == len(answer.content)
            ordinary = await elsewhere(alice.get, f"/jobs/{ident}", exclude_params="true")
            assert answer.json() == ordinary.json()
    refused = {
        404: [(stranger, ident), (alice, "nothing"), (alice, "a%00b"), (alice, "x" * 300), (alice, "%252e")],
        401: [(alice.having(Authorization="Bearer x"), ident), (alice.having(Authorization=""), ident)],
        403: [(alice.having(Service_CRN=stranger.instance.crn), ident)],
        400: [(alice.having(Service_CRN=""), ident)],
    }
    for code, cases in refused.items():
        for caller, asked in cases:
            answer = (await ask_status(caller, asked)).answer
            assert answer.status_code == code
            assert set(answer.json()) == {"errors", "trace"}
            assert ("www-authenticate" in answer.headers) == (code == 401)
