"""Booking takes the time or says all that stands against it (W1, W6)."""

import pytest
from django.db import transaction

from quantumsvc.accounts.models import AuditEntry, Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, NotAllowed, Several, UnknownBackend
from quantumsvc.scheduling.windows import WindowMode
from reservations_app.models import ReservationPolicy, Window, WindowKind
from reservations_app.services import life
from reservations_app.services.booking import BrokenRule, TimeTaken, Wish, book, check
from reservations_app.services.policies import policy_for
from reservations_app.services.rules import Rule
from tests.factories import START, at, make_backend, make_instance, make_user
from tests.reservations.making import make_member, make_window, wish

pytestmark = pytest.mark.django_db


def refused(asked: Wish, by: User) -> list[int]:
    before = Window.objects.count()
    with pytest.raises(Several) as refusal, transaction.atomic():
        book(asked, by=by, now=START)
    assert Window.objects.count() == before
    assert all(isinstance(each, BrokenRule) for each in refusal.value.found)
    return [each.number for each in refusal.value.found]


def test_it_books_with_its_event_and_its_entry_in_the_audit(
    backend: Backend, lab: Instance, alice: User
) -> None:
    window = book(wish(backend, lab, note="class"), by=alice, now=START)
    assert (window.state, window.starts_at, window.ends_at) == ("scheduled", at(600), at(1200))
    assert (window.created_by, window.note, window.counts_as_used) == (alice, "class", True)
    assert [(each.target, each.cause, each.by) for each in window.events.all()] == [
        ("scheduled", "booked", alice)
    ]
    entry = AuditEntry.objects.get(action="window.booked")
    assert (entry.actor, entry.object_id, entry.instance) == (alice, window.pk, lab)


def test_it_lets_managers_book_for_their_own_instance_only(
    backend: Backend, lab: Instance, bob: User
) -> None:
    writer = make_member(lab, "writer")
    for stranger in (bob, writer):
        with pytest.raises(NotAllowed):
            book(wish(backend, lab), by=stranger, now=START)
    with pytest.raises(NotAllowed, match="maintenance"):
        book(wish(backend, None, kind=WindowKind.MAINTENANCE), by=bob, now=START)
    assert not Window.objects.exists()


def test_it_lets_operators_book_for_anybody_and_for_themselves(
    backend: Backend, lab: Instance, olga: User
) -> None:
    assert book(wish(backend, lab), by=olga, now=START).instance == lab
    own = book(wish(backend, None, 1200, 99_999, kind=WindowKind.OFFLINE), by=olga, now=START)
    assert (own.instance, own.counts_as_used) == (None, False)


def test_it_refuses_taken_time_even_to_operators_with_a_reason(
    backend: Backend, lab: Instance, olga: User
) -> None:
    make_window(700, 800, backend=backend)
    assert refused(wish(backend, lab, override_reason="urgent"), olga) == [9003]


def test_it_tells_all_broken_rules_and_lets_an_operator_override_with_a_reason(
    backend: Backend, lab: Instance, alice: User, olga: User
) -> None:
    ReservationPolicy.objects.create(backend=backend, shortest_minutes=30, freeze_minutes=60)
    assert refused(wish(backend, lab), alice) == [9004, 9008]
    assert refused(wish(backend, lab), olga) == [9004, 9008]
    assert refused(wish(backend, lab, override_reason="please"), alice) == [9004, 9008]
    window = book(wish(backend, lab, override_reason="visitors"), by=olga, now=START)
    assert window.override_reason == "visitors"
    assert AuditEntry.objects.get(action="window.booked").reason == "visitors"


def test_it_counts_what_the_instance_has_on_this_backend(
    backend: Backend, lab: Instance, alice: User
) -> None:
    ReservationPolicy.objects.create(most_windows_ahead=1)
    book(wish(backend, lab), by=alice, now=START)
    assert refused(wish(backend, lab, 1200, 1800), alice) == [9009]
    book(wish(make_backend(), lab), by=alice, now=START)


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], 480),
        ([(False, False)], 1),
        ([(False, False), (True, False)], 2),
        ([(False, False), (True, False), (False, True)], 3),
        ([(False, False), (True, False), (False, True), (True, True)], 4),
    ],
)
def test_it_takes_the_most_exact_policy(
    backend: Backend, lab: Instance, rows: list[tuple[bool, bool]], best: int
) -> None:
    ReservationPolicy.objects.create(backend=make_backend(), instance=make_instance(), longest_minutes=77)
    for number, (of_backend, of_instance) in enumerate(rows, start=1):
        ReservationPolicy.objects.create(
            backend=backend if of_backend else None,
            instance=lab if of_instance else None,
            longest_minutes=number,
        )
    policy = policy_for(backend, lab)
    assert policy is not None
    assert policy.longest_minutes == best
    assert policy_for(backend, None) is None


def test_it_refuses_what_makes_no_sense(backend: Backend, lab: Instance, olga: User) -> None:
    for odd in (
        wish(backend, lab, kind=WindowKind.MAINTENANCE),
        wish(backend, None),
        wish(backend, None, kind=WindowKind.MAINTENANCE, mode=WindowMode.PRIORITY),
        wish(backend, lab, users=(make_user(),)),
    ):
        with pytest.raises(BadRequest):
            book(odd, by=olga, now=START)
    with pytest.raises(UnknownBackend):
        book(wish(make_backend(open_to_all=False), lab), by=olga, now=START)
    Instance.objects.filter(pk=lab.pk).update(is_active=False, archived_at=START)
    lab.refresh_from_db()
    with pytest.raises(NotAllowed):
        book(wish(backend, lab), by=olga, now=START)


def test_it_narrows_a_window_to_some_members(backend: Backend, lab: Instance, alice: User) -> None:
    student = make_member(lab, "reader")
    window = book(wish(backend, lab, users=(student,)), by=alice, now=START)
    assert list(window.users.all()) == [student]


def test_it_says_the_same_in_a_dry_run_and_takes_nothing(
    backend: Backend, lab: Instance, alice: User
) -> None:
    make_window(700, 800, backend=backend)
    broken = check(wish(backend, lab, 600, 400_000), by=alice, now=START)
    assert [each.rule for each in broken] == [
        Rule.TAKEN,
        Rule.LONGEST,
        Rule.TIME_AHEAD,
        Rule.TIME_PER_28_DAYS,
    ]
    assert refused(wish(backend, lab, 600, 400_000), alice) == [9003, 9005, 9010, 9011]


def test_it_gives_the_status_of_taken_time_whatever_else_is_wrong(
    backend: Backend, lab: Instance, alice: User
) -> None:
    make_window(60, 1200, backend=backend)
    with pytest.raises(Several) as refusal:
        book(wish(backend, lab, -60, 1200), by=alice, now=START)
    assert isinstance(refusal.value.found[0], TimeTaken)
    assert refusal.value.found[0].status == 409


def test_it_frees_what_is_left_of_a_released_window(backend: Backend, lab: Instance, alice: User) -> None:
    first = make_window(60, 1800, backend=backend)
    life.begin(first.pk, at=at(60))
    life.release(first.pk, at=at(300))
    assert refused(wish(backend, lab, 299, 600), alice) == [9003]
    assert book(wish(backend, lab, 300, 600), by=alice, now=START).state == "scheduled"
