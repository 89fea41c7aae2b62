"""``GET /jobs``: filters, order and paging (protocol row 14)."""

from typing import Any

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from sessions_app.services.submission import Author
from tests.api.callers import Caller, refusal
from tests.factories import make_backend, open_, submit
from tests.services.worker import Worker


def listed(caller: Caller, **query: Any) -> list[str]:
    answer = caller.get("/jobs", **query)
    assert answer.status_code == 200, answer.content
    return [job["id"] for job in answer.json()["jobs"]]


@pytest.fixture
def jobs(author: Author, backend: Backend) -> list[str]:
    """Five jobs, one second apart."""
    return [submit(author, backend, n).pk for n in range(5)]


def test_it_lists_newest_first_without_params(alice: Caller, jobs: list[str]) -> None:
    body = alice.get("/jobs").json()
    assert [job["id"] for job in body["jobs"]] == jobs[::-1]
    assert (body["count"], body["offset"], body["limit"]) == (5, 0, 200)
    single = alice.get(f"/jobs/{jobs[4]}", exclude_params="true").json()
    assert body["jobs"][0] == single
    assert "params" not in single


@pytest.mark.parametrize("word", ["ASC", "asc", "Asc"])
def test_it_sorts_oldest_first(alice: Caller, jobs: list[str], word: str) -> None:
    assert listed(alice, sort=word) == jobs
    assert listed(alice, sort="DESC") == listed(alice) == jobs[::-1]


def test_it_orders_jobs_of_the_same_instant(alice: Caller, author: Author, backend: Backend) -> None:
    same = sorted(submit(author, backend, 0).pk for _ in range(6))
    pages = [listed(alice, limit=2, offset=offset, sort="ASC") for offset in (0, 2, 4)]
    assert [ident for page in pages for ident in page] == same
    assert listed(alice) == same[::-1]


def test_it_pages(alice: Caller, jobs: list[str]) -> None:
    body = alice.get("/jobs", limit=2, offset=3).json()
    assert [job["id"] for job in body["jobs"]] == [jobs[1], jobs[0]]
    assert (body["count"], body["limit"], body["offset"]) == (5, 2, 3)


@pytest.mark.parametrize("offset", [5, 6, 17, 1_000_000])
def test_it_ends_a_client_that_pages_past_the_end(alice: Caller, jobs: list[str], offset: int) -> None:
    body = alice.get("/jobs", limit=2, offset=offset).json()
    assert (body["jobs"], body["count"], body["offset"]) == ([], offset, offset)


def test_it_says_zero_when_there_is_nothing(alice: Caller) -> None:
    body = alice.get("/jobs").json()
    assert (body["jobs"], body["count"]) == ([], 0)


@pytest.mark.parametrize("limit", [1, 200])
def test_it_takes_limits_in_bounds(alice: Caller, jobs: list[str], limit: int) -> None:
    body = alice.get("/jobs", limit=limit).json()
    assert (len(body["jobs"]), body["limit"]) == (min(limit, 5), limit)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "1.5"},
        {"limit": "٣"},
        {"limit": "9" * 5000},
        {"offset": "-1"},
        {"offset": "99999999999999999999"},
        {"offset": "x"},
        {"sort": "UP"},
        {"pending": "maybe"},
        {"include_mocks": "2"},
        {"created_after": "yesterday"},
        {"created_before": "2026-13-01"},
        {"created_before": "0001-01-01T00:00:00+10:00"},
        {"created_after": "9999-12-31T23:59:59-10:00"},
    ],
)
def test_it_refuses_queries_that_make_no_sense(alice: Caller, jobs: list[str], query: dict[str, str]) -> None:
    assert refusal(alice.get("/jobs", **query)) == (400, 1210)


@pytest.mark.parametrize(
    "name", ["backend", "program", "session_id", "tags", "created_after", "sort", "other"]
)
def test_it_refuses_nul_in_every_parameter(alice: Caller, jobs: list[str], name: str) -> None:
    assert refusal(alice.get("/jobs", **{name: "a\0b"})) == (400, 1210)


