"""Held time and the fit test (S3, W2), and what windows do to running jobs and sessions (W2-W5)."""

from datetime import timedelta

import pytest

from quantumsvc.scheduling.overrun import next_overrun
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob
from quantumsvc.scheduling.windows import Window, current, fills, next_edge, obstacle, pause_edge, room
from tests.scheduling.making import job, window
from tests.scheduling.times import at

MAINTENANCE, OURS, PRIORITY = window(10, 20), window(30, 40, "a"), window(50, 60, "b", "priority")
ALL = (MAINTENANCE, OURS, PRIORITY)
CLASS = window(10, 20, "a", users="ann abe")
LENT = window(10, 20, "a", lends=3)


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
        assert obstacle(windows, job("j", of=f"{instance}/ann", takes=takes), at(now)) == want


@pytest.mark.parametrize(
    ("held", "instance", "user", "serves", "keeps_out"),
    [
        (OURS, "a", "ann", True, False),
        (OURS, "b", "ann", False, True),
        (CLASS, "a", "abe", True, False),
        (CLASS, "a", "amy", False, True),
        (CLASS, "b", "ann", False, True),
        (PRIORITY, "b", "bob", True, False),
        (PRIORITY, "a", "ann", False, False),
        (MAINTENANCE, "a", "ann", False, True),
    ],
)
def test_it_tells_whose_time_it_is(
    held: Window, instance: str, user: str, serves: bool, keeps_out: bool
) -> None:
    assert (held.serves(instance, user), held.keeps_out(instance, user)) == (serves, keeps_out)


def test_maintenance_is_not_the_time_of_those_who_belong_to_no_instance() -> None:
    assert not MAINTENANCE.serves(None, "")


@pytest.mark.parametrize(
    ("who", "now", "want"),
    [("a/ann", 0, 10), ("a/ann", 15, 0), ("a/ann", 20, None), ("b/bob", 20, 10), ("b/bob", 35, 0)],
)
def test_it_tells_how_long_a_job_may_run(who: str, now: float, want: float | None) -> None:
    instance, user = who.split("/")
    assert room(ALL, instance, user, at(now)) == (None if want is None else timedelta(seconds=want))


def test_it_tells_how_long_a_job_may_run_in_time_that_is_lent() -> None:
    assert room((LENT,), "b", "bob", at(12)) == timedelta(seconds=3)
    assert room((LENT, window(20, 30)), "b", "bob", at(18)) == timedelta(seconds=2)
    assert room((CLASS,), "a", "amy", at(0)) == timedelta(seconds=10)


@pytest.mark.parametrize("now", [0, 10, 15, 18, 25])
@pytest.mark.parametrize("takes", [0, 1, 2, 3, 5, 10, 15])
@pytest.mark.parametrize("who", ["a/ann", "a/amy", "b/bob"])
@pytest.mark.parametrize(
    "windows",
    [(LENT,), (CLASS,), (LENT, window(20, 30)), (LENT, window(22, 30, "b")), (window(12, 30, "a"),)],
)
def test_a_job_may_start_if_there_is_room_for_it(
    windows: tuple[Window, ...], who: str, takes: float, now: float
) -> None:
    entry = job("j", of=who, takes=takes)
    space = room(windows, entry.instance, entry.user, at(now))
    starts = obstacle(windows, entry, at(now)) is None or fills(windows, entry, at(now))
    inside_closed_time = space == timedelta() and takes == 0
    assert inside_closed_time or starts == (space is None or entry.expected <= space)


@pytest.mark.parametrize(
    ("entry", "now", "windows", "want"),
    [
        (job("j", of="b/bob", takes=3), 10, (LENT,), True),
        (job("j", of="b/bob", takes=3.1), 10, (LENT,), False),
        (job("j", of="b/bob", takes=0), 10, (OURS, CLASS), False),
        (job("j", of="b/bob", takes=3), 9, (LENT,), False),
        (job("j", of="b/bob", takes=3), 20, (LENT,), False),
        (job("j", 0, "s", of="b/bob", takes=3), 10, (LENT,), False),
        (job("j", of="a/ann", takes=3), 10, (LENT,), False),
        (job("j", of="b/bob", takes=3), 10, (window(10, 20, lends=3),), False),
        (job("j", of="b/bob", takes=3), 18, (LENT, window(20, 30)), False),
        (job("j", of="b/bob", takes=2), 18, (LENT, window(20, 30)), True),
        (job("j", of="b/bob", takes=3), 18, (LENT, window(20, 30, "b")), True),
    ],
)
def test_it_tells_what_may_fill_unused_time(
    entry: QueuedJob, now: float, windows: tuple[Window, ...], want: bool
) -> None:
    assert fills(windows, entry, at(now)) is want


@pytest.mark.parametrize(("now", "want"), [(0, 10), (10, 20), (25, 30), (59, 60), (60, None)])
def test_it_tells_the_next_edge(now: float, want: float | None) -> None:
    assert next_edge(ALL, at(now)) == (None if want is None else at(want))


@pytest.mark.parametrize(
    ("who", "now", "want"),
    [
        ("a/ann", 0, 10),
        ("a/ann", 10, 40),
        ("a/ann", 40, None),
        ("b/bob", 10, 30),
        ("b/bob", 30, 60),
        ("b/bob", 60, None),
    ],
)
def test_it_tells_when_a_window_ends_a_sessions_activity(who: str, now: float, want: float | None) -> None:
    instance, user = who.split("/")
    assert pause_edge(ALL, instance, user, at(now)) == (None if want is None else at(want))


@pytest.mark.parametrize(
    ("who", "since", "now", "windows", "want"),
    [
        ("b/bob", 0, 5, (OURS,), 30),
        ("b/bob", 0, 35, (OURS,), 30),
        ("b/bob", 0, 40, (OURS,), None),
        ("a/ann", 0, 5, (OURS,), None),
        ("a/ann", 0, 5, (OURS, MAINTENANCE), 10),
        ("a/ann", 25, 35, (OURS, window(40, 50)), 40),
        ("a/ann", 25, 35, (OURS, window(40, 50, "a")), None),
        ("a/ann", 0, 5, (PRIORITY,), None),
        ("a/amy", 0, 5, (CLASS,), 10),
        ("b/bob", 12, 13, (LENT,), 15),
        ("b/bob", 12, 16, (LENT,), 15),
        ("b/bob", 18, 19, (LENT,), None),
        ("b/bob", 18, 19, (LENT, window(20, 30)), 20),
        ("b/bob", 10, 10, (window(10, 20),), 10),
    ],
)
def test_it_tells_when_what_runs_must_give_way(
    who: str, since: float, now: float, windows: tuple[Window, ...], want: float | None
) -> None:
    instance, user = who.split("/")
    running = RunningJob(id="x", started_at=at(since), instance=instance, user=user)
    overrun = next_overrun(running, windows, at(now))
    assert (overrun.at if overrun else None) == (None if want is None else at(want))


def test_s2_a_system_job_gives_way_to_nothing() -> None:
    assert next_overrun(RunningJob(id="x", started_at=at(0)), ALL, at(15)) is None
