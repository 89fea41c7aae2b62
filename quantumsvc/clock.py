"""The one place that reads the clock. Everything else is given its time."""

from collections.abc import Callable
from datetime import UTC, datetime

_source: Callable[[], datetime] | None = None


def now() -> datetime:
    """The present instant, in UTC with microseconds. Ask once per decision and pass it on."""
    return _source() if _source is not None else datetime.now(UTC)


def use(source: Callable[[], datetime] | None) -> None:
    """Replace the source of time (``None`` puts the system clock back). For tests and simulations."""
    global _source
    _source = source
