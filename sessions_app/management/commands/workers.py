"""``manage.py workers``: the background workers alone, for a host with a database of its own."""

import sys
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Runs until it is told to stop. Exit code 75 means: start me again."""

    help = "Run the background workers (SIGTERM or Ctrl-C stops them; exit code 75 asks to be started again)."

    def handle(self, *args: Any, **options: Any) -> None:
        # The module reads django-q2's configuration when it is imported, so not before it is needed.
        # Tasks are imported before the workers are forked: once for all, and a fault shows at the start.
        import_module("sessions_app.tasks")
        from quantumsvc.hosting.cluster import run_cluster

        sys.exit(run_cluster())
