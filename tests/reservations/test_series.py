"""Windows that recur: each a window of its own, on the clock of the wall (W8)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from quantumsvc.accounts.models import AuditEntry, Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, Conflict, NotAllowed, Several
from reservations_app.models import ReservationPolicy, Series, Window, WindowKind
from reservations_app.services import series as service
from reservations_app.services.changing import Change, cancel, move
from reservations_app.services.patterns import Pattern, pattern_of
from reservations_app.services.series import (
    SeriesChange,
    book_series,
    end,
    extend_all,
    skip,
)
from tests.factories import START
from tests.reservations.making import make_window, wish

pytestmark = pytest.mark.django_db

# Sunday evening before the week in which the clocks of Berlin go back.
NOW = datetime(2026, 10, 18, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


def wall(shown: str) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromisoformat(shown)


def weekly(
    backend: Backend, instance: Instance | None = None, rule: str = "FREQ=WEEKLY;COUNT=4", **over: Any
) -> Pattern:
    """Mondays at 08:00 in Berlin, from 19 October."""
    kind = WindowKind.RESERVATION if instance else WindowKind.MAINTENANCE
    fields: dict[str, Any] = {
        "first": wall("2026-10-19T08:00"),
        "zone": "Europe/Berlin",
        "length": HOUR,
        **over,
    }
    return pattern_of(wish(backend, instance, kind=kind), rule=rule, **fields)


def starts(series: Series, **only: Any) -> list[str]:
    rows = series.windows.filter(state="scheduled", **only).order_by("starts_at")
    return [f"{window.starts_at:%m-%d %H:%M}" for window in rows]


@pytest.fixture
def mondays(backend: Backend, olga: User) -> Series:
    return book_series(weekly(backend), by=olga, now=NOW)


def test_it_makes_a_window_of_each_occurrence_and_keeps_the_hour(mondays: Series, olga: User) -> None:
    assert starts(mondays) == ["10-19 06:00", "10-26 07:00", "11-02 07:00", "11-09 07:00"]
    window = mondays.windows.all()[1]
    assert (window.occurrence, window.length, window.created_by) == (window.starts_at, HOUR, olga)
    assert AuditEntry.objects.filter(action="series.booked", object_id=mondays.pk).exists()


def test_it_books_all_or_nothing_and_tells_of_every_conflict(backend: Backend, olga: User) -> None:
    for week in (1, 3):
        start = (NOW - START).total_seconds() + timedelta(weeks=week, hours=12).total_seconds()
        make_window(start, start + 10_000, backend=backend)
    with pytest.raises(Several) as refusal:
        book_series(weekly(backend), by=olga, now=NOW)
    told = [each.message[:19] for each in refusal.value.found]
    assert told == ["2026-10-26T08:00:00", "2026-11-09T08:00:00"]
    assert {each.number for each in refusal.value.found} == {9003}
    assert not Series.objects.exists()
    booked = book_series(weekly(backend, skip_taken=True), by=olga, now=NOW)
    assert starts(booked) == ["10-19 06:00", "11-02 07:00"]
    assert booked.skipped == told


def test_it_refuses_a_series_that_meets_itself(backend: Backend, olga: User) -> None:
    with pytest.raises(Several):
        book_series(weekly(backend, rule="FREQ=DAILY;COUNT=2", length=timedelta(hours=25)), by=olga, now=NOW)


def test_it_refuses_rules_that_can_not_be_booked(backend: Backend, olga: User) -> None:
    for rule in ("FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"):
        with pytest.raises(BadRequest, match="rule"):
            book_series(weekly(backend, rule=rule, length=timedelta(minutes=1)), by=olga, now=NOW)


def test_it_holds_managers_to_the_policy_occurrence_by_occurrence(
    backend: Backend, lab: Instance, alice: User, bob: User
) -> None:
    ReservationPolicy.objects.create(most_windows_ahead=2)
    with pytest.raises(Several) as refusal:
        book_series(weekly(backend, lab), by=alice, now=NOW)
    assert [each.number for each in refusal.value.found] == [9009, 9009]
    with pytest.raises(NotAllowed):
        book_series(weekly(backend, lab), by=bob, now=NOW)
    booked = book_series(weekly(backend, lab, "FREQ=WEEKLY;COUNT=2"), by=alice, now=NOW)
    assert len(starts(booked)) == 2


def test_it_moves_one_occurrence_and_leaves_the_others(mondays: Series, olga: User) -> None:
    second = mondays.windows.all()[1]
    moved = move(second.pk, Change(starts_at=second.starts_at + timedelta(days=1)), by=olga, now=NOW)
    assert (moved.series, moved.occurrence) == (mondays, second.occurrence)
    assert starts(mondays) == ["10-19 06:00", "10-27 07:00", "11-02 07:00", "11-09 07:00"]


def test_it_changes_an_occurrence_and_all_that_follow(mondays: Series, olga: User) -> None:
    third = mondays.windows.all()[2]
    tuesday = SeriesChange(first=wall("2026-11-03T09:00"))
    new = service.edit(mondays.pk, tuesday, since=third.occurrence, by=olga, now=NOW)
    mondays.refresh_from_db()
    third.refresh_from_db()
    assert starts(mondays) == ["10-19 06:00", "10-26 07:00"]
    assert starts(new) == ["11-03 08:00", "11-10 08:00"], "the count goes on"
    assert (mondays.successor, mondays.ends_before, mondays.ended_by) == (new, third.occurrence, olga)
    assert (third.state, third.successor) == ("cancelled", new.windows.order_by("starts_at").first())
    with pytest.raises(Conflict, match=new.pk):
        service.edit(mondays.pk, tuesday, since=None, by=olga, now=NOW)


def test_it_changes_all_that_have_not_begun(mondays: Series, olga: User) -> None:
    later = NOW + timedelta(days=2)
    new = service.edit(mondays.pk, SeriesChange(length=2 * HOUR), since=None, by=olga, now=later)
    assert starts(new) == ["10-26 07:00", "11-02 07:00", "11-09 07:00"]
    assert {window.length for window in new.windows.all()} == {2 * HOUR}
    assert starts(mondays) == ["10-19 06:00"], "what has begun stays"


def test_it_keeps_what_was_left_out_when_all_are_changed(mondays: Series, olga: User) -> None:
    windows = list(mondays.windows.all())
    cancel(windows[1].pk, by=olga, now=NOW)
    skip(mondays.pk, wall("2026-11-02T08:00"), by=olga, now=NOW)
    assert starts(mondays) == ["10-19 06:00", "11-09 07:00"]
    new = service.edit(
        mondays.pk,
        SeriesChange(first=wall("2026-10-19T10:00")),
        since=None,
        by=olga,
        now=NOW,
    )
    assert starts(new) == ["10-19 08:00", "11-09 09:00"]


def test_it_leaves_the_old_series_when_the_new_one_does_not_fit(
    mondays: Series, backend: Backend, olga: User
) -> None:
    make_window(
        *((datetime(2026, 11, 3, hour, tzinfo=UTC) - START).total_seconds() for hour in (7, 12)),
        backend=backend,
    )
    before = starts(mondays)
    change = SeriesChange(first=wall("2026-10-20T08:00"))
    with pytest.raises(Several):
        service.edit(mondays.pk, change, since=None, by=olga, now=NOW)
    mondays.refresh_from_db()
    assert (starts(mondays), mondays.ends_before) == (before, None)


def test_it_skips_only_what_is_an_occurrence(mondays: Series, olga: User, bob: User) -> None:
    with pytest.raises(BadRequest):
        skip(mondays.pk, wall("2026-11-03T08:00"), by=olga, now=NOW)
    with pytest.raises(NotAllowed):
        skip(mondays.pk, wall("2026-11-02T08:00"), by=bob, now=NOW)


def test_it_ends_a_series(mondays: Series, olga: User) -> None:
    end(mondays.pk, by=olga, now=NOW + timedelta(days=2), reason="retired")
    assert starts(mondays) == ["10-19 06:00"]
    assert Window.objects.filter(cancel_reason="retired").count() == 3
    with pytest.raises(Conflict):
        end(mondays.pk, by=olga, now=NOW)
    assert extend_all(NOW + timedelta(days=30)) == 0


def test_it_makes_more_as_they_come_into_reach_and_skips_what_is_taken(backend: Backend, olga: User) -> None:
    series = book_series(weekly(backend, rule="FREQ=WEEKLY"), by=olga, now=NOW)
    assert len(starts(series)) == 53
    assert extend_all(NOW) == 0
    last = series.windows.latest("starts_at").starts_at
    taken = ((last + timedelta(weeks=1)) - START).total_seconds()
    make_window(taken, taken + 60, backend=backend)
    assert extend_all(NOW + timedelta(weeks=2)) == 1
    series.refresh_from_db()
    assert len(starts(series)) == 54
    local = (last + timedelta(weeks=1)).astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    assert series.skipped == [local.isoformat()]
    assert AuditEntry.objects.get(action="series.skipped").after == {"occurrences": [local.isoformat()]}
