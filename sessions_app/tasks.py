"""What django-q2 carries: "look at backend N", and housekeeping. Losing or doubling one changes nothing."""

from datetime import timedelta
from typing import Any

from django.dispatch import receiver
from django_q.signals import post_spawn

from quantumsvc import clock
from sessions_app.models import Submission
from sessions_app.services.drain import look_at_backend
from sessions_app.services.ledger import expire
from sessions_app.services.warming import warm_up


@receiver(post_spawn)
def warm(**kwargs: Any) -> None:
    """A worker process has begun."""
    warm_up()


def look_at(backend_id: int) -> None:
    """Look after one backend until it has nothing to do."""
    look_at_backend(backend_id)


def housekeeping() -> None:
    """Drop what a process that died left behind, and take off the sums what left the rolling window."""
    now = clock.now()
    Submission.objects.filter(created_at__lt=now - timedelta(minutes=10)).delete()
    expire(now)
