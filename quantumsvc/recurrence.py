"""Recurring times: RRULEs of iCalendar that go by the clock on a wall (W8).

A rule is carried out on local times, which then become instants: so 08:00 stays 08:00 when the clocks change.
A local time that the clocks skip counts as if they had not been changed yet (02:30 is the instant that
reads 03:30); of one that comes twice, the first is meant.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYHOUR"}
_DAYS = _ALWAYS | {"BYMONTH", "BYMINUTE"}
_MONTHS = _DAYS | {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
# What each frequency may be combined with. A rule that can't happen is tried until the year 9999: with these
# that takes a second at most.
PARTS = {"HOURLY": _ALWAYS, "DAILY": _DAYS, "WEEKLY": _DAYS, "MONTHLY": _MONTHS, "YEARLY": _MONTHS}
_PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")


class BadRule(ValueError):
    """A rule that can't be read, or that would never end to be worked out. The message is for people."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One of the times: as the wall's clock shows it, and the instant."""

    local: datetime
    at: datetime

    @property
    def key(self) -> str:
        """The local time as text, which names the occurrence in its series."""
        return self.local.isoformat()


def checked_rule(text: str) -> str:
    """The rule without its ``RRULE:``, in capitals. Raises :class:`BadRule`."""
    rule = text.strip().upper().removeprefix("RRULE:")
    parts = _parts(rule)
    frequency = parts.get("FREQ", "")
    if frequency not in PARTS:
        raise BadRule(f"FREQ must be one of {', '.join(PARTS)}.")
    if odd := sorted(parts.keys() - PARTS[frequency]):
        raise BadRule(f"{odd[0]} does not go with FREQ={frequency} here.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("A rule has COUNT or UNTIL, not both.")
    if not re.fullmatch(r"[1-9][0-9]{0,3}", parts.get("INTERVAL", "1")):
        raise BadRule("INTERVAL must be a whole number from 1 to 9999.")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", parts.get("COUNT", "1")):
        raise BadRule("COUNT must be a whole number from 1 to 99999.")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    list(islice(_locals(rule, start.replace(tzinfo=None), ZoneInfo("UTC"), start), 1))
    return rule


def _parts(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        found = _PART.fullmatch(part)
        if found is None or found[1] in parts:
            raise BadRule(f"{part[:40]!r} is not a part of a rule, such as FREQ=WEEKLY or BYDAY=MO,TU.")
        parts[found[1]] = found[2]
    return parts


def occurrences(
    rule: str,
    first: datetime,
    zone: ZoneInfo,
    *,
    since: datetime,
    before: datetime,
    skipped: Collection[str] = (),
    most: int | None = None,
) -> list[Occurrence]:
    """The occurrences in ``[since, before)``, in order, at most ``most``.

    ``rule`` is a checked one, ``first`` the local time at which it begins, ``skipped`` the keys of those that
    are left out.
    """
    found = (Occurrence(local, instant_of(local, zone)) for local in _locals(rule, first, zone, before))
    wanted = (each for each in found if since <= each.at < before and each.key not in skipped)
    return list(islice(wanted, most))


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock on the wall shows ``local``."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def _locals(rule: str, first: datetime, zone: ZoneInfo, before: datetime) -> Iterator[datetime]:
    """The local times up to a day after ``before``: a rule that has none must come to an end, too."""
    last = before.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
    parts = _parts(rule)
    count = parts.pop("COUNT", None)
    if "UNTIL" in parts:
        last = min(last, _local_until(parts.pop("UNTIL"), zone))
    return islice(_compiled(parts, first, last), int(count) if count else None)


def _compiled(parts: dict[str, str], first: datetime, last: datetime) -> rrule:
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        compiled = rrulestr(text, dtstart=first)
        assert isinstance(compiled, rrule)
        return compiled.replace(until=last)
    except (ValueError, TypeError, IndexError, KeyError) as problem:
        raise BadRule(f"The rule can't be read: {problem}.") from problem


def _local_until(text: str, zone: ZoneInfo) -> datetime:
    """UNTIL is a day, a local time, or an instant in UTC."""
    try:
        if text.endswith("Z"):
            instant = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return instant.astimezone(zone).replace(tzinfo=None)
        if "T" in text:
            return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007
        return datetime.strptime(text, "%Y%m%d") + timedelta(days=1, seconds=-1)  # noqa: DTZ007
    except ValueError as problem:
        raise BadRule("UNTIL must be like 20270131, 20270131T080000 or 20270131T070000Z.") from problem


def rest_of(rule: str, first: datetime, zone: ZoneInfo, since: datetime) -> str:
    """The rule for what is left from ``since`` on: a COUNT counts only what has not been."""
    parts = _parts(rule)
    if "COUNT" not in parts:
        return rule
    before = sum(instant_of(local, zone) < since for local in _locals(rule, first, zone, since))
    parts["COUNT"] = str(max(int(parts["COUNT"]) - before, 1))
    return ";".join(f"{name}={value}" for name, value in parts.items())
