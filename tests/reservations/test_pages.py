"""The calendar's pages: who sees what, nothing without a preview, and the deeds themselves."""

import re
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import ReservationPolicy, Series, Window
from reservations_app.pages.sight import View, sight_of
from reservations_app.services import booking
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_backend, make_instance, make_user, open_, submit
from tests.pages.conftest import text_of
from tests.pages.test_every_page import check_page
from tests.reservations.making import make_member, make_window, wish
from tests.services.worker import Worker

pytestmark = pytest.mark.usefixtures("time")
HOUR = 3_600


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, path: str, **query: Any) -> str:
    """A page that must be there."""
    answer = browser(user).get(path, query)
    assert answer.status_code == 200, answer
    text = answer.content.decode()
    check_page(text)
    return text


def form(backend: Backend, lab: Instance | None, **over: Any) -> dict[str, Any]:
    """A form that books from 13:00 to 14:00 UTC."""
    return {
        "backend": backend.name,
        "what": str(lab.pk) if lab else "maintenance",
        "start": "2026-11-21T13:00",
        "end": "2026-11-21T14:00",
        "zone": "UTC",
        "mode": "dedicated",
        "end_policy": "release",
        **over,
    }


def mark_in(answer: Any) -> str:
    found = re.search(r'name="checked" value="([0-9a-f]+)"', answer.content.decode())
    assert found, text_of(answer.content.decode())
    return found.group(1)


def done(user: User, path: str, asked: dict[str, Any]) -> Any:
    """Check the form and then do it, as the page's two buttons do."""
    client = browser(user)
    checked = client.post(path, {**asked, "do": "check"})
    assert checked.status_code == 200, text_of(checked.content.decode())
    return client.post(path, {**asked, "do": "book", "checked": mark_in(checked)})


def is_possible(answer: Any) -> bool:
    return 'value="book"' in answer.content.decode()


@pytest.mark.parametrize("view", list(View))
def test_it_shows_ones_own_window_with_a_link_and_a_strangers_without_a_name(
    backend: Backend, lab: Instance, alice: User, bob: User, view: str
) -> None:
    window = make_window(HOUR, 2 * HOUR, backend=backend, instance=lab, note="a secret note")
    own = page(alice, "/reservations", view=view)
    assert f'href="/reservations/{window.pk}"' in own
    assert "a secret note" in own
    foreign = page(bob, "/reservations", view=view)
    assert "Reserved" in text_of(foreign)
    for secret in (window.pk, "a secret note", "lab,"):
        assert secret not in foreign


def test_it_shows_to_others_neither_sessions_names_nor_utilisation(
    backend: Backend, lab: Instance, alice: User, bob: User
) -> None:
    author = Author(user=alice, instance=lab)
    session = open_(author, backend)
    submit(author, backend, 0, session_id=session.pk)
    Worker(backend).start(1)
    make_window(HOUR, 2 * HOUR, backend=backend, instance=lab)
    assert f"/sessions/{session.pk}" in page(alice, "/reservations")
    assert "Utilisation" in page(alice, "/reservations")
    foreign = page(bob, "/reservations")
    assert session.pk not in foreign
    assert "Utilisation" not in foreign


def test_it_leaves_out_layers_and_backends_that_are_not_asked_for(
    backend: Backend, lab: Instance, alice: User
) -> None:
    other = make_backend()
    own = make_window(HOUR, 2 * HOUR, backend=backend, instance=lab)
    upkeep = make_window(3 * HOUR, 4 * HOUR, backend=other, kind="maintenance")
    told = page(alice, "/reservations", layer="maintenance")
    assert (own.pk in told, upkeep.pk in told) == (False, True)
    told = page(alice, "/reservations", backend=backend.name)
    assert (own.pk in told, upkeep.pk in told) == (True, False)


def test_it_shows_nothing_of_backends_that_the_reader_may_not_use(bob: User) -> None:
    hidden = make_backend(open_to_all=False)
    make_window(HOUR, 2 * HOUR, backend=hidden, kind="maintenance")
    assert hidden.name not in page(bob, "/reservations", view="timeline")
    asked = page(bob, "/reservations", backend=hidden.name)
    assert "Nothing stands in the calendar" in text_of(asked)


