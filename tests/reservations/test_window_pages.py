"""A window's pages: moving, cancelling and releasing it, alone or with its series."""

import pytest
from django.test import Client

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import Window
from tests.api.conftest import Time
from tests.factories import at
from tests.pages.conftest import text_of
from tests.reservations.browsing import HOUR, browser, done, form, is_possible, move_form, page
from tests.reservations.making import make_member, make_window

pytestmark = pytest.mark.usefixtures("time")


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


@pytest.mark.parametrize(
    ("path", "part"), [("/reservations", "reservations-now"), ("/reservations/{}", "reservation-now")]
)
def test_its_live_part_equals_the_fresh_page(booked: Window, alice: User, path: str, part: str) -> None:
    where = path.format(booked.pk)
    told = browser(alice).get(where, headers={"X-Live": part}).content.decode().strip()
    assert told.startswith(f'<div id="{part}"')
    assert told in page(alice, where)
