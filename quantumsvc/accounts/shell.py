"""What frames every page: the reader's theme and clock, which their browser keeps in cookies."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from quantumsvc import clock

THEMES = ("system", "light", "dark")
CLOCKS = ("own", "utc")


def theme_of(request: HttpRequest) -> str:
    """``system`` follows the reader's machine."""
    return _chosen(request, "theme", THEMES)


def clock_of(request: HttpRequest) -> str:
    """Whether times are told in the reader's own zone or in UTC."""
    return _chosen(request, "clock", CLOCKS)


def _chosen(request: HttpRequest, name: str, known: tuple[str, ...]) -> str:
    value = request.COOKIES.get(name, "")
    return value if value in known else known[0]


def frame(request: HttpRequest) -> dict[str, Any]:
    """A context processor; ``now`` (seconds since 1970) tells the page's scripts what time it is here."""
    return {
        "frame": {
            "theme": theme_of(request),
            "themes": THEMES,
            "clock": clock_of(request),
            "now": f"{clock.now().timestamp():.3f}",
            "zone": timezone.get_current_timezone_name(),
        }
    }
