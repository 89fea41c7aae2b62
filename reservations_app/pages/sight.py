"""What part of the calendar is looked at: which days, on whose clock, and what comes before and after."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from django.http import QueryDict

FIRST_DAY, LAST_DAY = date(2000, 2, 1), date(2199, 11, 30)
# Days that a timeline can show at once.
ZOOMS = (1, 3, 7, 14, 28)
DAY = timedelta(days=1)


class View(StrEnum):
    """``timeline`` has one row a backend; ``day`` too, of one day; the others have rows of days or weeks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TIMELINE = "timeline"


class Layer(StrEnum):
    """What can be shown, or left out."""

    RESERVATIONS = "reservations"
    MAINTENANCE = "maintenance"
    CALIBRATIONS = "calibrations"
    SESSIONS = "sessions"


def midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins on that clock, which is not 24 h after the last one when clocks change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


@dataclass(frozen=True)
class Sight:
    """The days ``[first, last)``, seen on the clock of ``zone``; ``anchor`` is the day that was asked for."""

    view: View
    anchor: date
    zone: tzinfo
    zoom: int = 7
    layers: frozenset[Layer] = frozenset(Layer)
    backend: str = ""

    @property
    def first(self) -> date:
        """The first day that is shown; weeks begin on Monday."""
        start = self.anchor.replace(day=1) if self.view is View.MONTH else self.anchor
        if self.view in (View.WEEK, View.MONTH):
            return start - start.weekday() * DAY
        return start

    @property
    def last(self) -> date:
        """The day after the last that is shown."""
        if self.view is View.MONTH:
            end = self._next_month()
            return end + (-end.weekday() % 7) * DAY
        return self.first + {View.DAY: 1, View.WEEK: 7}.get(self.view, self.zoom) * DAY

    @property
    def start(self) -> datetime:
        """The instant at which it begins."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant at which it ends."""
        return midnight(self.last, self.zone)

    @property
    def after(self) -> date:
        """The day to ask for to see what comes next."""
        return min(self._next_month() if self.view is View.MONTH else self.last, LAST_DAY)

    @property
    def before(self) -> date:
        """The day to ask for to see what came before."""
        if self.view is View.MONTH:
            return max((self.anchor.replace(day=1) - DAY).replace(day=1), FIRST_DAY)
        return max(self.first - (self.last - self.first), FIRST_DAY)

    @property
    def title(self) -> str:
        """What is shown, in words."""
        if self.view is View.MONTH:
            return f"{self.anchor:%B %Y}"
        last = self.last - DAY
        if last == self.first:
            return f"{self.first:%A}, {_told(self.first)}"
        return f"{_told(self.first)} to {_told(last)}"

    def days(self) -> Iterator[date]:
        """Each day that is shown."""
        return (self.first + number * DAY for number in range((self.last - self.first).days))

    def _next_month(self) -> date:
        return (self.anchor.replace(day=28) + 4 * DAY).replace(day=1)


def _told(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def sight_of(query: QueryDict, zone: tzinfo, now: datetime) -> Sight:
    """What an address asks for; whatever can't be read is the usual: this week, and all layers."""
    asked = {*query.getlist("layer")}
    layers = frozenset(each for each in Layer if each in asked) or frozenset(Layer)
    return Sight(
        view=_view(query.get("view", "")),
        anchor=_day(query.get("date", ""), now.astimezone(zone).date()),
        zone=zone,
        zoom=_zoom(query.get("days", "")),
        layers=layers,
        backend=query.get("backend", "").replace("\0", ""),
    )


def _view(text: str) -> View:
    return View(text) if text in set(View) else View.WEEK


def _zoom(text: str) -> int:
    return int(text) if text in {str(each) for each in ZOOMS} else 7


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return min(max(day, FIRST_DAY), LAST_DAY)