def test_it_finds_pending_jobs(alice: Caller, jobs: list[str], backend: Backend) -> None:
    worker = Worker(backend)
    worker.start(10)
    worker.start(11, end="failed")
    alice.post(f"/jobs/{jobs[4]}/cancel")
    for word in ("true", "True"):
        assert listed(alice, pending=word) == [jobs[3], jobs[2], jobs[1]]
    assert listed(alice, pending="false") == [jobs[4], jobs[0]]
    assert alice.get("/jobs", pending="true", limit=1).json()["count"] == 3


def test_it_finds_by_backend_program_and_session(alice: Caller, author: Author, backend: Backend) -> None:
    other = make_backend()
    session = open_(author, other)
    plain = submit(author, backend).pk
    within = submit(author, other, session_id=session.pk).pk
    executor = submit(
        author,
        backend,
        program_id="executor",
        params=b'{"quantum_program":{"shots":1,"items":[{}]},"schema_version":"v2.0"}',
    ).pk
    assert set(listed(alice, backend=backend.name)) == {plain, executor}
    assert listed(alice, program="executor") == [executor]
    assert listed(alice, session_id=session.pk) == [within]
    assert listed(alice, session_id=session.pk, backend=backend.name) == []
    for nothing in ({"backend": "x"}, {"program": "x"}, {"session_id": "x" * 500}):
        assert listed(alice, **nothing) == []


def test_it_finds_jobs_that_have_all_tags(alice: Caller, author: Author, backend: Backend) -> None:
    both = submit(author, backend, 1, tags=["a", "b"]).pk
    only = submit(author, backend, 2, tags=["a"]).pk
    submit(author, backend, 3, tags=["ab"])
    assert listed(alice, tags=["a", "b"]) == [both]
    assert listed(alice, tags=["a"]) == [only, both]
    assert listed(alice, tags="a") == [only, both]
    assert listed(alice, tags=["a", "c"]) == []
    assert listed(alice, tags=["b", "b"]) == [both]


def test_it_finds_by_time(alice: Caller, jobs: list[str]) -> None:
    assert listed(alice, created_after="2026-11-21T12:00:03Z") == [jobs[4], jobs[3]]
    assert listed(alice, created_before="2026-11-21T12:00:01.000000Z") == [jobs[1], jobs[0]]
    window = {"created_after": "2026-11-21T13:00:01+01:00", "created_before": "2026-11-21T12:00:02"}
    assert listed(alice, **window) == [jobs[2], jobs[1]]
    assert listed(alice, created_after="2026-11-22") == []


def test_it_hides_dry_runs_until_they_are_asked_for(alice: Caller, author: Author, backend: Backend) -> None:
    mock = make_backend(kind="mock")
    real, dry = submit(author, backend, 1).pk, submit(author, mock, 2).pk
    assert listed(alice) == [real]
    assert alice.get("/jobs").json()["count"] == 1
    assert listed(alice, include_mocks="True") == [dry, real]
    assert alice.get(f"/jobs/{dry}").status_code == 200


def test_it_lists_the_whole_instance_and_no_other(
    alice: Caller, bob: Caller, rita: Caller, stranger: Caller, author: Author, backend: Backend
) -> None:
    mine = submit(author, backend, 1).pk
    foreign = Author(user=stranger.user, instance=stranger.instance)
    theirs = submit(foreign, backend, 2, tags=["t"]).pk
    for caller in (alice, bob, rita):
        assert listed(caller) == [mine]
    assert listed(stranger) == [theirs]
    for query in ({"tags": "t"}, {"backend": backend.name}, {"pending": "true"}):
        assert theirs not in listed(alice, **query)
    assert alice.get("/jobs").json()["count"] == 1


def test_it_shows_no_params_and_no_secret_of_private_jobs(
    alice: Caller, author: Author, backend: Backend
) -> None:
    submit(author, backend, private=True)
    assert "params" not in alice.get("/jobs", exclude_params="false").json()["jobs"][0]


def test_it_counts_all_that_match_and_not_those_deleted(alice: Caller, jobs: list[str]) -> None:
    Job.objects.filter(pk=jobs[0]).update(state="cancelled", finished_at="2026-11-21T12:00Z")
    assert alice.delete(f"/jobs/{jobs[0]}").status_code == 204
    assert alice.get("/jobs", limit=1).json()["count"] == 4
