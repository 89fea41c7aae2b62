"""The calendar: who sees what of it."""

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.models import Window
from reservations_app.pages.sight import View, sight_of
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_backend, make_user, open_, submit
from tests.pages.conftest import text_of
from tests.reservations.browsing import HOUR, browser, page
from tests.reservations.making import make_member, make_window
from tests.services.worker import Worker

pytestmark = pytest.mark.usefixtures("time")


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


def test_its_calendar_lets_only_those_move_who_may(booked: Window, lab: Instance, alice: User) -> None:
    assert f'data-window="{booked.pk}"' in page(alice, "/reservations")
    reading = page(make_member(lab, "reader"), "/reservations")
    assert f'href="/reservations/{booked.pk}"' in reading
    assert "data-window" not in reading


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
