"""What django-q2 carries: one attempt of one delivery. A lost one is handed out again."""

from quantumsvc import clock
from quantumsvc.notices import outbox


def deliver(ident: str) -> None:
    """Try this delivery."""
    outbox.deliver(ident, clock.now())
