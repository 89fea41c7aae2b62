"""Windows to test with."""

from datetime import timedelta
from typing import Any

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import Series, Window
from reservations_app.services.booking import Wish
from reservations_app.services.rules import Span
from tests.factories import START, at, make_backend, make_instance, make_user


def make_window(start: float = 60, end: float = 120, **over: Any) -> Window:
    """A scheduled reservation from so many seconds to so many; an instance of its own unless one is given."""
    fields: dict[str, Any] = {"starts_at": at(start), "ends_at": at(end), "created_at": START, **over}
    if "kind" not in fields and "instance" not in fields:
        fields["instance"] = make_instance()
    fields.setdefault("backend", None)
    fields["backend"] = fields["backend"] or make_backend()
    fields["created_by"] = fields.get("created_by") or make_user()
    return Window.objects.create(**fields)


def cancelled(by: User | None = None) -> dict[str, Any]:
    """The columns of a window that somebody cancelled."""
    return {"state": WindowState.CANCELLED, "cancelled_at": START, "cancelled_by": by or make_user()}


def make_series(**over: Any) -> Series:
    """A weekly maintenance, of which no window has been made."""
    fields: dict[str, Any] = {
        "kind": "maintenance",
        "mode": "dedicated",
        "end_policy": "release",
        "rule": "FREQ=WEEKLY",
        "time_zone": "Europe/Berlin",
        "starts_local": "2026-11-23T08:00:00",
        "length_seconds": int(timedelta(hours=1).total_seconds()),
        "created_at": START,
        "made_until": START,
        **over,
    }
    fields["backend"] = fields.get("backend") or make_backend()
    fields["created_by"] = fields.get("created_by") or make_user()
    return Series.objects.create(**fields)


def make_member(instance: Instance, role: str) -> User:
    """A user with that role in the instance."""
    user = make_user()
    Membership.objects.create(user=user, instance=instance, role=role)
    return user


def wish(
    backend: Backend, instance: Instance | None, start: float = 600, end: float = 1200, **over: Any
) -> Wish:
    """A wish for the time from so many seconds to so many."""
    return Wish(backend=backend, instance=instance, span=Span(at(start), at(end)), **over)