def test_it_tells_times_in_the_readers_zone_or_in_utc(backend: Backend, lab: Instance, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
    make_window(HOUR, 2 * HOUR, backend=backend, instance=lab)
    client = browser(User.objects.get(pk=alice.pk))
    assert ">2026-11-21 22:00:00<" in client.get("/reservations").content.decode()
    client.cookies["clock"] = "utc"
    assert ">2026-11-21 13:00:00<" in client.get("/reservations").content.decode()


@pytest.mark.parametrize(
    "query",
    ["view=nothing&date=today&days=x&layer=odd", "date=0001-01-01&view=month", "date=9999-12-31&view=month"],
)
def test_it_shows_something_for_any_address(backend: Backend, alice: User, query: str) -> None:
    assert browser(alice).get(f"/reservations?{query}").status_code == 200


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-21", 24)])
def test_its_days_are_as_long_as_the_clock_says(day: str, hours: int) -> None:
    sight = sight_of(QueryDict(f"view=day&date={day}"), ZoneInfo("Europe/Berlin"), at(0))
    assert sight.end - sight.start == timedelta(hours=hours)


def test_its_month_goes_on_where_the_last_one_ended() -> None:
    sight = sight_of(QueryDict("view=month&date=2026-11-21"), UTC, at(0))
    assert (sight.first, sight.last) == (date(2026, 10, 26), date(2026, 12, 7))
    assert (sight.before, sight.after) == (date(2026, 10, 1), date(2026, 12, 1))


def test_its_utilisation_tells_booked_used_idle_and_missed(
    backend: Backend, lab: Instance, alice: User, time: Time
) -> None:
    make_window(0, 600, backend=backend, instance=lab, first_job_at=at(60), state="completed")
    make_window(600, 900, backend=backend, instance=lab, state="missed")
    make_window(90_000, 90_600, backend=backend, instance=lab)
    submit(Author(user=alice, instance=lab), backend, 0)
    worker = Worker(backend)
    worker.start(60)
    worker.turn(180, end="completed")
    time.seconds = 1_000
    told = text_of(page(alice, "/reservations"))
    assert "lab 25 min 2 min 8 min 5 min 13 %" in told
    table = browser(alice).get("/reservations/utilisation.csv").content.decode().splitlines()
    assert table == [
        "instance,from,until,booked,used,idle,missed",
        "lab,2026-11-16T00:00:00.000000Z,2026-11-23T00:00:00.000000Z,1500.000,120.000,480.000,300.000",
    ]
    assert len(browser(make_user()).get("/reservations/utilisation.csv").content.splitlines()) == 1


def test_its_form_is_for_managers_and_operators(lab: Instance, backend: Backend, olga: User) -> None:
    assert "Book time" in page(olga, "/reservations/new")
    for role in ("reader", "writer"):
        client = browser(make_member(lab, role))
        assert client.get("/reservations/new").status_code == 403
        assert client.post("/reservations/new", form(backend, lab)).status_code == 403
        assert "Book time" not in client.get("/reservations").content.decode()


def test_its_form_takes_the_times_that_were_drawn(backend: Backend, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
    times = {"start": "2026-11-21T13:15:00.000Z", "end": "2026-11-21T14:30:00.000Z"}
    told = page(User.objects.get(pk=alice.pk), "/reservations/new", backend=backend.name, **times)
    assert 'value="2026-11-21T22:15:00"' in told
    assert 'value="2026-11-21T23:30:00"' in told
    assert '<option value="Asia/Tokyo" selected>' in told


def test_it_names_all_broken_rules_at_once_and_books_nothing(
    backend: Backend, lab: Instance, alice: User, olga: User
) -> None:
    ReservationPolicy.objects.create(backend=backend, shortest_minutes=90, granularity_minutes=30)
    make_window(HOUR, 2 * HOUR, backend=backend)
    before = Window.objects.count()
    asked = form(backend, lab, start="2026-11-21T13:10", do="check")
    answer = browser(alice).post("/reservations/new", asked)
    told = text_of(answer.content.decode())
    for part in ("The backend is taken", "at least 1 h 30 min", "a multiple of 30 min", "It can't be booked"):
        assert part in told
    assert "This holds for everybody." in told
    assert "An operator may override it." in told
    assert not is_possible(answer)
    assert "You may override it" in text_of(browser(olga).post("/reservations/new", asked).content.decode())
    assert Window.objects.count() == before


def test_it_shows_what_is_delayed_and_names_only_what_the_reader_may_see(
    backend: Backend, lab: Instance, alice: User, olga: User
) -> None:
    rivals = make_instance(name="rivals")
    user = make_member(rivals, "writer")
    job = submit(Author(user=user, instance=rivals), backend, 0, cost=7_200)
    asked = form(backend, lab, do="check")
    told = browser(alice).post("/reservations/new", asked).content.decode()
    assert "a job of another instance" in told
    assert "2 h" in told
    assert job.pk not in told
    assert job.pk in browser(olga).post("/reservations/new", asked).content.decode()
    assert not Window.objects.exists()


def test_it_shows_what_is_stopped_and_which_session_pauses(
    backend: Backend, lab: Instance, alice: User, time: Time
) -> None:
    rivals = make_instance(name="rivals")
    author = Author(user=make_member(rivals, "writer"), instance=rivals)
    session = open_(author, backend)
    job = submit(author, backend, 0, session_id=session.pk, cost=7_200)
    Worker(backend).start(1)
    time.seconds = 60
    times = {"start": "2026-11-21T12:30", "end": "2026-11-21T12:45"}
    answer = browser(alice).post("/reservations/new", form(backend, lab, do="check", **times))
    told = text_of(answer.content.decode())
    assert "The job that runs now is stopped at 2026-11-21 12:30:00" in told
    assert "The active session pauses at 2026-11-21 12:30:00" in told
    assert session.pk not in told
    assert job.pk not in told


def test_it_books_what_was_shown_and_nothing_else(backend: Backend, lab: Instance, alice: User) -> None:
    asked = form(backend, lab, note="a class", members=alice.username)
    client = browser(alice)
    checked = client.post("/reservations/new", {**asked, "do": "check"})
    other = {**asked, "end": "2026-11-21T15:00", "do": "book", "checked": mark_in(checked)}
    shown = client.post("/reservations/new", other)
    assert shown.status_code == 200
    assert not Window.objects.exists(), "it was not shown with this end"
    assert client.post("/reservations/new", {**asked, "do": "book"}).status_code == 200
    answer = client.post("/reservations/new", {**asked, "do": "book", "checked": mark_in(checked)})
    window = Window.objects.get()
    assert answer["Location"] == f"/reservations/{window.pk}"
    assert (window.starts_at, window.ends_at) == (at(HOUR), at(2 * HOUR))
    assert (window.note, window.instance, list(window.users.all())) == ("a class", lab, [alice])
    assert "a class" in page(alice, f"/reservations/{window.pk}")


def test_it_reads_the_times_on_the_clock_that_the_form_names(
    backend: Backend, lab: Instance, alice: User
) -> None:
    times = {"start": "2026-11-21T22:00", "end": "2026-11-21T23:00", "zone": "Asia/Tokyo"}
    done(alice, "/reservations/new", form(backend, lab, **times))
    assert Window.objects.get().starts_at == at(HOUR)


def test_it_says_so_when_the_time_was_taken_meanwhile(backend: Backend, lab: Instance, alice: User) -> None:
    asked = form(backend, lab)
    client = browser(alice)
    checked = client.post("/reservations/new", {**asked, "do": "check"})
    make_window(HOUR, 2 * HOUR, backend=backend)
    answer = client.post("/reservations/new", {**asked, "do": "book", "checked": mark_in(checked)})
    assert answer.status_code == 409
    assert "The backend is taken" in text_of(answer.content.decode())
    assert not Window.objects.filter(instance=lab).exists()


def test_an_operator_overrides_with_a_reason_that_is_kept(
    backend: Backend, lab: Instance, olga: User
) -> None:
    ReservationPolicy.objects.create(backend=backend, longest_minutes=30)
    answer = browser(olga).post("/reservations/new", form(backend, lab, do="check"))
    assert not is_possible(answer)
    done(olga, "/reservations/new", form(backend, lab, override_reason="a class"))
    window = Window.objects.get()
    assert window.override_reason == "a class"
    assert "a class" in page(olga, f"/reservations/{window.pk}")


def test_an_operator_books_maintenance(backend: Backend, olga: User, alice: User) -> None:
    done(olga, "/reservations/new", form(backend, None, what="maintenance"))
    assert Window.objects.get().kind == "maintenance"
    forbidden = browser(alice).post("/reservations/new", form(backend, None, what="maintenance", do="check"))
    assert forbidden.status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "soon"},
        {"start": "2026-11-21T13:00Z"},
        {"end": "9999-01-01T00:00"},
        {"end": ""},
        {"zone": "Mars/Olympus"},
        {"backend": "nothing"},
        {"backend": "null\0"},
        {"what": "999999"},
        {"mode": "odd"},
        {"members": "nobody, at all"},
        {"note": "x" * 301},
        {"repeat": "own"},
        {"repeat": "own", "rule": "FREQ=SECONDLY"},
        {"repeat": "FREQ=DAILY", "until": "never"},
    ],
)
def test_its_form_tells_what_is_wrong_and_stores_nothing(
    backend: Backend, lab: Instance, alice: User, wrong: dict[str, str]
) -> None:
    answer = browser(alice).post("/reservations/new", {**form(backend, lab, do="check"), **wrong})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not Window.objects.exists()


