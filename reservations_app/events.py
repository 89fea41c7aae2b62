"""What the rest of the world hears of a window: who may be concerned, never what it says."""

import json

from django.dispatch import Signal

from quantumsvc.doorbell import EVENTS, TIMEKEEPER, backend_channel, ring
from reservations_app.models import Window

# Sent with ``window`` in the transaction that booked or changed it; what it means for jobs and sessions is
# known to apps above this one.
changed = Signal()
# Sent with ``window``, whose row is locked, before it is written down how it ended (W6).
ending = Signal()


def tell(window: Window) -> None:
    """Ring at the end of the transaction, for the pages, the timekeeper and the backend's drain."""
    changed.send(Window, window=window)
    told = {
        "type": "window",
        "id": window.pk,
        "backend": window.backend_id,
        "instance": window.instance_id,
        "state": window.state,
        "version": window.version,
    }
    ring(EVENTS, json.dumps(told))
    ring(TIMEKEEPER)
    ring(backend_channel(window.backend_id), "look")
