"""Which columns a reader wants; their browser remembers those that are left out."""

from dataclasses import dataclass

from django.http import HttpRequest

COOKIE = "hidden-columns"
CHOICES = {
    "mode": "Mode",
    "backend": "Backend",
    "instance": "Instance",
    "owner": "Owner",
    "tags": "Tags",
    "created": "Created",
    "waited": "Waited",
    "ran": "Ran",
}


@dataclass(frozen=True)
class Column:
    """One that may be left out."""

    name: str
    title: str
    is_shown: bool


def columns_of(request: HttpRequest, instances: int) -> dict[str, Column]:
    """By name, in the order of the table. Who sees one instance only is not told which in every row."""
    hidden = set(request.COOKIES.get(COOKIE, "").split("."))
    told = {name: title for name, title in CHOICES.items() if name != "instance" or instances > 1}
    return {name: Column(name, title, name not in hidden) for name, title in told.items()}