def test_it_books_a_series(backend: Backend, lab: Instance, alice: User) -> None:
    asked = form(backend, lab, repeat="FREQ=WEEKLY", until="2026-12-10", zone="Europe/Berlin")
    asked |= {"start": "2026-11-23T08:00", "end": "2026-11-23T09:00"}
    checked = browser(alice).post("/reservations/new", {**asked, "do": "check"})
    assert "3 dates" in text_of(checked.content.decode())
    assert not Series.objects.exists()
    done(alice, "/reservations/new", asked)
    assert Series.objects.get().rule == "FREQ=WEEKLY;UNTIL=20261210"
    days = [each.starts_at.day for each in Window.objects.order_by("starts_at")]
    assert days == [23, 30, 7]


@pytest.fixture
def booked(backend: Backend, lab: Instance, alice: User) -> Window:
    return booking.book(wish(backend, lab, HOUR, 2 * HOUR, note="mine"), by=alice, now=at(0))


def move_form(start: str, end: str, **over: Any) -> dict[str, Any]:
    asked = {"start": start, "end": end, "zone": "UTC", "mode": "dedicated", "end_policy": "release"}
    return {**asked, "note": "mine", **over}


@pytest.mark.parametrize("deed", ["", "/move", "/cancel", "/release"])
def test_it_does_not_exist_for_strangers_and_cannot_be_changed_by_readers(
    booked: Window, lab: Instance, bob: User, deed: str
) -> None:
    path = f"/reservations/{booked.pk}{deed}"
    assert browser(bob).get(path).status_code == 404
    assert browser(bob).post(path).status_code in (404, 405)
    reader = browser(make_member(lab, "reader"))
    assert reader.get(path).status_code == (403 if deed else 200)
    assert Client().get(path)["Location"] == f"/login?next={path}"
    booked.refresh_from_db()
    assert booked.state == "scheduled"


