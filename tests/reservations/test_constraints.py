"""The database refuses windows, series, policies and feeds that must never be (W1, W6)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F

from quantumsvc.scheduling.states import WindowState
from reservations_app.models import CalendarFeed, ReservationPolicy, Series, Window, WindowEvent
from reservations_app.services import life
from tests.factories import START, at, make_backend, make_instance, make_user
from tests.reservations.making import cancelled, make_series, make_window

pytestmark = pytest.mark.django_db

A_DIGEST = "0" * 64


def feed(**over: Any) -> CalendarFeed:
    fields = {"user": make_user(), "digest": A_DIGEST, "created_at": START, **over}
    return CalendarFeed.objects.create(**fields)


def two_on_one_backend(**over: Any) -> None:
    first = make_window(60, 120)
    make_window(119, 180, backend=first.backend, **over)


def two_of_one_occurrence() -> None:
    series = make_series(kind="reservation", instance=make_instance())
    fields = {"series": series, "occurrence": at(60), "instance": series.instance}
    make_window(60, 120, **fields)
    make_window(300, 360, **fields)


def its_own_successor(make: Callable[..., Any], **ended: Any) -> None:
    row = make(**ended)
    type(row)._default_manager.filter(pk=row.pk).update(successor=F("pk"))


def two_feeds() -> None:
    user, instance = make_user(), make_instance()
    feed(user=user, instance=instance)
    feed(user=user, instance=instance, digest="1" * 64)


def two_policies() -> None:
    ReservationPolicy.objects.create(backend=None, instance=None)
    ReservationPolicy.objects.create(backend=None, instance=None)


def policy(**over: Any) -> ReservationPolicy:
    return ReservationPolicy.objects.create(backend=make_backend(), **over)


ENDED_SERIES = {"ends_before": START}

# Constraint: each of these breaks it.
REFUSED: dict[str, list[Callable[[], Any]]] = {
    "windows_of_a_backend_never_overlap": [
        two_on_one_backend,
        lambda: two_on_one_backend(state="active"),
        lambda: two_on_one_backend(kind="maintenance"),
    ],
    "window_state_known": [lambda: make_window(state="asleep")],
    "window_kind_known": [lambda: make_window(kind="party")],
    "window_mode_known": [lambda: make_window(mode="gentle")],
    "window_end_policy_known": [lambda: make_window(end_policy="explode")],
    "window_starts_before_it_ends": [lambda: make_window(60, 60)],
    "window_released_within_its_time": [
        lambda: make_window(60, 120, state="missed", released_at=at(59)),
        lambda: make_window(60, 120, state="missed", released_at=at(120)),
        lambda: make_window(60, 120, state="active", released_at=at(90)),
    ],
    "window_has_instance_iff_reservation": [
        lambda: make_window(instance=None),
        lambda: make_window(kind="maintenance", instance=make_instance()),
        lambda: make_window(kind="offline", mode="priority"),
    ],
    "window_cancelled_by_somebody_iff_cancelled": [
        lambda: make_window(state="cancelled"),
        lambda: make_window(state="cancelled", cancelled_at=START),
        lambda: make_window(cancelled_by=make_user()),
        lambda: make_window(cancelled_at=START),
    ],
    "window_missed_iff_reserved_and_unused": [
        lambda: make_window(state="completed"),
        lambda: make_window(state="missed", first_job_at=at(60)),
        lambda: make_window(kind="maintenance", state="missed"),
    ],
    "window_with_successor_is_cancelled": [
        lambda: make_window(successor=make_window()),
        lambda: its_own_successor(make_window, **cancelled()),
    ],
    "window_occurrence_iff_in_series": [
        lambda: make_window(occurrence=at(60)),
        lambda: make_window(series=make_series(), kind="maintenance"),
    ],
    "one_window_per_occurrence": [two_of_one_occurrence],
    "series_has_length": [lambda: make_series(length_seconds=0)],
    "series_has_rule": [lambda: make_series(rule="")],
    "series_ended_by_somebody_iff_ended": [
        lambda: make_series(ends_before=START),
        lambda: make_series(ended_by=make_user()),
    ],
    "series_with_successor_is_ended": [
        lambda: make_series(successor=make_series()),
        lambda: its_own_successor(make_series, **ENDED_SERIES, ended_by=make_user()),
    ],
    "series_has_instance_iff_reservation": [
        lambda: make_series(kind="reservation"),
        lambda: make_series(instance=make_instance()),
        lambda: make_series(kind="party"),
        lambda: make_series(mode="priority"),
    ],
    "one_policy_per_backend_and_instance": [two_policies],
    "policy_shortest_within_longest": [lambda: policy(shortest_minutes=20, longest_minutes=10)],
    "policy_weekdays_known": [lambda: policy(weekdays=[0, 7])],
    "feed_of_instance_or_backend": [
        feed,
        lambda: feed(instance=make_instance(), backend=make_backend()),
    ],
    "one_feed_per_reader": [two_feeds],
    "feed_holds_no_plain_secret": [lambda: feed(instance=make_instance(), digest="secret")],
}


def test_it_has_a_case_for_every_constraint() -> None:
    models_ = apps.get_app_config("reservations_app").get_models()
    found = {constraint.name for model in models_ for constraint in model._meta.constraints}
    assert found == {*REFUSED}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_breaks(name: str) -> None:
    for attempt in REFUSED[name]:
        with pytest.raises(IntegrityError, match=rf'"{name}"'), transaction.atomic():
            attempt()


def test_it_allows_windows_that_only_touch_or_were_cancelled_or_released() -> None:
    first = make_window(60, 120)
    backend = first.backend
    make_window(120, 180, backend=backend)
    make_window(0, 60, backend=backend)
    make_window(60, 120, backend=backend, **cancelled())
    make_window(60, 120)
    life.begin(first.pk, at=at(60))
    life.release(first.pk, at=at(90))
    make_window(90, 120, backend=backend)
    assert Window.objects.filter(backend=backend).count() == 5


@pytest.mark.parametrize(
    "change",
    [
        {"starts_at": at(30)},
        {"ends_at": at(130)},
        {"note": "another"},
        {"mode": "priority"},
        {"end_policy": "fail"},
        {"instance": None, "kind": "maintenance"},
        {"created_at": at(1)},
        {"counts_as_used": False},
    ],
)
def test_it_never_rewrites_what_was_booked(change: dict[str, Any]) -> None:
    window = make_window()
    with pytest.raises(IntegrityError, match="never deleted or rewritten"), transaction.atomic():
        Window.objects.filter(pk=window.pk).update(**change)


def test_it_never_deletes_a_window_or_a_line_of_its_history() -> None:
    window = make_window()
    with transaction.atomic():
        life.begin(window.pk, at=at(60))
    rows: list[models.QuerySet[Any]] = [Window.objects.all(), WindowEvent.objects.all()]
    for row in rows:
        with pytest.raises(IntegrityError, match="never deleted or rewritten"), transaction.atomic():
            row._raw_delete(row.db)
    with pytest.raises(IntegrityError, match="never deleted or rewritten"), transaction.atomic():
        WindowEvent.objects.update(at=at(1))
    assert WindowState(Window.objects.get().state) is WindowState.ACTIVE


def test_it_keeps_a_series_that_has_windows() -> None:
    series = make_series()
    make_window(series=series, occurrence=at(60), kind="maintenance")
    with pytest.raises(models.ProtectedError):
        Series.objects.all().delete()
