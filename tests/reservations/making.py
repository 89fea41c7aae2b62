"""Windows to test with."""

from datetime import timedelta
from typing import Any

from quantumsvc.accounts.models import User
from quantumsvc.scheduling.states import WindowState
from reservations_app.models import Series, Window
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
