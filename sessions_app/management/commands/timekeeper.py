"""``manage.py timekeeper``: carries out deadlines on time and finds backends that nobody looks after."""

import signal
import sys
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.services.timekeeper import keep_time


class Command(BaseCommand):
    """Runs until it is told to stop; several may run, on one host or on many."""

    help = "Keep the deadlines of sessions and leases (SIGTERM or Ctrl-C stops it)."

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        keep_time()


def stop(number: int, frame: FrameType | None) -> None:
    """End at once, also out of a long wait: what was begun is rolled back and found again."""
    sys.exit(0)
