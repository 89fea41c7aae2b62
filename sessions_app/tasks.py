"""What django-q2 carries: "look at backend N", and housekeeping. Losing or doubling one changes nothing."""

from datetime import timedelta

from quantumsvc import clock
from sessions_app.models import Submission
from sessions_app.services.drain import look_at_backend


def look_at(backend_id: int) -> None:
    """Look after one backend until it has nothing to do."""
    look_at_backend(backend_id)


def housekeeping() -> None:
    """Drop what is only needed for seconds and was left behind by a process that died."""
    Submission.objects.filter(created_at__lt=clock.now() - timedelta(minutes=10)).delete()
