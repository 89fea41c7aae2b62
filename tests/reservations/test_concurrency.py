"""Two people book the same time at once, each from a connection of their own: one gets it (W1)."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from quantumsvc.errors import Several
from reservations_app.models import ReservationPolicy, Window
from reservations_app.services.booking import TimeTaken, book, lock_calendar, take
from tests.factories import START, make_backend, make_instance, make_user
from tests.reservations.making import make_member, make_window, wish

pytestmark = pytest.mark.django_db(transaction=True)


def together(*deeds: Callable[[], Any]) -> list[Any]:
    """What each deed gave or raised, all done at once on connections of their own."""
    outcomes: list[Any] = [None] * len(deeds)
    barrier = Barrier(len(deeds))

    def do(number: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(60)
            outcomes[number] = deeds[number]()
        except Exception as refusal:
            outcomes[number] = refusal
        finally:
            connection.close()

    threads = [Thread(target=do, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_it_gives_the_time_to_one_of_two_operators_and_tells_the_other() -> None:
    backend = make_backend()
    operators = [make_user(is_operator=True) for _ in range(4)]
    labs = [make_instance() for _ in operators]

    def booking(number: int) -> Callable[[], Any]:
        return lambda: book(wish(backend, labs[number]), by=operators[number], now=START)

    outcomes = together(*map(booking, range(4)))
    won = [each for each in outcomes if isinstance(each, Window)]
    lost = [each for each in outcomes if isinstance(each, Several)]
    assert (len(won), len(lost)) == (1, 3), outcomes
    for refusal in lost:
        assert isinstance(refusal.found[0], TimeTaken)
        assert (refusal.found[0].number, refusal.found[0].status) == (9003, 409)
    assert list(Window.objects.all()) == won


def test_it_never_lets_two_bookings_pass_one_limit_together() -> None:
    backend, lab = make_backend(), make_instance()
    ReservationPolicy.objects.create(most_windows_ahead=1)
    managers = [make_member(lab, "manager") for _ in range(3)]

    def booking(number: int) -> Callable[[], Any]:
        start = 600 * (number + 1)
        return lambda: book(wish(backend, lab, start, start + 60), by=managers[number], now=START)

    outcomes = together(*map(booking, range(3)))
    assert sum(isinstance(each, Window) for each in outcomes) == 1, outcomes
    assert Window.objects.count() == 1


def test_it_is_told_by_the_database_when_somebody_writes_past_the_lock() -> None:
    """What takes the time without asking for the calendar is still seen, when it commits first."""
    backend, lab, olga = make_backend(), make_instance(), make_user(is_operator=True)
    outcomes: list[Any] = []

    def late() -> None:
        try:
            with transaction.atomic():
                outcomes.append(take(wish(backend, lab), by=olga, now=START))
        except TimeTaken as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    with transaction.atomic():
        make_window(600, 1200, backend=backend, created_by=olga)
        thread = Thread(target=late)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the first to commit"
    thread.join(60)
    assert isinstance(outcomes[0], TimeTaken)
    assert Window.objects.count() == 1


def test_it_keeps_the_calendar_of_a_backend_to_one_at_a_time() -> None:
    backend = make_backend()
    order: list[str] = []

    def second() -> None:
        with transaction.atomic():
            lock_calendar(backend)
            order.append("second")
        connection.close()

    with transaction.atomic():
        lock_calendar(backend)
        thread = Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
