"""A move makes a successor, a cancellation keeps who, when and why (W6)."""

from collections.abc import Callable

import pytest

from quantumsvc.accounts.models import AuditEntry, Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, Conflict, NotAllowed, Several
from reservations_app.models import ReservationPolicy, Window
from reservations_app.services import life
from reservations_app.services.booking import book
from reservations_app.services.changing import Change, cancel, check_move, move, release
from tests.factories import START, at
from tests.reservations.making import make_window, wish

pytestmark = pytest.mark.django_db


@pytest.fixture
def window(backend: Backend, lab: Instance, alice: User) -> Window:
    """From 10 to 20 minutes after the beginning."""
    return book(wish(backend, lab, note="class"), by=alice, now=START)


def test_it_moves_by_cancelling_and_booking_anew(window: Window, alice: User) -> None:
    new = move(window.pk, Change(starts_at=at(900)), by=alice, now=at(60))
    window.refresh_from_db()
    assert (new.starts_at, new.ends_at, new.note) == (at(900), at(1500), "class")
    assert (window.state, window.successor, window.starts_at) == ("cancelled", new, at(600))
    assert (window.cancelled_by, window.cancelled_at) == (alice, at(60))
    assert [each.cause for each in window.events.all()] == ["booked", "moved"]
    assert [each.cause for each in new.events.all()] == ["moved"]
    entry = AuditEntry.objects.get(action="window.moved")
    assert entry.before == {"starts_at": at(600).isoformat(), "ends_at": at(1200).isoformat()}


def test_it_leaves_everything_as_it_is_when_a_move_is_refused(
    window: Window, backend: Backend, alice: User
) -> None:
    make_window(1200, 1800, backend=backend)
    later = Change(starts_at=at(900))
    assert [each.rule.code for each in check_move(window, later, by=alice, now=START)] == [9003]
    with pytest.raises(Several):
        move(window.pk, later, by=alice, now=START)
    window.refresh_from_db()
    assert (window.state, Window.objects.count()) == ("scheduled", 2)


def test_it_may_overlap_the_place_it_leaves(window: Window, alice: User) -> None:
    ReservationPolicy.objects.create(most_windows_ahead=1)
    assert move(window.pk, Change(ends_at=at(1300)), by=alice, now=START).length.total_seconds() == 700


def test_it_refuses_to_move_what_was_moved_already(window: Window, alice: User) -> None:
    new = move(window.pk, Change(starts_at=at(900)), by=alice, now=START)
    with pytest.raises(Conflict, match=new.pk):
        move(window.pk, Change(starts_at=at(1900)), by=alice, now=START)


def test_it_moves_only_the_end_of_a_window_that_has_begun(window: Window, alice: User) -> None:
    life.begin(window.pk, at=at(600))
    life.note_job(window.pk, at=at(610))
    with pytest.raises(Conflict, match="only its end"):
        move(window.pk, Change(starts_at=at(900)), by=alice, now=at(700))
    with pytest.raises(Conflict, match="in the past"):
        move(window.pk, Change(ends_at=at(650)), by=alice, now=at(700))
    longer = move(window.pk, Change(ends_at=at(1800)), by=alice, now=at(700))
    assert (longer.state, longer.starts_at, longer.first_job_at) == ("active", at(600), at(610))
    assert life.finish(longer.pk, at=at(1800)).state == "completed"


def test_it_lets_only_those_change_a_window_who_may_book_it(window: Window, bob: User) -> None:
    attempts: list[Callable[[], Window]] = [
        lambda: move(window.pk, Change(starts_at=at(900)), by=bob, now=START),
        lambda: cancel(window.pk, by=bob, now=START, reason="mine now"),
        lambda: release(window.pk, by=bob, now=at(700)),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()


def test_it_keeps_who_cancelled_when_and_why(window: Window, olga: User) -> None:
    with pytest.raises(BadRequest, match="say why"):
        cancel(window.pk, by=olga, now=at(60))
    gone = cancel(window.pk, by=olga, now=at(60), reason="helium is low")
    assert (gone.state, gone.cancelled_by, gone.cancelled_at) == ("cancelled", olga, at(60))
    assert gone.cancel_reason == AuditEntry.objects.get(action="window.cancelled").reason == "helium is low"
    with pytest.raises(Conflict):
        cancel(window.pk, by=olga, now=at(60), reason="again")


def test_it_holds_cancellations_to_the_freeze_time(window: Window, alice: User, olga: User) -> None:
    ReservationPolicy.objects.create(freeze_minutes=5)
    with pytest.raises(Several) as refusal:
        cancel(window.pk, by=alice, now=at(301))
    assert [each.number for each in refusal.value.found] == [9008]
    with pytest.raises(Several):
        move(window.pk, Change(starts_at=at(5000)), by=alice, now=at(301))
    reasons = {"reason": "broken", "override_reason": "broken"}
    assert cancel(window.pk, by=olga, now=at(301), **reasons).state == "cancelled"


def test_it_gives_back_only_what_has_begun_and_cancels_only_what_has_not(
    window: Window, alice: User, olga: User
) -> None:
    with pytest.raises(Conflict) as refusal:
        release(window.pk, by=alice, now=at(599))
    assert "Cancel it" in refusal.value.solution
    with pytest.raises(Conflict, match="has begun"):
        cancel(window.pk, by=alice, now=at(600))
    given = release(window.pk, by=alice, now=at(700))
    assert (given.released_at, [each.cause for each in given.events.all()]) == (
        at(700),
        ["booked", "began", "released"],
    )


def test_it_lets_operators_end_a_window_that_has_begun(window: Window, olga: User) -> None:
    life.begin(window.pk, at=at(600))
    gone = cancel(window.pk, by=olga, now=at(700), reason="fire alarm")
    assert (gone.state, gone.until) == ("cancelled", at(700))
