"""Held time and the fit test (S3, W2)."""

from datetime import timedelta

import pytest

from quantumsvc.scheduling.windows import Window, current, next_edge, obstacle, room
from tests.scheduling.making import window
from tests.scheduling.times import at

MAINTENANCE, OURS, PRIORITY = window(10, 20), window(30, 40, "a"), window(50, 60, "b", "priority")
ALL = (MAINTENANCE, OURS, PRIORITY)


@pytest.mark.parametrize(
    ("now", "want"), [(9.9, None), (10, MAINTENANCE), (19.9, MAINTENANCE), (20, None), (30, OURS)]
)
def test_it_finds_the_window_of_an_instant(now: float, want: Window | None) -> None:
    assert current(ALL, at(now)) == want


@pytest.mark.parametrize(
    ("instance", "now", "takes", "want"),
    [
        ("a", 0, 10, None),
        ("a", 0, 10.1, MAINTENANCE),
        ("a", 10, 0, MAINTENANCE),
        ("a", 20, 999, None),
        ("b", 20, 10, None),
        ("b", 20, 11, OURS),
        ("b", 0, 99, MAINTENANCE),
        ("a", 45, 99, None),
    ],
)
def test_it_tells_what_is_in_the_way(instance: str, now: float, takes: float, want: Window | None) -> None:
    for windows in (ALL, ALL[::-1]):
        assert obstacle(windows, instance, timedelta(seconds=takes), at(now)) == want


@pytest.mark.parametrize(
    ("instance", "now", "want"), [("a", 0, 10), ("a", 15, 0), ("a", 20, None), ("b", 20, 10), ("b", 35, 0)]
)
def test_it_tells_how_long_a_job_may_run(instance: str, now: float, want: float | None) -> None:
    assert room(ALL, instance, at(now)) == (None if want is None else timedelta(seconds=want))


@pytest.mark.parametrize(("now", "want"), [(0, 10), (10, 20), (25, 30), (59, 60), (60, None)])
def test_it_tells_the_next_edge(now: float, want: float | None) -> None:
    assert next_edge(ALL, at(now)) == (None if want is None else at(want))
