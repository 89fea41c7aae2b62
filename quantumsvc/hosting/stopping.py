"""Lets a long task learn that its worker is asked to stop.

A drain may run for as long as a session holds its backend. Between two jobs it asks
``is_stopping`` and leaves when the answer is yes; the next start takes the rest.
"""

from multiprocessing.synchronize import Event

_event: Event | None = None


def watch(event: Event) -> None:
    """Remember the event that will be set on a stop. Called before the workers are forked."""
    global _event
    _event = event


def is_stopping() -> bool:
    """Whether this process belongs to a cluster that is asked to stop."""
    return _event is not None and _event.is_set()