def test_it_moves_a_window_and_links_both(booked: Window, alice: User) -> None:
    asked = move_form("2026-11-21T15:00", "2026-11-21T17:00")
    answer = done(alice, f"/reservations/{booked.pk}/move", asked)
    new = Window.objects.get(state="scheduled")
    assert answer["Location"] == f"/reservations/{new.pk}"
    assert (new.starts_at, new.ends_at) == (at(3 * HOUR), at(5 * HOUR))
    old = page(alice, f"/reservations/{booked.pk}")
    assert f'href="/reservations/{new.pk}"' in old
    told = page(alice, f"/reservations/{new.pk}")
    assert f'href="/reservations/{booked.pk}"' in told
    assert "Before it was moved" in told


def test_it_shows_a_move_before_it_does_it(booked: Window, alice: User, backend: Backend) -> None:
    make_window(3 * HOUR, 4 * HOUR, backend=backend)
    path = f"/reservations/{booked.pk}/move"
    asked = move_form("2026-11-21T13:30", "2026-11-21T15:30", do="check")
    answer = browser(alice).post(path, asked)
    assert "The backend is taken from 2026-11-21 15:00:00" in text_of(answer.content.decode())
    assert not is_possible(answer)
    booked.refresh_from_db()
    assert booked.state == "scheduled"
    drawn = {"start": "2026-11-21T14:00:00Z", "end": "2026-11-21T14:45:00Z"}
    assert 'value="2026-11-21T14:45:00"' in page(alice, path, **drawn)


def test_it_refuses_to_move_the_start_of_a_window_that_has_begun(
    booked: Window, alice: User, time: Time
) -> None:
    time.seconds = HOUR + 60
    path = f"/reservations/{booked.pk}/move"
    asked = move_form("2026-11-21T13:30", "2026-11-21T14:30", do="check")
    answer = browser(alice).post(path, asked)
    assert answer.status_code == 409
    assert "only its end can be moved" in text_of(answer.content.decode())


