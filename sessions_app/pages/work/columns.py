"""Which columns a reader wants; their browser remembers those that they changed."""

from dataclasses import dataclass

from django.http import HttpRequest

COOKIE = "changed-columns"
CHOICES = {
    "mode": "Mode",
    "backend": "Backend",
    "instance": "Instance",
    "owner": "Owner",
    "tags": "Tags",
    "created": "Created",
    "started": "Started",
    "expected": "Probably starts",
    "waited": "Waited",
    "ran": "Ran",
    "limit": "Time limit",
    "usage": "Usage",
    "calibration": "Calibration",
}
# Shown to who asks for them: the table has no room for all, and a forecast is not made for nobody.
ON_REQUEST = frozenset({"started", "expected", "limit", "usage", "calibration"})


@dataclass(frozen=True)
class Column:
    """One that may be left out. ``is_usual``: it is shown to who has changed nothing."""

    name: str
    title: str
    is_usual: bool
    is_shown: bool


Columns = dict[str, Column]


def columns_of(request: HttpRequest, instances: int) -> Columns:
    """By name, in the order of the table. Who sees one instance only is not told which in every row."""
    changed = set(request.COOKIES.get(COOKIE, "").split("."))
    told = {name: title for name, title in CHOICES.items() if name != "instance" or instances > 1}
    return {name: _column(name, title, is_changed=name in changed) for name, title in told.items()}


def _column(name: str, title: str, *, is_changed: bool) -> Column:
    is_usual = name not in ON_REQUEST
    return Column(name, title, is_usual, is_usual != is_changed)
