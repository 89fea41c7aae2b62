"""Recurring times stay where the clock on the wall shows them (W8)."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantumsvc.recurrence import BadRule, checked_rule, instant_of, occurrences

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = {"since": datetime(2026, 1, 1, tzinfo=UTC), "before": datetime(2027, 1, 1, tzinfo=UTC)}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instants(rule: str, first: str, **over: object) -> list[str]:
    found = occurrences(checked_rule(rule), local(first), BERLIN, **{**YEAR, **over})  # type: ignore[arg-type]
    return [each.at.strftime("%m-%d %H:%M") for each in found]


def test_it_keeps_the_hour_when_the_clocks_change() -> None:
    found = instants("FREQ=WEEKLY;COUNT=3", "2026-10-19T08:00")
    assert found == ["10-19 06:00", "10-26 07:00", "11-02 07:00"]
    assert instants("FREQ=WEEKLY;COUNT=2", "2026-03-23T08:00") == ["03-23 07:00", "03-30 06:00"]


def test_it_takes_a_time_that_the_clocks_skip_as_an_hour_later_and_the_first_of_two() -> None:
    assert instants("FREQ=DAILY;COUNT=3", "2026-03-28T02:30") == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
    assert instant_of(local("2026-10-25T02:30"), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_it_leaves_out_what_is_skipped_and_what_lies_outside() -> None:
    found = occurrences(
        "FREQ=DAILY",
        local("2026-05-01T10:00"),
        BERLIN,
        since=datetime(2026, 5, 2, 8, tzinfo=UTC),
        before=datetime(2026, 5, 6, 8, tzinfo=UTC),
        skipped=["2026-05-03T10:00:00"],
    )
    assert [each.key for each in found] == [
        "2026-05-02T10:00:00",
        "2026-05-04T10:00:00",
        "2026-05-05T10:00:00",
    ]


def test_it_counts_from_the_first_even_if_that_lies_before() -> None:
    since = datetime(2026, 5, 3, tzinfo=UTC)
    assert instants("FREQ=DAILY;COUNT=4", "2026-05-01T10:00", since=since) == ["05-03 08:00", "05-04 08:00"]


@pytest.mark.parametrize("until", ["20260502", "20260502T100000", "20260502T080000Z"])
def test_it_ends_at_until_inclusive(until: str) -> None:
    assert len(instants(f"RRULE:FREQ=DAILY;UNTIL={until}", "2026-05-01T10:00")) == 2


def test_it_knows_the_parts_of_a_rule() -> None:
    found = instants("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;COUNT=2", "2026-01-01T09:00")
    assert found == ["01-27 08:00", "02-24 08:00"]
    assert len(instants("FREQ=HOURLY;INTERVAL=2;BYHOUR=12,14;COUNT=4", "2026-01-01T00:00")) == 4


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=SOMETIMES",
        "INTERVAL=2",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=2;UNTIL=20260101",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;UNTIL=20261301",
        "FREQ=DAILY;BYEASTER=0",
        "FREQ=HOURLY;BYMONTH=2",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYHOUR=99",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY\nEXDATE=20260101",
        "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "nonsense",
    ],
)
def test_it_refuses_a_rule_that_is(rule: str) -> None:
    with pytest.raises(BadRule):
        checked_rule(rule)


def test_it_comes_to_an_end_with_a_rule_that_never_happens() -> None:
    assert instants("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-01-01T09:00") == []


@given(st.text(alphabet="FREQ=DAILYWKCOUNTBHSP;,+-0123456789", max_size=40).map("FREQ=DAILY;".__add__))
def test_it_reads_a_rule_or_says_why_not(rule: str) -> None:
    with suppress(BadRule):
        assert checked_rule(checked_rule(rule)) == rule
