"""``manage.py web``: the web server alone, for a host with a database of its own."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Becomes the web server: the process is replaced, because the server wants settings of its own."""

    help = "Run the web server alone (SIGTERM or Ctrl-C stops it)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="port to listen on (QUANTUMSVC_PORT)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        command = [sys.executable, "-m", "quantumsvc.hosting.web"]
        os.execv(sys.executable, [*command, "--host", options["host"], "--port", str(options["port"])])
