"""The API of reservations: the calendar, booking, changing, and what strangers learn (W1, W6, W10)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from icalendar import Calendar

from quantumsvc.accounts.models import Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.wire.times import iso_z
from reservations_app.models import CalendarFeed, ReservationPolicy, Series, Window
from reservations_app.services import life
from sessions_app.models import Job
from tests.api.callers import Caller, make_caller, refusal
from tests.api.conftest import Time
from tests.api.test_query_counts import statements
from tests.api.work import job_of
from tests.factories import START, at, make_backend, make_instance
from tests.reservations.making import make_window

pytestmark = pytest.mark.usefixtures("time", "bare")


@pytest.fixture
def ann(db: None) -> Caller:
    """A manager of her lab."""
    return make_caller(make_instance(name="lab"), Role.MANAGER)


@pytest.fixture
def mallory(db: None) -> Caller:
    """A manager of another one."""
    return make_caller(make_instance(name="rivals"), Role.MANAGER)


@pytest.fixture
def oscar(ann: Caller) -> Caller:
    """An operator, who belongs to no instance."""
    return make_caller(ann.instance, None, is_operator=True)


def body(backend: Backend, start: float = 600, end: float = 1200, **over: Any) -> dict[str, Any]:
    return {"backend": backend.name, "start": iso_z(at(start)), "end": iso_z(at(end)), **over}


def booked(caller: Caller, backend: Backend, start: float = 600, end: float = 1200, **over: Any) -> Any:
    answer = caller.post("/reservations", body(backend, start, end, **over))
    assert answer.status_code == 201, answer.content
    return answer.json()


def codes(answer: Any) -> list[int]:
    refusal(answer)
    return [error["code"] for error in answer.json()["errors"]]


def test_it_books_and_tells_all_about_it(ann: Caller, backend: Backend) -> None:
    made = booked(ann, backend, note="class", mode="priority", end_policy="fail", users=[ann.user.pk])
    told = ann.get(f"/reservations/{made['id']}").json()
    assert {name: told[name] for name in ("backend", "instance", "mode", "end_policy", "users", "note")} == {
        "backend": backend.name,
        "instance": ann.instance.crn,
        "mode": "priority",
        "end_policy": "fail",
        "users": [ann.user.pk],
        "note": "class",
    }
    assert (told["start"], told["end"], told["state"]) == (iso_z(at(600)), iso_z(at(1200)), "scheduled")
    assert [(step["state"], step["by"]) for step in told["history"]] == [("scheduled", ann.user.username)]


def test_it_books_from_now_for_a_duration(ann: Caller, backend: Backend, time: Time) -> None:
    time.seconds = 30
    made = ann.post("/reservations", {"backend": backend.name, "duration": 90}).json()
    assert (made["start"], made["end"], made["state"]) == (iso_z(at(30)), iso_z(at(120)), "active")


def test_it_tells_every_broken_rule_at_once(ann: Caller, oscar: Caller, backend: Backend) -> None:
    ReservationPolicy.objects.create(shortest_minutes=30, freeze_minutes=60)
    make_window(900, 1000, backend=backend)
    answer = ann.post("/reservations", body(backend))
    assert (answer.status_code, codes(answer)) == (409, [9003, 9004, 9008])
    told = answer.json()["errors"]
    assert told[1]["solution"] == "An operator may override this rule."
    assert codes(ann.post("/reservations", body(backend, 1200, 1300))) == [9004, 9008]
    forced = oscar.post("/reservations", body(backend, 1200, 1300, override_reason="visit"))
    assert (forced.status_code, forced.json()["override_reason"]) == (201, "visit")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": "soon", "mode": "gentle", "users": "me"}, ("start:", "mode:", "users:")),
        ({"end": None}, ("end:",)),
        ({"duration": 5}, ("either end or duration",)),
        ({"note": "x" * 301}, ("note:",)),
        ({"users": [10**30]}, ("users",)),
        ({"users": [999_999]}, ("users:",)),
        ({"kind": "party"}, ("kind:",)),
        ({"start": "9999-12-31T23:59:59Z"}, ("start:",)),
        ({"start": "0001-01-01T00:00:00+14:00"}, ("start",)),
        ({"start": "0001-01-10T00:00:00Z", "end": "0001-02-10T00:00:00Z"}, ("start:", "end:")),
        ({"end": "9999-12-31T23:59:59Z"}, ("end:",)),
        ({"backend": ["a"]}, ("backend:",)),
        ({"instance": "crn:nobody"}, ("instance",)),
    ],
)
def test_it_refuses_bad_input_with_all_that_is_wrong(
    ann: Caller, backend: Backend, change: dict[str, Any], words: tuple[str, ...]
) -> None:
    answer = ann.post("/reservations", body(backend) | change)
    refusal(answer)
    told = " ".join(error["message"] for error in answer.json()["errors"])
    assert all(word in told for word in words), told
    assert not Window.objects.exists()


def test_it_lets_nobody_book_who_may_not(
    ann: Caller, mallory: Caller, oscar: Caller, backend: Backend
) -> None:
    writer = make_caller(ann.instance, Role.WRITER)
    assert refusal(writer.post("/reservations", body(backend))) == (403, 1200)
    assert refusal(ann.post("/reservations", body(backend, kind="maintenance"))) == (403, 1200)
    for_others = body(backend, instance=ann.instance.crn)
    assert refusal(mallory.post("/reservations", for_others)) == (404, 1291)
    private = make_backend(open_to_all=False)
    assert refusal(ann.post("/reservations", body(private))) == (404, 1007)
    assert booked(oscar, backend, instance=ann.instance.crn)["instance"] == ann.instance.crn
    assert booked(oscar, backend, 1200, 1800, kind="maintenance")["instance"] is None


def test_it_answers_a_dry_run_and_takes_nothing(ann: Caller, backend: Backend) -> None:
    ReservationPolicy.objects.create(shortest_minutes=30)
    free = ann.post("/reservations?dry_run=true", body(backend, 600, 3600)).json()
    assert (free["possible"], free["violations"]) == (True, [])
    short = ann.post("/reservations?dry_run=true", body(backend)).json()
    assert short["possible"] is False
    assert short["violations"] == [
        {
            "code": 9004,
            "rule": "shortest",
            "message": "A window lasts at least 30 min.",
            "overridable": True,
            "solution": "An operator may override this rule.",
        }
    ]
    assert not Window.objects.exists()


def test_it_shows_a_stranger_that_time_is_taken_and_not_by_whom(
    ann: Caller, mallory: Caller, oscar: Caller, backend: Backend
) -> None:
    made = booked(ann, backend, note="secret class")
    upkeep = booked(oscar, backend, 1200, 1800, kind="maintenance", note="cold head")
    theirs, public = mallory.get("/reservations", backend=backend.name).json()["reservations"]
    assert theirs == {
        "id": None,
        "kind": "reserved",
        "backend": backend.name,
        "mode": "dedicated",
        "state": "scheduled",
        "start": iso_z(at(600)),
        "end": iso_z(at(1200)),
        "mine": False,
    }
    assert (public["id"], public["note"]) == (upkeep["id"], "cold head")
    path = f"/reservations/{made['id']}"
    for answer in (
        mallory.get(path),
        mallory.patch(path, {"note": "mine"}),
        mallory.post(f"{path}/cancel", {"reason": "x"}),
        mallory.post(f"{path}/release"),
    ):
        assert refusal(answer) == (404, 1291)
    assert refusal(mallory.post(f"/reservations/{upkeep['id']}/cancel", {"reason": "x"})) == (403, 1200)
    assert Window.objects.exclude(state="scheduled").count() == 0


def test_it_lists_a_range_of_the_calendar(ann: Caller, backend: Backend) -> None:
    day = 86_400
    first = booked(ann, backend)
    second = booked(ann, make_backend(), 2 * day, 2 * day + 60)
    ann.post(f"/reservations/{second['id']}/cancel", {})

    def listed(**query: Any) -> list[str]:
        return [each["id"] for each in ann.get("/reservations", **query).json()["reservations"]]

    assert listed() == [first["id"]]
    assert listed(include_cancelled="true") == [first["id"], second["id"]]
    assert listed(start=iso_z(at(1200))) == []
    assert listed(end=iso_z(at(600))) == []
    assert listed(start=iso_z(at(1199)), end=iso_z(at(1300))) == [first["id"]]
    assert listed(limit=1, offset=1, include_cancelled="true") == [second["id"]]
    assert refusal(ann.get("/reservations", start=iso_z(at(10)), end=iso_z(at(10)))) == (400, 1210)
    assert refusal(ann.get("/reservations", start="x")) == (400, 1210)
    assert refusal(ann.get("/reservations", end="2099-01-01")) == (400, 1210)
    assert refusal(ann.get("/reservations", start="9999-12-31")) == (400, 1210)


def test_it_moves_cancels_and_releases(ann: Caller, backend: Backend, time: Time) -> None:
    made = booked(ann, backend)
    moved = ann.patch(f"/reservations/{made['id']}", {"start": iso_z(at(900))}).json()
    assert (moved["start"], moved["end"]) == (iso_z(at(900)), iso_z(at(1500)))
    old = ann.get(f"/reservations/{made['id']}").json()
    assert (old["state"], old["successor"], old["cancelled"]["by"]) == (
        "cancelled",
        moved["id"],
        ann.user.username,
    )
    assert refusal(ann.patch(f"/reservations/{made['id']}", {"note": "late"})) == (409, 1409)
    assert refusal(ann.post(f"/reservations/{moved['id']}/release")) == (409, 1409)
    time.seconds = 1000
    assert refusal(ann.post(f"/reservations/{moved['id']}/cancel", {})) == (409, 1409)
    given = ann.post(f"/reservations/{moved['id']}/release").json()
    assert (given["state"], given["released"]) == ("missed", iso_z(at(1000)))
    assert booked(ann, backend, 1000, 1500)["state"] == "active", "the rest is free"


def test_it_says_what_a_move_would_break_and_changes_nothing(ann: Caller, backend: Backend) -> None:
    made = booked(ann, backend)
    make_window(1300, 1400, backend=backend)
    told = ann.patch(f"/reservations/{made['id']}?dry_run=true", {"end": iso_z(at(1350))}).json()
    assert [each["code"] for each in told["violations"]] == [9003]
    assert ann.get(f"/reservations/{made['id']}").json()["state"] == "scheduled"


def test_it_reads_as_time_has_made_it(ann: Caller, backend: Backend, time: Time) -> None:
    made = booked(ann, backend)
    for seconds, state in ((600, "active"), (1200, "missed")):
        time.seconds = seconds
        assert ann.get(f"/reservations/{made['id']}").json()["state"] == state


SERIES = {
    "rule": "FREQ=WEEKLY;COUNT=3",
    "first": "2026-11-23T08:00",
    "time_zone": "Europe/Berlin",
    "duration": 3600,
}


def test_it_books_previews_changes_and_ends_a_series(ann: Caller, mallory: Caller, backend: Backend) -> None:
    asked = SERIES | {"backend": backend.name}
    seen = ann.post("/reservation-series?dry_run=true", asked).json()
    assert [each["local"] for each in seen["occurrences"]][:2] == [
        "2026-11-23T08:00:00",
        "2026-11-30T08:00:00",
    ]
    assert (seen["possible"], Series.objects.count()) == (True, 0)
    made = ann.post("/reservation-series", asked).json()
    path = f"/reservation-series/{made['id']}"
    windows = ann.get("/reservations", series=made["id"]).json()["reservations"]
    starts = [each["start"][:16] for each in windows]
    assert starts == ["2026-11-23T07:00", "2026-11-30T07:00", "2026-12-07T07:00"]
    assert mallory.get("/reservations", series=made["id"]).json()["reservations"] == []
    assert ann.get(path).json()["rule"] == "FREQ=WEEKLY;COUNT=3"
    assert ann.get("/reservation-series").json()["count"] == 1
    assert mallory.get("/reservation-series").json()["count"] == 0
    for answer in (
        mallory.get(path),
        mallory.patch(path, {"note": "mine"}),
        mallory.post(f"{path}/skip", {"occurrence": "2026-11-30T08:00"}),
        mallory.post(f"{path}/end", {}),
    ):
        assert refusal(answer) == (404, 1291)
    assert ann.post(f"{path}/skip", {"occurrence": "2026-11-30T08:00"}).json()["skipped"]
    new = ann.patch(path, {"first": "2026-11-23T09:00", "duration": 1800}).json()
    assert (new["duration"], new["skipped"]) == (1800, ["2026-11-30T09:00:00"])
    ended = ann.post(f"/reservation-series/{new['id']}/end", {"reason": "done"}).json()
    assert ended["ends_before"] is not None
    assert ann.get("/reservations", start=iso_z(START)).json()["count"] == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rule": "FREQ=SECONDLY"}, "rule"),
        ({"rule": ""}, "rule"),
        ({"first": "2026-11-23T08:00Z"}, "first"),
        ({"first": "monday"}, "first"),
        ({"first": "9999-12-31T23:00"}, "first"),
        ({"first": "0001-01-01T00:00", "rule": "FREQ=HOURLY"}, "first"),
        ({"first": "2150-01-01T00:00"}, "occurrence"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"duration": 0}, "duration"),
        ({"rule": "FREQ=DAILY;COUNT=3;UNTIL=20270101"}, "COUNT"),
    ],
)
def test_it_refuses_a_series_that_can_not_be_read(
    ann: Caller, backend: Backend, change: dict[str, Any], word: str
) -> None:
    answer = ann.post("/reservation-series", SERIES | {"backend": backend.name} | change)
    assert refusal(answer)[0] == 400
    assert word in answer.content.decode()
    assert not Series.objects.exists()


def test_it_finds_free_slots_that_the_rules_allow(ann: Caller, backend: Backend) -> None:
    make_window(0, 900, backend=backend)
    make_window(1800, 3600, backend=backend)
    path = f"/backends/{backend.name}/free-slots"
    within = {"end": iso_z(at(7200))}

    def found(duration: int) -> list[str]:
        return [each["start"] for each in ann.get(path, duration=duration, **within).json()["slots"]]

    assert found(900) == [iso_z(at(900)), iso_z(at(3600))]
    assert found(901) == [iso_z(at(3600))]
    assert found(3601) == []
    ReservationPolicy.objects.create(buffer_minutes=10, granularity_minutes=10)
    assert found(600) == [iso_z(at(4200))]
    for slot in found(600):
        assert (
            ann.post("/reservations", {"backend": backend.name, "start": slot, "duration": 600}).status_code
            == 201
        )
    assert refusal(ann.get("/backends/nothing/free-slots")) == (404, 1007)
    assert refusal(ann.get(path, duration="x")) == (400, 1210)


def test_it_tells_what_became_of_the_booked_time(
    ann: Caller, mallory: Caller, backend: Backend, time: Time
) -> None:
    used = make_window(60, 160, backend=backend, instance=ann.instance)
    make_window(200, 300, backend=backend, instance=ann.instance)
    make_window(400, 500, backend=backend, instance=mallory.instance)
    make_window(900, 1000, backend=backend, instance=ann.instance)
    ident = ann.post("/jobs", job_of(backend)).json()["id"]
    ran = {"state": "completed", "started_at": at(100), "finished_at": at(190), "attempt": 1}
    Job.objects.filter(pk=ident).update(**ran)
    life.begin(used.pk, at=at(60))
    life.note_job(used.pk, at=at(100))
    time.seconds = 600
    (row,) = ann.get("/reservations/utilisation").json()["instances"]
    assert row == {
        "instance": ann.instance.crn,
        "name": "lab",
        "windows": 2,
        "missed": 1,
        "booked_seconds": 200.0,
        "used_seconds": 60.0,
        "idle_seconds": 140.0,
    }
    assert ann.get("/reservations/utilisation", backend=make_backend().name).json()["instances"] == []


def test_it_refuses_jobs_while_reserved_for_others_if_the_backend_is_set_so(
    ann: Caller, mallory: Caller, backend: Backend, time: Time
) -> None:
    make_window(60, 120, backend=backend, instance=ann.instance)
    make_window(120, 180, backend=backend, instance=ann.instance, mode="priority")
    time.seconds = 60
    assert mallory.post("/jobs", job_of(backend)).status_code == 200, "it waits"
    with transaction.atomic():
        Backend.objects.update(refuse_reserved=True)
    refused = mallory.post("/jobs", job_of(backend, tags=["again"]))
    assert refusal(refused) == (423, 1233)
    assert refused["Retry-After"] == "60"
    assert iso_z(at(120)) in refused.content.decode()
    assert ann.post("/jobs", job_of(backend)).status_code == 200
    time.seconds = 120
    assert mallory.post("/jobs", job_of(backend, tags=["later"])).status_code == 200


def test_it_refuses_members_who_are_not_on_the_list(ann: Caller, backend: Backend, time: Time) -> None:
    window = make_window(60, 120, backend=backend, instance=ann.instance)
    window.users.set([ann.user])
    Backend.objects.update(refuse_reserved=True)
    time.seconds = 60
    colleague = make_caller(ann.instance, Role.WRITER)
    assert refusal(colleague.post("/jobs", job_of(backend))) == (423, 1233)
    assert ann.post("/jobs", job_of(backend)).status_code == 200


def events(url: str) -> list[tuple[str, str]]:
    answer = Client().get(url)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/calendar")
    found = Calendar.from_ical(answer.content).walk("VEVENT")
    return [(str(each["summary"]), each.decoded("dtstart").isoformat()) for each in found]


def test_it_gives_calendars_a_secret_address_that_can_be_changed(
    ann: Caller, mallory: Caller, backend: Backend
) -> None:
    booked(ann, backend, note="secret class")
    mine = ann.post("/calendar-feeds", {}).json()["url"]
    theirs = mallory.post("/calendar-feeds", {"backend": backend.name}).json()["url"]
    start = at(600).isoformat()
    assert events(mine) == [(f"{backend.name}: lab (dedicated)", start)]
    assert events(theirs) == [(f"{backend.name}: reserved", start)]
    text = Client().get(theirs).content.decode()
    assert "secret class" not in text
    assert ann.instance.crn not in text
    assert not CalendarFeed.objects.filter(digest__in=mine.split("/")).exists(), "only a digest is kept"
    again = ann.post("/calendar-feeds", {}).json()["url"]
    assert again != mine
    assert refusal(Client().get(mine)) == (404, 1291)
    assert len(events(again)) == 1
    assert ann.delete("/calendar-feeds").status_code == 204
    assert refusal(Client().get(again)) == (404, 1291)
    assert len(events(theirs)) == 1, "that of another reader stays"


def test_it_shows_a_feed_what_its_owner_may_see_now(ann: Caller, backend: Backend) -> None:
    booked(ann, backend)
    url = ann.post("/calendar-feeds", {}).json()["url"]
    assert len(events(url)) == 1
    Membership.objects.filter(user=ann.user).delete()
    assert events(url) == []
    User.objects.filter(pk=ann.user.pk).update(is_active=False)
    assert refusal(Client().get(url)) == (404, 1291)


def test_it_gives_a_window_one_id_for_as_long_as_it_lives(ann: Caller, backend: Backend, time: Time) -> None:
    booked(ann, backend)
    url = ann.post("/calendar-feeds", {}).json()["url"]
    first = Calendar.from_ical(Client().get(url).content).walk("VEVENT")[0]["uid"]
    time.seconds = timedelta(hours=1).total_seconds()
    assert Calendar.from_ical(Client().get(url).content).walk("VEVENT")[0]["uid"] == first


def test_it_asks_no_more_of_the_database_for_a_longer_calendar(
    ann: Caller, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cost() -> int:
        with statements(monkeypatch) as seen:
            assert ann.get("/reservations").status_code == 200
        return len(seen)

    make_window(0, 60, backend=backend, instance=ann.instance)
    cost()
    few = cost()
    for number in range(1, 20):
        make_window(60 * number, 60 * number + 60, backend=backend, instance=ann.instance)
    assert cost() == few <= 8
