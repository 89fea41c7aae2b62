"""Windows, series and policies, as an operator books and changes them."""

from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from quantumsvc.accounts.models import AuditEntry, Instance
from quantumsvc.backends.models import Backend
from reservations_app.models import ReservationPolicy, Series, Window
from reservations_app.services.booking import Wish, book
from reservations_app.services.life import begin
from reservations_app.services.rules import Span
from sessions_app.services.submission import Author
from tests.admin.conftest import act, asked, done, last_act, refused
from tests.api.conftest import Time
from tests.factories import at, make_instance, submit
from tests.pages.conftest import Reader
from tests.services.worker import Worker

WINDOW = "reservations_app/window"
SERIES = "reservations_app/series"
POLICY = "reservations_app/reservationpolicy"


def booking(backend: Backend, instance: Instance | None, /, **over: Any) -> dict[str, Any]:
    return {
        "backend": backend.pk,
        "kind": "reservation" if instance else "maintenance",
        "instance": instance.pk if instance else "",
        "starts_at": "2026-11-21T14:00",
        "ends_at": "2026-11-21T15:00",
        "mode": "dedicated",
        "end_policy": "release",
        **over,
    }


@pytest.fixture
def window(olga: Reader, backend: Backend, lab: Instance) -> Window:
    done(act(olga, WINDOW, None, "book", **booking(backend, lab)))
    return Window.objects.get()


def test_it_books_on_the_clock_of_the_operator(olga: Reader, backend: Backend, lab: Instance) -> None:
    olga.user.time_zone = "Europe/Berlin"
    olga.user.save()
    shown = asked(olga, WINDOW, None, "book")
    assert "On the clock of Europe/Berlin." in shown
    assert "Check first" in shown
    done(act(olga, WINDOW, None, "book", **booking(backend, lab, note="thesis")))
    window = Window.objects.get()
    assert (window.starts_at, window.ends_at) == (
        parse_datetime("2026-11-21T13:00Z"),
        parse_datetime("2026-11-21T14:00Z"),
    )
    assert (window.instance, window.created_by, window.note) == (lab, olga.user, "thesis")
    assert last_act()[:2] == ("olga", "window.booked")


def test_it_checks_first_and_tells_all_that_stands_against_it(
    olga: Reader, backend: Backend, lab: Instance, window: Window
) -> None:
    ReservationPolicy.objects.create(shortest_minutes=120, granularity_minutes=7, weekdays=[0])
    form = booking(backend, lab, starts_at="2026-11-21T14:30", check="yes")
    page = act(olga, WINDOW, None, "book", **form).content.decode()
    assert "Checked, nothing was changed" in page
    assert page.count("You may override this.") == 3
    assert page.count("This holds for everybody.") == 1
    assert 'value="2026-11-21T14:30"' in page, "the form keeps what was typed"
    assert Window.objects.count() == 1
    free = booking(backend, None, starts_at="2026-11-22T14:30", ends_at="2026-11-22T15:30", check="yes")
    page = act(olga, WINDOW, None, "book", **free).content.decode()
    assert "Nothing speaks against it." in page
    assert "No waiting job would start later." in page


def test_it_tells_what_a_window_would_delay_before_it_is_booked(
    olga: Reader, backend: Backend, lab: Instance, author: Author
) -> None:
    """E2, in the form."""
    running, waiting = submit(author, backend, 0, cost=10), submit(author, backend, 1, cost=7300)
    Worker(backend).start(2)
    page = act(olga, WINDOW, None, "book", **booking(backend, None, check="yes")).content.decode()
    assert f"Job {waiting.pk} would start later:" in page
    assert running.pk not in page
    weekly = {
        "rule": "FREQ=WEEKLY", "first": "2026-11-21T14:00", "time_zone": "UTC", "minutes": "60",
        "check": "yes",
    }  # fmt: skip
    page = act(olga, SERIES, None, "book", **booking(backend, None, **weekly)).content.decode()
    assert f"Job {waiting.pk} would start later:" in page


def test_it_books_against_rules_only_with_a_reason_and_never_what_is_taken(
    olga: Reader, backend: Backend, lab: Instance, window: Window
) -> None:
    ReservationPolicy.objects.create(shortest_minutes=120, granularity_minutes=7)
    form = booking(backend, lab, starts_at="2026-11-21T16:00", ends_at="2026-11-21T17:00")
    told = refused(act(olga, WINDOW, None, "book", **form))
    assert told.count("Give an override_reason.") == 2
    done(act(olga, WINDOW, None, "book", **form, override_reason="visitors from far away"))
    assert Window.objects.count() == 2
    assert last_act() == ("olga", "window.booked", "visitors from far away")
    taken = booking(backend, lab, override_reason="I want it")
    assert "Choose another time." in refused(act(olga, WINDOW, None, "book", **taken))
    assert Window.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"ends_at": "2026-11-21T13:00"}, "end"),
        ({"starts_at": "2026-11-20T13:00"}, "past"),
        ({"starts_at": "soon"}, "valid date"),
        ({"kind": "maintenance"}, "for none"),
        ({"instance": ""}, "for an instance"),
        ({"mode": "exclusive"}, "not one of the available choices"),
    ],
)
def test_it_books_nothing_that_is_wrong(
    olga: Reader, backend: Backend, lab: Instance, wrong: dict[str, str], told: str
) -> None:
    assert told in refused(act(olga, WINDOW, None, "book", **booking(backend, lab, **wrong)))
    assert not Window.objects.exists()


