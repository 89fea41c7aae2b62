"""Booking on the pages: nothing without a preview, and what is wrong is told at once."""

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.models import ReservationPolicy, Series, Window
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_instance, open_, submit
from tests.pages.conftest import text_of
from tests.reservations.browsing import HOUR, browser, done, form, is_possible, mark_in, page
from tests.reservations.making import make_member, make_window
from tests.services.worker import Worker

pytestmark = pytest.mark.usefixtures("time")


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
