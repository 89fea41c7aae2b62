"""How windows end: by whom they were used, what is paid of them, and who has to look at the backend then."""

from collections.abc import Callable
from typing import Any

import pytest
from django_q.models import OrmQ

from quantumsvc import clock
from quantumsvc.errors import Conflict
from reservations_app.models import Window
from reservations_app.services import changing
from reservations_app.services.changing import Change
from sessions_app.models import LedgerLine
from sessions_app.services.edges import keep_windows
from sessions_app.services.timekeeper import sweep
from tests.factories import at, make_author, make_backend, make_user, submit
from tests.reservations.making import make_window
from tests.services.worker import Worker, seconds

pytestmark = pytest.mark.django_db
Clock = Callable[[float], None]


@pytest.fixture
def it_is(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What follows a change of windows reads the clock by itself."""
    return lambda when: monkeypatch.setattr(clock, "now", lambda: at(when))


def lines() -> dict[str, tuple[float | None, float]]:
    return {each.kind: (seconds(each.since), each.seconds) for each in LedgerLine.objects.all()}


@pytest.mark.parametrize("begun", [True, False])
def test_w7_of_a_window_that_is_cancelled_inside_what_passed_is_paid(begun: bool, it_is: Clock) -> None:
    backend, ours = make_backend(), make_author()
    window = make_window(0, 600, backend=backend, instance=ours.instance)
    if begun:
        keep_windows(at(0))
    submit(ours, backend, 1)
    worker = Worker(backend, when=1)
    worker.start(10)
    worker.turn(40, end="completed", quantum_seconds=30.0)
    it_is(100)
    changing.cancel(window.pk, by=make_user(is_operator=True), now=at(100), reason="the laser is broken")
    assert lines() == {"job": (10, 30.0), "reservation": (0, 70.0)}


def test_w7_of_one_that_is_cancelled_before_or_moved_nothing_is_paid(it_is: Clock) -> None:
    operator, it = make_user(is_operator=True), at(100)
    early, going = make_window(200, 600, created_by=operator), make_window(0, 600, created_by=operator)
    keep_windows(at(0))
    it_is(100)
    changing.cancel(early.pk, by=operator, now=it)
    new = changing.move(going.pk, Change(ends_at=at(900), override_reason="more"), by=operator, now=it)
    assert not LedgerLine.objects.exists()
    keep_windows(at(900))
    assert lines() == {"reservation": (0, 900.0)}
    assert LedgerLine.objects.get().subject == new.pk


def test_w6_a_window_that_is_released_at_once_after_its_first_job_was_not_missed(it_is: Clock) -> None:
    backend, ours, operator = make_backend(), make_author(), make_user(is_operator=True)
    window = make_window(0, 600, backend=backend, instance=ours.instance)
    keep_windows(at(0))
    submit(ours, backend, 1)
    Worker(backend, when=1).start(10)
    it_is(10.2)
    given = changing.release(window.pk, by=operator, now=at(10.2), reason="done")
    assert (given.state, seconds(given.first_job_at)) == ("completed", 10)


@pytest.mark.parametrize("what", ["move", "cancel", "release"])
def test_it_refuses_to_change_what_is_over_whether_or_not_that_was_written_down(what: str) -> None:
    operator = make_user(is_operator=True)
    window = make_window(0, 600, created_by=operator)
    deeds: dict[str, Callable[[Any], Any]] = {
        "move": lambda now: changing.move(window.pk, Change(ends_at=at(900)), by=operator, now=now),
        "cancel": lambda now: changing.cancel(window.pk, by=operator, now=now),
        "release": lambda now: changing.release(window.pk, by=operator, now=now),
    }
    with pytest.raises(Conflict, match="can't be changed any more"):
        deeds[what](at(600))
    assert Window.objects.get().state == "scheduled"


def test_nobody_is_asked_to_look_while_all_that_waits_waits_for_a_window() -> None:
    backend, ours, theirs = make_backend(), make_author(), make_author()
    make_window(0, 600, backend=backend, instance=ours.instance)
    submit(theirs, backend, 1)
    keep_windows(at(2))
    OrmQ.objects.all().delete()
    for when in (20, 40, 60, 599):
        sweep(at(when))
    assert not OrmQ.objects.exists()
    sweep(at(600))
    assert OrmQ.objects.count() == 1, "the window is over"
