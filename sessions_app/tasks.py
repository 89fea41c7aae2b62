"""What django-q2 carries: "look at backend N", and housekeeping. Losing or doubling one changes nothing."""

from datetime import timedelta
from typing import Any

from django.dispatch import receiver
from django_q.signals import post_spawn

from quantumsvc import clock
from quantumsvc.notices.outbox import forget
from reservations_app.services.series import extend_all
from sessions_app.models import Submission
from sessions_app.services import ahead
from sessions_app.services.drain import look_at_backend
from sessions_app.services.warming import warm_up


@receiver(post_spawn)
def warm(**kwargs: Any) -> None:
    """A worker process has begun."""
    warm_up()


def look_at(backend_id: int) -> None:
    """Look after one backend until it has nothing to do."""
    look_at_backend(backend_id)


def housekeeping() -> None:
    """Drop what a process that died left behind and old notices; make windows that came into reach."""
    now = clock.now()
    Submission.objects.filter(created_at__lt=now - timedelta(minutes=10)).delete()
    forget(now)
    extend_all(now)


def look_ahead() -> None:
    """Tell of what is about to happen."""
    ahead.look_ahead(clock.now())
