"""Single rows of the Jobs page, as live pages ask for them: those of the fresh page, and no others."""

import re

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from sessions_app.pages.work import finding
from sessions_app.services.endings import cancel_job
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, open_, submit
from tests.pages.conftest import Reader
from tests.services.worker import Worker

_ROW = re.compile(r'<tr id="((?:job|session)-[^"]+)".*?</tr>', re.DOTALL)
_STATES = re.compile(r'<nav class="states".*?</nav>', re.DOTALL)


def rows(page: str) -> dict[str, str]:
    """Its rows, by their ids."""
    return {found[1]: found[0] for found in _ROW.finditer(page)}


def states(page: str) -> list[str]:
    return _STATES.findall(page)


def asked(reader: Reader, *parts: str, path: str = "/") -> str:
    """What the reader's page gets that asks for some parts of itself."""
    answer = reader.client.get(path, headers={"X-Live": " ".join(parts)})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def work(author: Author, backend: Backend, time: Time) -> list[str]:
    """The ids of the rows of a session with a running and a waiting job, and of a job on its own."""
    session = open_(author, backend)
    jobs = [submit(author, backend, when, session_id=session.pk) for when in (0, 1)]
    alone = submit(author, backend, 2, tags=["sweep"])
    Worker(backend).start(3)
    time.seconds = 4
    return [f"session-{session.pk}", *(f"job-{job.pk}" for job in [*jobs, alone])]


def test_a_row_that_is_asked_for_is_that_of_the_fresh_page(work: list[str], wanda: Reader) -> None:
    fresh = wanda.get("/").content.decode()
    assert set(rows(fresh)) == set(work)
    for part in work:
        assert rows(asked(wanda, part)) == {part: rows(fresh)[part]}
    assert rows(asked(wanda, *work)) == rows(fresh)


def test_the_counts_that_are_asked_for_are_those_of_the_fresh_page(work: list[str], wanda: Reader) -> None:
    for path in ("/", "/?state=queued", "/?tag=sweep"):
        fresh = wanda.get(path).content.decode()
        assert states(asked(wanda, "states", path=path)) == states(fresh)
        assert states(asked(wanda, work[0], path=path)) == []


def test_a_row_that_no_longer_passes_the_filters_is_left_out(work: list[str], wanda: Reader) -> None:
    running = work[1]
    assert running in rows(asked(wanda, *work, path="/?state=running"))
    cancel_job(job=Job.objects.get(pk=running.removeprefix("job-")), now=at(4))
    assert running not in rows(asked(wanda, *work, path="/?state=running"))
    assert set(rows(asked(wanda, *work, path="/?tag=sweep"))) == {work[3]}


def test_nobody_else_gets_the_row(work: list[str], stranger: Reader) -> None:
    assert rows(asked(stranger, *work)) == {}


def test_what_is_no_row_is_cut_from_the_page(work: list[str], wanda: Reader) -> None:
    assert set(rows(asked(wanda, "work", work[0]))) == set(work)
    assert set(rows(asked(wanda, "job-"))) == set()
    assert set(rows(asked(wanda, *(f"job-{number}" for number in range(101))))) == set(work)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of an instance are looked through."""
    monkeypatch.setattr(finding, "WINDOW", 2)
    monkeypatch.setattr(finding, "_LEAST_WINDOW", 2)


@pytest.mark.usefixtures("narrow")
def test_it_says_how_far_it_looked_and_goes_on_from_there(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    jobs = [submit(author, backend, when, tags=["old" if when < 2 else "new"]) for when in range(5)]
    first = wanda.get("/?tag=old").content.decode()
    assert rows(first) == {}
    assert "Searched back to" in first
    found, page = dict[str, str](), first
    while further := re.search(r'href="([^"]*)">Search further back', page):
        page = wanda.get(further[1].replace("&amp;", "&")).content.decode()
        found |= rows(page)
    assert set(found) == {f"job-{job.pk}" for job in jobs[:2]}


@pytest.mark.usefixtures("narrow")
def test_a_count_of_what_was_looked_through_says_that_there_may_be_more(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    for when in range(5):
        submit(author, backend, when, tags=["sweep"])
    assert "Queued 2+" in wanda.sees("/?tag=sweep")
    assert "Queued 2+" in wanda.sees("/?tag=sweep&state=failed")
    assert "Queued 5 " in wanda.sees("/")
