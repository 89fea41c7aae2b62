"""Reservations: windows of device time, and the policies and series that make them."""

from reservations_app.models.feeds import CalendarFeed
from reservations_app.models.policies import ReservationPolicy
from reservations_app.models.series import Series
from reservations_app.models.windows import Window, WindowCause, WindowEvent, WindowKind

__all__ = [
    "CalendarFeed",
    "ReservationPolicy",
    "Series",
    "Window",
    "WindowCause",
    "WindowEvent",
    "WindowKind",
]
