"""``manage.py timekeeper``: carries out deadlines on time and finds backends that nobody looks after."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.services.timekeeper import keep_time


class Command(BaseCommand):
    """Runs until it is told to stop; several may run, on one host or on many."""

    help = "Keep the deadlines of sessions and leases (SIGTERM or Ctrl-C stops it)."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.append(number)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        keep_time(lambda: bool(stopping))