def test_it_names_only_members_of_the_instance(
    olga: Reader, backend: Backend, lab: Instance, rita: Reader, stranger: Reader
) -> None:
    form = booking(backend, lab, users=[rita.user.pk, stranger.user.pk])
    assert "not members" in refused(act(olga, WINDOW, None, "book", **form))
    done(act(olga, WINDOW, None, "book", **{**form, "users": [rita.user.pk]}))
    assert list(Window.objects.get().users.all()) == [rita.user]


def test_it_moves_a_window_and_keeps_the_old_one(olga: Reader, window: Window) -> None:
    page = olga.client.get(f"/admin/{WINDOW}/{window.pk}/act/move/").content.decode()
    assert 'value="2026-11-21T14:00:00"' in page
    form = {
        "starts_at": "2026-11-21T18:00",
        "ends_at": "2026-11-21T19:00",
        "mode": "priority",
        "end_policy": "fail",
    }
    done(act(olga, WINDOW, window, "move", **form))
    window.refresh_from_db()
    assert window.state == "cancelled"
    assert window.successor is not None
    assert (window.successor.mode, window.successor.end_policy) == ("priority", "fail")
    assert "It is cancelled." in asked(olga, WINDOW, window, "move")


def test_it_lengthens_a_window_that_has_begun_at_an_odd_instant(
    olga: Reader, backend: Backend, lab: Instance, time: Time
) -> None:
    span = Span(at(0.123_456), at(3_600))
    going = book(Wish(backend=backend, instance=lab, span=span), by=olga.user, now=at(0))
    begin(going.pk, at=at(1))
    time.seconds = 60
    form = {"starts_at": "2026-11-21T12:00:00", "ends_at": "2026-11-21T16:00", "mode": "dedicated"}
    done(act(olga, WINDOW, going, "move", **form, end_policy="release"))
    assert Window.objects.get(state="active").starts_at == span.start


def test_it_cancels_with_a_reason_and_releases_what_is_left(
    olga: Reader, window: Window, backend: Backend, lab: Instance, time: Time
) -> None:
    assert "required" in refused(act(olga, WINDOW, window, "cancel"))
    assert "cancel it instead" in asked(olga, WINDOW, window, "release")
    done(act(olga, WINDOW, window, "cancel", reason="not needed"))
    window.refresh_from_db()
    assert (window.state, window.cancel_reason, window.cancelled_by) == ("cancelled", "not needed", olga.user)
    done(act(olga, WINDOW, None, "book", **booking(backend, lab)))
    time.seconds = 2 * 3600 + 60
    going = Window.objects.get(state="scheduled")
    assert "required" in refused(act(olga, WINDOW, going, "release"))
    done(act(olga, WINDOW, going, "release", reason="nobody came"))
    going.refresh_from_db()
    assert going.released_at == time.now()
    assert last_act() == ("olga", "window.released", "nobody came")


def test_it_cancels_many_windows_at_once(
    olga: Reader, window: Window, backend: Backend, lab: Instance
) -> None:
    later = {"starts_at": "2026-11-21T20:00", "ends_at": "2026-11-21T21:00"}
    done(act(olga, WINDOW, None, "book", **booking(backend, lab, **later)))
    form = {"action": "cancel", "_selected_action": list(Window.objects.values_list("pk", flat=True))}
    assert "2 of 2 chosen" in olga.client.post(f"/admin/{WINDOW}/", form).content.decode()
    done(olga.client.post(f"/admin/{WINDOW}/", {**form, "confirmed": "yes", "reason": "flood"}))
    assert Window.objects.filter(state="cancelled", cancel_reason="flood").count() == 2


# --- Series ---


def repeated(backend: Backend, **over: Any) -> dict[str, Any]:
    return {
        "backend": backend.pk, "kind": "maintenance", "rule": "FREQ=WEEKLY;BYDAY=MO;COUNT=4",
        "first": "2026-11-23T08:00", "time_zone": "Europe/Berlin", "minutes": "120",
        "mode": "dedicated", "end_policy": "release", **over,
    }  # fmt: skip