def test_it_cancels_with_a_reason(booked: Window, alice: User, lab: Instance) -> None:
    other = make_member(lab, "manager")
    path = f"/reservations/{booked.pk}/cancel"
    answer = browser(other).post(path)
    assert answer.status_code == 400
    assert "say why" in text_of(answer.content.decode())
    assert browser(other).post(path, {"reason": "the class is off"}).status_code == 302
    assert "the class is off" in text_of(page(alice, f"/reservations/{booked.pk}"))


def test_it_releases_what_is_left(booked: Window, alice: User, time: Time) -> None:
    path = f"/reservations/{booked.pk}/release"
    assert "nothing to release" in page(alice, path)
    time.seconds = HOUR + 600
    assert "Release what is left" in page(alice, f"/reservations/{booked.pk}")
    browser(alice).post(path)
    booked.refresh_from_db()
    assert booked.released_at == at(HOUR + 600)


@pytest.fixture
def weekly(backend: Backend, lab: Instance, alice: User) -> list[Window]:
    """Four Mondays at 8:00 UTC."""
    asked = form(backend, lab, repeat="own", rule="FREQ=WEEKLY;COUNT=4")
    asked |= {"start": "2026-11-23T08:00", "end": "2026-11-23T09:00"}
    done(alice, "/reservations/new", asked)
    return list(Window.objects.order_by("starts_at"))


def starts() -> list[str]:
    rows = Window.objects.filter(state=WindowState.SCHEDULED).order_by("starts_at")
    return [f"{each.starts_at:%d %H}" for each in rows]


@pytest.mark.parametrize(
    ("scope", "after"),
    [
        ("this", ["23 08", "30 10", "07 08", "14 08"]),
        ("following", ["23 08", "30 10", "07 10", "14 10"]),
        ("all", ["23 10", "30 10", "07 10", "14 10"]),
    ],
)
def test_it_edits_one_date_or_those_that_follow_or_all(
    weekly: list[Window], alice: User, scope: str, after: list[str]
) -> None:
    asked = move_form("2026-11-30T10:00", "2026-11-30T11:00", scope=scope)
    client = browser(alice)
    path = f"/reservations/{weekly[1].pk}/move"
    checked = client.post(path, {**asked, "do": "check"})
    assert is_possible(checked), text_of(checked.content.decode())
    assert starts() == ["23 08", "30 08", "07 08", "14 08"]
    answer = done(alice, path, asked)
    assert answer.status_code == 302
    assert starts() == after


def test_it_leaves_out_a_date_or_ends_the_series(weekly: list[Window], alice: User) -> None:
    browser(alice).post(f"/reservations/{weekly[1].pk}/cancel", {"scope": "this"})
    assert starts() == ["23 08", "07 08", "14 08"]
    browser(alice).post(f"/reservations/{weekly[2].pk}/cancel", {"scope": "all"})
    assert starts() == []


def test_its_calendar_lets_only_those_move_who_may(booked: Window, lab: Instance, alice: User) -> None:
    assert f'data-window="{booked.pk}"' in page(alice, "/reservations")
    reading = page(make_member(lab, "reader"), "/reservations")
    assert f'href="/reservations/{booked.pk}"' in reading
    assert "data-window" not in reading


@pytest.mark.parametrize(
    ("path", "part"), [("/reservations", "reservations-now"), ("/reservations/{}", "reservation-now")]
)
def test_its_live_part_equals_the_fresh_page(booked: Window, alice: User, path: str, part: str) -> None:
    where = path.format(booked.pk)
    told = browser(alice).get(where, headers={"X-Live": part}).content.decode().strip()
    assert told.startswith(f'<div id="{part}"')
    assert told in page(alice, where)


def test_it_asks_the_database_as_often_for_many_windows_as_for_one(
    backend: Backend, lab: Instance, alice: User
) -> None:
    client = browser(alice)

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/reservations").status_code == 200
        return len(seen)

    make_window(HOUR, HOUR + 60, backend=backend, instance=lab)
    client.get("/reservations")
    few = count()
    for number in range(1, 6):
        make_window(HOUR + 60 * number, HOUR + 60 * (number + 1), backend=backend, instance=lab)
    assert count() == few
