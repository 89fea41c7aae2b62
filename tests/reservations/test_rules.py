"""All rules of booking are told at once, by one pure check (W6)."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from reservations_app.models import ReservationPolicy
from reservations_app.services.rules import Plan, Rule, Span, violations
from tests.factories import START, at

HOUR, DAY = 3600.0, 86_400.0
# The tests begin on a Saturday at noon, UTC.
FREE = {
    "shortest_minutes": 0,
    "longest_minutes": 0,
    "ahead_days": 0,
    "most_windows_ahead": 0,
    "most_minutes_ahead": 0,
    "most_minutes_per_28_days": 0,
}


def span(start: float, end: float) -> Span:
    return Span(at(start), at(end))


def planned(start: float = HOUR, end: float = 2 * HOUR, **over: Any) -> Plan:
    return Plan(**{"now": START, "span": span(start, end), "policy": ReservationPolicy(**FREE), **over})


def broken(plan: Plan) -> list[Rule]:
    return [each.rule for each in violations(plan)]


def limited(**limits: Any) -> dict[str, Any]:
    return {"policy": ReservationPolicy(**{**FREE, **limits})}


def test_it_allows_what_breaks_no_rule() -> None:
    assert broken(planned()) == []
    assert broken(planned(0, 60)) == [], "now is not the past"


def test_it_tells_every_broken_rule_at_once_in_the_order_of_the_codes() -> None:
    limits = limited(shortest_minutes=90, freeze_minutes=120, weekdays=[0], most_windows_ahead=1)
    own = [span(HOUR + 600, HOUR + 900)]
    found = violations(planned(taken=own, ahead=own, **limits))
    assert [each.rule for each in found] == [
        Rule.TAKEN,
        Rule.SHORTEST,
        Rule.FREEZE,
        Rule.WINDOWS_AHEAD,
        Rule.WEEKDAYS,
    ]
    assert found[0].sentence.startswith("The backend is taken from 2026-11-21 13:10:00")
    assert [each.rule.overridable for each in found] == [False, True, True, True, True]


@pytest.mark.parametrize(("start", "end"), [(60, 60), (120, 60)])
def test_it_asks_nothing_more_of_a_window_that_ends_before_it_starts(start: float, end: float) -> None:
    assert broken(planned(start, end, **limited(shortest_minutes=5))) == [Rule.ORDER]


def test_it_refuses_the_past_but_lets_a_running_window_keep_its_start() -> None:
    assert broken(planned(-60, 60)) == [Rule.PAST]
    assert broken(planned(-120, -60)) == [Rule.PAST]
    assert broken(planned(-60, 60, running=True)) == []


@pytest.mark.parametrize(
    ("taken", "met"),
    [((0, HOUR), False), ((2 * HOUR, 3 * HOUR), False), ((0, HOUR + 1), True), ((HOUR + 1, HOUR + 2), True)],
)
def test_it_lets_windows_touch_but_not_overlap(taken: tuple[float, float], met: bool) -> None:
    assert broken(planned(taken=[span(*taken)])) == ([Rule.TAKEN] if met else [])


@pytest.mark.parametrize(
    ("limits", "within", "beyond", "rule"),
    [
        ({"shortest_minutes": 10}, (60, 660), (60, 659), Rule.SHORTEST),
        ({"longest_minutes": 10}, (60, 660), (60, 661), Rule.LONGEST),
        ({"granularity_minutes": 15}, (900, 1800), (900, 1860), Rule.GRANULARITY),
        ({"granularity_minutes": 15}, (900, 1800), (901, 1800), Rule.GRANULARITY),
        ({"ahead_days": 2}, (2 * DAY, 3 * DAY), (2 * DAY + 1, 3 * DAY), Rule.AHEAD),
        ({"freeze_minutes": 5}, (300, 600), (299, 600), Rule.FREEZE),
        ({"most_minutes_ahead": 30}, (60, 1860), (60, 1861), Rule.TIME_AHEAD),
        ({"most_minutes_per_28_days": 30}, (60, 1860), (60, 1861), Rule.TIME_PER_28_DAYS),
        ({"opens_at": time(13), "closes_at": time(14)}, (HOUR, 2 * HOUR), (HOUR, 2 * HOUR + 1), Rule.HOURS),
        ({"opens_at": time(13), "closes_at": time(14)}, (HOUR, 2 * HOUR), (HOUR - 1, 2 * HOUR), Rule.HOURS),
        (
            {"opens_at": time(22), "closes_at": time(2)},
            (10 * HOUR, 14 * HOUR),
            (9 * HOUR, 14 * HOUR),
            Rule.HOURS,
        ),
        ({"weekdays": [5]}, (HOUR, 12 * HOUR), (HOUR, 12 * HOUR + 1), Rule.WEEKDAYS),
    ],
)
def test_it_knows_each_limit_to_the_second(
    limits: dict[str, Any], within: tuple[float, float], beyond: tuple[float, float], rule: Rule
) -> None:
    assert broken(planned(*within, **limited(**limits))) == []
    assert broken(planned(*beyond, **limited(**limits))) == [rule]


def test_it_counts_hours_on_the_clock_of_the_policy() -> None:
    tokyo = limited(opens_at=time(22), closes_at=time(23), time_zone="Asia/Tokyo")
    assert broken(planned(HOUR, 2 * HOUR, **tokyo)) == []
    assert broken(planned(HOUR, 2 * HOUR, **limited(weekdays=[5], time_zone="Pacific/Auckland"))) == [
        Rule.WEEKDAYS
    ]


def test_it_keeps_a_distance_between_windows() -> None:
    near = limited(buffer_minutes=10)
    assert broken(planned(taken=[span(0, HOUR - 600)], **near)) == []
    assert broken(planned(taken=[span(0, HOUR - 599)], **near)) == [Rule.BUFFER]
    assert broken(planned(taken=[span(2 * HOUR + 599, 3 * HOUR)], **near)) == [Rule.BUFFER]


def test_it_counts_what_is_ahead_and_only_what_is_left_of_it() -> None:
    ahead = [span(-HOUR, 600), span(DAY, DAY + 600)]
    assert broken(planned(ahead=ahead, **limited(most_windows_ahead=3))) == []
    assert broken(planned(ahead=ahead, **limited(most_windows_ahead=2))) == [Rule.WINDOWS_AHEAD]
    assert broken(planned(ahead=ahead, **limited(most_minutes_ahead=80))) == []
    assert broken(planned(ahead=ahead, **limited(most_minutes_ahead=79))) == [Rule.TIME_AHEAD]


def test_it_finds_the_fullest_28_days_before_and_after() -> None:
    limit = limited(most_minutes_per_28_days=120)
    later = span(20 * DAY, 20 * DAY + HOUR)
    earlier = span(-20 * DAY, -20 * DAY + HOUR)
    assert broken(planned(own=[earlier, later], **limit)) == [], "never all three in 28 days"
    both = [span(10 * DAY, 10 * DAY + HOUR), later]
    assert broken(planned(own=both, **limit)) == [Rule.TIME_PER_28_DAYS]


def test_it_holds_managers_to_self_service_and_not_operators() -> None:
    closed = limited(self_service=False)
    assert broken(planned(**closed)) == [Rule.SELF_SERVICE]
    assert broken(planned(by_operator=True, **closed)) == []


def test_it_freezes_the_window_that_would_be_moved_away() -> None:
    frozen = planned(5 * HOUR, 6 * HOUR, frozen_from=at(60), **limited(freeze_minutes=10))
    assert broken(frozen) == [Rule.FREEZE]
    assert broken(replace(frozen, frozen_from=at(601))) == []


def test_it_limits_the_operators_own_windows_by_nothing_but_time() -> None:
    long = planned(HOUR, 400 * DAY, policy=None)
    assert broken(long) == []
    assert broken(replace(long, taken=[span(DAY, 2 * DAY)])) == [Rule.TAKEN]


def test_it_survives_the_change_of_clocks() -> None:
    berlin = limited(opens_at=time(1), closes_at=time(4), time_zone="Europe/Berlin")
    night = datetime(2026, 10, 24, 23, 0, tzinfo=START.tzinfo)
    plan = planned(now=night - timedelta(days=1), **berlin)
    assert broken(replace(plan, span=Span(night, night + timedelta(hours=4)))) == [], (
        "four hours in that night"
    )
    assert broken(replace(plan, span=Span(night, night + timedelta(hours=5)))) == [Rule.HOURS]
