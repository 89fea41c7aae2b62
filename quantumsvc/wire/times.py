"""Instants as the wire writes them: ISO 8601, UTC, always with microseconds and a ``Z``."""

import re
from datetime import UTC, date, datetime

# A "+" that was not escaped in a query string arrives as a space before the zone.
_LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")


def iso_z(instant: datetime) -> str:
    """``2026-11-21T05:36:04.716153Z``. The instant must carry a time zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone can't be written")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 instant or day; without a zone it is taken as UTC.

    Raises ValueError with a sentence for the caller when the text is something else.
    """
    try:
        instant = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()))
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"{text[:64]!r} is not an ISO 8601 time") from problem


def parse_day(text: str) -> date:
    """Read ``YYYY-MM-DD``. Raises ValueError otherwise."""
    return date.fromisoformat(text.strip())
