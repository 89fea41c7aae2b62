"""Windows begin, end, are given back, missed, moved and cancelled; each change leaves its event (W2, W6)."""

from itertools import product
from typing import Any

import pytest
from django.db import connection, transaction

from quantumsvc.doorbell import EVENTS, TIMEKEEPER, backend_channel, listening
from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.states import WINDOW_MOVES, WindowState
from reservations_app.models import Window, WindowCause, WindowEvent
from reservations_app.services import life
from tests.factories import at, make_backend, make_user
from tests.reservations.making import cancelled, make_window

pytestmark = pytest.mark.django_db

ROWS: dict[WindowState, dict[str, Any]] = {
    WindowState.SCHEDULED: {},
    WindowState.ACTIVE: {"state": "active"},
    WindowState.COMPLETED: {"state": "completed", "first_job_at": at(70)},
    WindowState.MISSED: {"state": "missed"},
    WindowState.CANCELLED: {},
}


def fields_for(target: WindowState) -> dict[str, Any]:
    if target is WindowState.CANCELLED:
        return {"cancelled_at": at(80), "cancelled_by": make_user()}
    return {"first_job_at": at(70)} if target is WindowState.COMPLETED else {}


@pytest.mark.parametrize(("source", "target"), list(product(WindowState, WindowState)))
def test_it_moves_windows_as_the_table_says(source: WindowState, target: WindowState) -> None:
    window = make_window(**(cancelled() if source is WindowState.CANCELLED else ROWS[source]))
    if target in WINDOW_MOVES[source]:
        moved = life.move(window.pk, target, at=at(80), cause=WindowCause.ENDED, **fields_for(target))
        assert (moved.state, moved.version) == (target.value, 2)
        event = WindowEvent.objects.get(window=window)
        assert (event.source, event.target, event.at) == (source.value, target.value, at(80))
        return
    with pytest.raises(StaleTransition):
        life.move(window.pk, target, at=at(80), cause=WindowCause.ENDED, **fields_for(target))
    assert not WindowEvent.objects.exists()
    assert Window.objects.get().version == 1


def test_it_ends_as_completed_with_a_job_and_as_missed_without() -> None:
    used, unused = make_window(), make_window()
    upkeep = make_window(kind="maintenance")
    for window in (used, unused, upkeep):
        life.begin(window.pk, at=at(60))
    assert life.note_job(used.pk, at=at(61))
    assert not life.note_job(used.pk, at=at(62)), "only the first"
    states = [life.finish(window.pk, at=at(120)).state for window in (used, unused, upkeep)]
    assert states == ["completed", "missed", "completed"]
    used.refresh_from_db()
    assert used.first_job_at == at(61)


def test_it_gives_back_the_rest_and_notes_who_did() -> None:
    window, owner = make_window(), make_user()
    life.begin(window.pk, at=at(60))
    given = life.release(window.pk, at=at(90), by=owner)
    assert (given.state, given.released_at, given.until) == ("missed", at(90), at(90))
    last = given.events.last()
    assert last is not None
    assert (last.cause, last.by) == ("released", owner)


@pytest.mark.parametrize(
    ("now", "stored", "used", "read"),
    [
        (59, "scheduled", False, "scheduled"),
        (60, "scheduled", False, "active"),
        (119, "active", True, "active"),
        (120, "active", True, "completed"),
        (120, "scheduled", False, "missed"),
    ],
)
def test_it_reads_as_what_time_has_made_of_it(now: float, stored: str, used: bool, read: str) -> None:
    window = make_window(state=stored, first_job_at=at(70) if used else None)
    assert window.state_at(at(now)) == read


def test_it_lists_what_is_due_and_when_something_is() -> None:
    backend = make_backend()
    first = make_window(60, 120, backend=backend)
    second = make_window(120, 180, backend=backend)
    make_window(300, 360)
    assert life.next_edge() == at(60)
    assert list(life.due_to_begin(at(59))) == []
    assert list(life.due_to_begin(at(120), backend.pk)) == [first, second]
    life.begin(first.pk, at=at(60))
    assert life.next_edge() == at(120)
    assert (list(life.due_to_finish(at(119))), list(life.due_to_finish(at(120)))) == ([], [first])
    assert list(life.standing(backend.pk, at(119))) == [first, second]
    assert list(life.standing(backend.pk, at(120))) == [second]


def test_it_knows_when_an_idle_window_is_released_by_itself() -> None:
    window = make_window()
    assert life.unused_deadline(window, None, 0) is None
    assert life.unused_deadline(window, None, 10) == at(660)
    assert life.unused_deadline(window, at(-500), 10) == at(660)
    assert life.unused_deadline(window, at(100), 10) == at(700)
    assert life.unused_deadline(make_window(kind="maintenance"), None, 10) is None


@pytest.mark.django_db(transaction=True)
def test_it_rings_for_pages_timekeeper_and_drain_when_it_is_true_and_not_before() -> None:
    window = make_window()
    with listening(EVENTS, TIMEKEEPER, backend_channel(window.backend_id)) as bell:
        with transaction.atomic():
            life.begin(window.pk, at=at(60))
            assert bell.wait(0.05) == []
        heard = {channel for channel, _ in bell.wait(20)}
        while len(heard) < 3 and (more := bell.wait(20)):
            heard |= {channel for channel, _ in more}
    assert heard == {EVENTS, TIMEKEEPER, backend_channel(window.backend_id)}
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE reservations_app_windowevent, reservations_app_window CASCADE")
