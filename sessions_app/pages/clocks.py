"""Fields of forms for times as a clock on a wall shows them, and for what recurs by it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone

from quantumsvc.accounts.models import User

YEARS = (2000, 2200)
OWN = "own"
REPEATS = (
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Monday to Friday"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=WEEKLY;INTERVAL=2", "Every second week"),
    ("FREQ=MONTHLY", "Every month"),
    (OWN, "By the rule below"),
)


class WallTime(forms.Field):
    """What a clock shows; which clock, another field says."""

    default_error_messages = {
        "invalid": "Enter a date and a time, like 2026-11-30T08:00.",
        "years": f"Enter a year from {YEARS[0]} to {YEARS[1] - 1}.",
    }

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M:%S")
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        try:
            found = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
        if found.tzinfo is not None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        if not YEARS[0] <= found.year < YEARS[1]:
            raise forms.ValidationError(self.error_messages["years"], code="years")
        return found.replace(microsecond=0)


class Zone(forms.CharField):
    """The name of a time zone, chosen from all there are."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def offer(self, user: User) -> None:
        """Let it be chosen from a list that begins with those the reader is likely to mean."""
        likely = (timezone.get_current_timezone_name(), user.time_zone, "UTC")
        self.widget = forms.Select(choices=[(each, each) for each in _zones(likely)])

    def clean(self, value: Any) -> str:
        zone = str(super().clean(value))
        if zone not in available_timezones():
            raise forms.ValidationError("There is no time zone of that name.")
        return zone


def _zones(first: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys((*first, *sorted(available_timezones())))


def rule_words(rule: str) -> str:
    """A rule as the forms name it; one of its own as it is written."""
    return dict(REPEATS).get(rule, rule)