@pytest.fixture
def weekly(olga: Reader, backend: Backend) -> Series:
    done(act(olga, SERIES, None, "book", **repeated(backend)))
    return Series.objects.get()


def test_it_books_a_series(olga: Reader, weekly: Series) -> None:
    starts = list(weekly.windows.order_by("starts_at").values_list("starts_at", flat=True))
    assert starts == [parse_datetime(f"2026-{day}T07:00Z") for day in ("11-23", "11-30", "12-07", "12-14")]
    assert last_act()[:2] == ("olga", "series.booked")
    assert "windows to come" in olga.sees(f"/admin/{SERIES}/{weekly.pk}/change/").lower()


def test_it_checks_a_series_first(olga: Reader, backend: Backend, weekly: Series) -> None:
    page = act(olga, SERIES, None, "book", **repeated(backend, check="yes", skip_taken="on")).content.decode()
    assert "0 windows could be booked" in page
    assert "4 are left out" in page
    assert Series.objects.count() == 1
    assert "Choose another time" in refused(act(olga, SERIES, None, "book", **repeated(backend)))


@pytest.mark.parametrize(
    "wrong", [{"rule": "often"}, {"first": "x"}, {"minutes": "0"}, {"time_zone": "Mars"}]
)
def test_it_books_no_series_that_is_wrong(olga: Reader, backend: Backend, wrong: dict[str, str]) -> None:
    refused(act(olga, SERIES, None, "book", **repeated(backend, **wrong)))
    assert not Series.objects.exists()


def test_it_changes_a_series_from_a_time_on(olga: Reader, weekly: Series) -> None:
    form = {
        "since": "2026-12-07T07:00", "rule": "FREQ=WEEKLY;BYDAY=TU;COUNT=2", "first": "2026-12-08T10:00",
        "minutes": "60", "mode": "dedicated", "end_policy": "release", "note": "moved",
    }  # fmt: skip
    done(act(olga, SERIES, weekly, "change", **form))
    weekly.refresh_from_db()
    assert weekly.successor is not None
    standing = Window.objects.filter(state="scheduled").order_by("starts_at")
    assert [f"{each.starts_at:%m-%d %H}" for each in standing] == [
        "11-23 07",
        "11-30 07",
        "12-08 09",
        "12-15 09",
    ]
    assert "It has ended." in asked(olga, SERIES, weekly, "change")


def test_it_leaves_out_a_date_and_ends_a_series(olga: Reader, weekly: Series) -> None:
    assert "no occurrence" in refused(act(olga, SERIES, weekly, "skip", local="2026-12-01T08:00", reason="x"))
    done(act(olga, SERIES, weekly, "skip", local="2026-12-07T08:00", reason="holiday"))
    assert Window.objects.filter(state="scheduled").count() == 3
    done(act(olga, SERIES, weekly, "end", reason="retired"))
    assert not Window.objects.filter(state="scheduled").exists()
    assert last_act() == ("olga", "series.ended", "retired")


# --- Policies ---


def limits(olga: Reader, **over: Any) -> dict[str, Any]:
    """The form as it is first shown."""
    form = olga.client.get(f"/admin/{POLICY}/act/make/").context["form"]
    shown = {
        name: field.initial() if callable(field.initial) else field.initial
        for name, field in form.fields.items()
    }
    return {
        name: value for name, value in shown.items() if value not in (None, "") and value is not False
    } | over


def test_it_sets_what_managers_may_book(olga: Reader, backend: Backend) -> None:
    other = make_instance()
    form = limits(olga, backend=backend.pk, instance=other.pk, longest_minutes=30, weekdays=["0", "4"])
    done(act(olga, POLICY, None, "make", **form))
    policy = ReservationPolicy.objects.get()
    assert (policy.instance, policy.longest_minutes, policy.weekdays) == (other, 30, [0, 4])
    assert "There is one already" in refused(act(olga, POLICY, None, "make", **form))
    done(act(olga, POLICY, policy, "change", **limits(olga, longest_minutes=60), reason="asked"))
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.action, entry.reason) == ("policy.changed", "asked")
    assert entry.before == {"longest_minutes": 30, "weekdays": [0, 4]}
    done(act(olga, POLICY, policy, "delete"))
    assert not ReservationPolicy.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"shortest_minutes": 60, "longest_minutes": 30}, "can't be longer"),
        ({"weekdays": ["7"]}, "not one of the available choices"),
        ({"opens_at": "noonish"}, "valid time"),
        ({"ahead_days": str(2**40)}, "ahead days: Ensure this value"),
    ],
)
def test_it_sets_no_policy_that_is_wrong(olga: Reader, wrong: dict[str, Any], told: str) -> None:
    assert told in refused(act(olga, POLICY, None, "make", **limits(olga, **wrong)))
    assert not ReservationPolicy.objects.exists()
