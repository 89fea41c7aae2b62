"""What all calls share: versions, keys against doing twice, marks, parts of lists, all faults at once."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quantumsvc.accounts.models import KeyedCall
from quantumsvc.accounts.rates import rates
from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import Job, Session
from tests.api.callers import Caller, refusal
from tests.api.conftest import Time
from tests.api.work import job_of, post_job, post_session
from tests.factories import at, make_backend

DAY = 24 * 3600


def messages(answer: Any) -> list[str]:
    refusal(answer)
    return [error["message"] for error in answer.json()["errors"]]


# --- Versions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["yesterday", "2026-13-01", "20260415x", "²"])
def test_it_refuses_a_version_that_is_no_day(alice: Caller, named: str) -> None:
    answer = alice.having(IBM_API_Version=named).get("/backends")
    assert refusal(answer) == (400, 1210)
    assert "2026-04-15" in messages(answer)[0]


def test_it_refuses_a_day_before_the_first_version(alice: Caller) -> None:
    assert refusal(alice.having(IBM_API_Version="2023-12-31").get("/jobs")) == (400, 1210)


@pytest.mark.parametrize(
    ("named", "names_only"),
    [("2024-01-01", True), ("2024-12-31", True), ("2025-01-01", False), ("2099-01-01", False)],
)
def test_it_takes_the_newest_version_not_later_than_the_day(
    alice: Caller, backend: Backend, named: str, names_only: bool
) -> None:
    devices = alice.having(IBM_API_Version=named).get("/backends").json()["devices"]
    assert (devices == [backend.name]) is names_only


# --- Keys against doing twice ----------------------------------------------------------------------


def test_it_opens_one_session_for_one_key(alice: Caller, backend: Backend) -> None:
    once = alice.having(Idempotency_Key="first")
    first, second = (once.post("/sessions", {"backend": backend.name}) for _ in range(2))
    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (200, 200)
    assert second["Idempotent-Replayed"] == "true"
    assert Session.objects.count() == 1


def test_it_accepts_one_job_for_one_key_however_late_it_is_sent_again(
    alice: Caller, backend: Backend, time: Time
) -> None:
    # A token holds for an hour only.
    once = alice.having(Authorization=f"apikey {alice.issued.text}", Idempotency_Key="job")
    first = once.post("/jobs", job_of(backend)).json()
    time.seconds = DAY - 1
    assert once.post("/jobs", job_of(backend)).json() == first
    assert Job.objects.count() == 1


def test_it_takes_the_same_job_under_another_key_for_another(alice: Caller, backend: Backend) -> None:
    for key in ("one", "two"):
        alice.having(Idempotency_Key=key).post("/jobs", job_of(backend))
    assert Job.objects.count() == 2


def test_it_refuses_a_key_that_was_used_for_another_request(alice: Caller, backend: Backend) -> None:
    once = alice.having(Idempotency_Key="k")
    assert once.post("/sessions", {"backend": backend.name}).status_code == 200
    again = once.post("/sessions", {"backend": backend.name, "mode": "batch"})
    assert refusal(again) == (422, 1411)
    assert refusal(once.post("/jobs", job_of(backend))) == (422, 1411)
    assert (Session.objects.count(), Job.objects.count()) == (1, 0)


def test_it_leaves_the_key_of_a_refused_call_free(alice: Caller, backend: Backend) -> None:
    once = alice.having(Idempotency_Key="k")
    assert refusal(once.post("/sessions", {"backend": "nothing"}))[0] == 404
    assert once.post("/sessions", {"backend": backend.name}).status_code == 200


def test_it_keeps_a_key_to_its_user(alice: Caller, bob: Caller, backend: Backend) -> None:
    for caller in (alice, bob):
        caller.having(Idempotency_Key="same").post("/sessions", {"backend": backend.name})
    assert Session.objects.count() == 2


def test_it_frees_keys_after_a_day_and_clears_them_away(alice: Caller, backend: Backend, time: Time) -> None:
    for key in ("old", "k"):
        alice.having(Idempotency_Key=key).post("/sessions", {"backend": backend.name})
    time.seconds = DAY
    lasting = alice.having(Authorization=f"apikey {alice.issued.text}", Idempotency_Key="k")
    assert lasting.post("/sessions", {"backend": backend.name, "mode": "batch"}).status_code == 200
    assert list(KeyedCall.objects.values_list("key", "created_at")) == [("k", at(DAY))]


def test_it_shows_a_secret_once_only(alice: Caller, backend: Backend) -> None:
    once = alice.having(Idempotency_Key="feed")
    assert once.post("/calendar-feeds", {"backend": backend.name}).status_code == 201
    assert refusal(once.post("/calendar-feeds", {"backend": backend.name})) == (409, 1412)
    assert bytes(KeyedCall.objects.get().body) == b""


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "schlüssel"])
def test_it_refuses_odd_keys(alice: Caller, backend: Backend, key: str) -> None:
    once = alice.having(Idempotency_Key=key)
    assert refusal(once.post("/sessions", {"backend": backend.name})) == (400, 1210)


# --- Marks -----------------------------------------------------------------------------------------


@pytest.fixture
def polled(alice: Caller, backend: Backend) -> dict[str, str]:
    CalibrationSet.objects.create(backend=backend, taken_at=at(-1), properties='{"a": 1}')
    return {
        "job": f"/jobs/{post_job(alice, backend)}",
        "status": f"/jobs/{post_job(alice, backend)}?exclude_params=true",
        "session": f"/sessions/{post_session(alice, backend)}",
        "backend": f"/backends/{backend.name}/status",
        "configuration": f"/backends/{backend.name}/configuration",
        "properties": f"/backends/{backend.name}/properties",
    }


@pytest.mark.parametrize("what", ["job", "status", "session", "backend", "configuration", "properties"])
def test_it_answers_304_to_who_has_it_already(alice: Caller, polled: dict[str, str], what: str) -> None:
    first = alice.get(polled[what])
    again = alice.having(If_None_Match=f'"other", {first["ETag"]}').get(polled[what])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert alice.having(If_None_Match='W/"other"').get(polled[what]).content == first.content


def test_it_gives_another_mark_when_something_changed(
    alice: Caller, polled: dict[str, str], backend: Backend
) -> None:
    before = {what: alice.get(path)["ETag"] for what, path in polled.items()}
    Job.objects.update(tags=["new"])
    alice.patch(polled["session"], {"accepting_jobs": False})
    Backend.objects.update(configuration='{"new": 1}', is_paused=True)
    CalibrationSet.objects.create(backend=backend, taken_at=at(0), properties='{"a": 2}')
    after = {what: alice.get(path)["ETag"] for what, path in polled.items()}
    assert [what for what in polled if before[what] == after[what]] == []


def test_it_marks_a_job_with_params_otherwise_than_one_without(alice: Caller, polled: dict[str, str]) -> None:
    assert alice.get(polled["job"])["ETag"] != alice.get(polled["job"] + "?exclude_params=true")["ETag"]


# --- Parts of lists --------------------------------------------------------------------------------


def read_by_cursor(caller: Caller, path: str, word: str, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        body = caller.get(path, limit=2, **query, **cursor).json()
        found += [each["id"] for each in body[word]]
        if body["next"] is None:
            return found
        cursor = {"cursor": body["next"]}
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
def test_it_tells_each_job_once_by_cursor(alice: Caller, backend: Backend, time: Time, sort: str) -> None:
    idents = []
    for number in range(7):
        # Several at one instant.
        time.seconds = number // 3
        idents.append(post_job(alice, backend, tags=[str(number)]))
    found = read_by_cursor(alice, "/jobs", "jobs", sort=sort)
    assert sorted(found) == sorted(idents)
    assert found == [job["id"] for job in alice.get("/jobs", sort=sort).json()["jobs"]]


def test_it_stays_in_step_while_rows_come_and_go(alice: Caller, backend: Backend, time: Time) -> None:
    idents = []
    for number in range(4):
        time.seconds = number
        idents.append(post_job(alice, backend, tags=[str(number)]))
    first = alice.get("/jobs", limit=2).json()
    time.seconds = 9
    post_job(alice, backend, tags=["new"])
    Job.objects.filter(pk=idents[2]).update(state="cancelled", finished_at=at(9), deleted_at=at(9))
    rest = alice.get("/jobs", limit=2, cursor=first["next"]).json()
    assert [job["id"] for job in first["jobs"] + rest["jobs"]] == idents[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize(
    "cursor", ["x", "²", "W10", "W1siLWNyZWF0ZWRfYXQiLCItaWQiXSxbIngiLCJ5Il1d", "e30", "\0", "A" * 5000]
)
def test_it_refuses_foreign_cursors(alice: Caller, cursor: str) -> None:
    assert refusal(alice.get("/jobs", cursor=cursor)) == (400, 1210)


def test_it_refuses_a_cursor_of_another_order_and_one_beside_an_offset(
    alice: Caller, backend: Backend
) -> None:
    for number in range(2):
        post_job(alice, backend, tags=[str(number)])
    cursor = alice.get("/jobs", limit=1).json()["next"]
    assert refusal(alice.get("/jobs", limit=1, cursor=cursor, sort="ASC"))[0] == 400
    assert refusal(alice.get("/jobs", limit=1, cursor=cursor, offset=1))[0] == 400


def test_it_reads_no_long_document_to_tell_that_it_is_the_same(alice: Caller, backend: Backend) -> None:
    path = f"/backends/{backend.name}/configuration"
    mark = alice.get(path)["ETag"]
    with CaptureQueriesContext(connection) as asked:
        assert alice.having(If_None_Match=mark).get(path).status_code == 304
    assert not [each["sql"] for each in asked if '."configuration"' in each["sql"]]
    Backend.objects.update(configuration='{"n_qubits": 6}')
    answer = alice.having(If_None_Match=mark).get(path)
    assert (answer.status_code, answer.content) == (200, b'{"n_qubits": 6}')


# --- Faults and rates ------------------------------------------------------------------------------


def test_it_tells_every_field_that_is_wrong(alice: Caller) -> None:
    told = messages(alice.post("/jobs", {"program_id": 1, "tags": ["a", 2]}))
    assert len(told) == 4
    for number, word in enumerate(("`$.program_id`", "`backend`", "`params`", "`$.tags[1]`")):
        assert word in told[number]


def test_it_tells_every_word_that_is_too_long(alice: Caller, backend: Backend) -> None:
    body = job_of(backend, runtime="x" * 201, log_level="y" * 201, tags=["z" * 87])
    assert len(messages(alice.post("/jobs", body))) == 3


def test_it_tells_unknown_fields_beside_wrong_ones(alice: Caller) -> None:
    told = messages(alice.post("/notifications", {"channel": "pigeon", "kinds": 1, "odd": 1}))
    assert len(told) == 3


def test_it_tells_every_word_of_a_query_that_is_wrong(alice: Caller) -> None:
    told = messages(
        alice.get("/jobs", limit=0, offset="x", pending="maybe", created_after="then", sort="size", tags="a")
    )
    assert [each.partition(" ")[0].rstrip(":") for each in told] == [
        "limit", "offset", "pending", "created_after", "sort"
    ]  # fmt: skip
    told = messages(alice.get("/workloads", limit=99, mode="train", user="you", sort="createdAt"))
    assert {each.partition(" ")[0] for each in told} == {"limit", "mode", "user"}


def test_it_tells_a_wrong_cursor_beside_other_wrong_words(alice: Caller) -> None:
    told = messages(alice.get("/instances/ledger", cursor="x", kind="y"))
    assert [each.partition(" ")[0] for each in told] == ["kind"], "a cursor is of one order and one list"
    assert len(messages(alice.get("/instances/ledger", limit=0, kind="x", sort="y"))) == 3


def test_it_tells_what_is_wrong_with_query_and_body_at_once(alice: Caller) -> None:
    wrong = {"start": "then", "duration": 0}
    told = messages(alice.post("/reservations?dry_run=maybe", wrong))
    assert {each.partition(" ")[0].rstrip(":") for each in told} == {
        "dry_run", "start", "duration", "backend"
    }  # fmt: skip
    told = messages(alice.post("/reservation-series?dry_run=maybe", {"first": 1}))
    assert {each.partition(" ")[0].rstrip(":") for each in told} >= {"dry_run", "first", "rule", "backend"}


def test_it_takes_words_that_are_left_empty_as_left_out(alice: Caller) -> None:
    assert alice.get("/jobs", limit="", pending="", sort="asc").status_code == 200
    assert messages(alice.get("/jobs", limit="", sort="asc", pending="x")) == [
        "pending must be true or false."
    ]


def test_it_limits_the_calls_of_a_key(
    alice: Caller, bob: Caller, settings: Any, time: Time, backend: Backend
) -> None:
    rates.clear()
    settings.RATE_LIMIT = 3
    assert [alice.get("/backends").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = alice.get("/backends")
    assert refusal(refused) == (429, 1202)
    told = {"Retry-After": "20", "RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "60"}
    assert {name: refused[name] for name in told} == told
    assert bob.get("/backends").status_code == 200
    time.seconds = 20
    assert [alice.get("/backends").status_code for _ in range(2)] == [200, 429]


def test_it_points_to_where_an_error_is_explained(alice: Caller, settings: Any, client: Any) -> None:
    settings.PUBLIC_URL = "https://lab.example.org/"
    (error,) = alice.get("/jobs/none").json()["errors"]
    assert error["more_info"] == "https://lab.example.org/docs/api#error-1291"
    assert b'id="error-1291"' in client.get("/docs/api").content


def test_it_limits_nothing_unless_it_is_told_to(alice: Caller) -> None:
    rates.clear()
    assert {alice.get("/backends").status_code for _ in range(50)} == {200}


def test_it_sorts_backends_own_lists_by_cursor_too(alice: Caller) -> None:
    backend = make_backend()
    for number in range(5):
        CalibrationSet.objects.create(backend=backend, taken_at=at(number // 2), properties="{}")
    found = read_by_cursor(alice, f"/backends/{backend.name}/calibrations", "calibrations")
    assert len(set(found)) == len(found) == CalibrationSet.objects.filter(backend=backend).count()
