"""The versions of the wire that a client may name in ``IBM-API-Version``, and what differs between them."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from quantumsvc.errors import BadRequest

HEADER = "IBM-API-Version"


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One version: the newest is ``live``, the others are ``deprecated`` and answered all the same."""

    name: str
    change: str
    status: str = "deprecated"

    @property
    def day(self) -> date:
        """From which day on it counts."""
        return date.fromisoformat(self.name)


VERSIONS = (
    ApiVersion("2024-01-01", "`GET /backends` lists names."),
    ApiVersion("2025-01-01", "`GET /backends` lists descriptions."),
    ApiVersion("2025-05-01", "Nothing that this service tells."),
    ApiVersion("2026-02-01", "Nothing that this service tells."),
    ApiVersion("2026-02-15", "Nothing that this service tells."),
    ApiVersion("2026-03-15", "`usage.qpu_charge_time_seconds` of a job's metrics is the name to read."),
    ApiVersion("2026-04-15", "`usage.status` of a job's metrics tells whether the amount is final.", "live"),
)
# A client that names no version is older than every version that exists.
UNNAMED = date.min


@lru_cache(maxsize=64)
def version_named(text: str | None) -> date:
    """The version that applies to a request: the newest that is not later than the day that it names.

    Raises :class:`BadRequest` for what is no day, and for a day before the first version.
    """
    if text is None or not text.strip():
        return UNNAMED
    known = f"known versions are {', '.join(each.name for each in VERSIONS)}"
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise BadRequest(f"{HEADER} must be a day such as {VERSIONS[-1].name}; {known}.") from None
    applied = [each.day for each in VERSIONS if each.day <= day]
    if not applied:
        raise BadRequest(f"{HEADER} names a day before the first version; {known}.")
    return applied[-1]
