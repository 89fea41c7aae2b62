"""``manage.py up``: the whole service with one command."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quantumsvc.hosting.running import CannotStart, Wish, run_service


class Command(BaseCommand):
    """Exit codes: 0 after a stop that was asked for, 1 when a part keeps ending, 2 when it can't start."""

    help = "Prepare what is missing and run everything: database, execution, workers, web server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="port of the web server (QUANTUMSVC_PORT)"
        )
        parser.add_argument(
            "--data", default=str(settings.DATA_DIR), help="folder of all data (QUANTUMSVC_DATA)"
        )
        parser.add_argument("--no-demo", action="store_true", help="begin empty, without demo data")

    def handle(self, *args: Any, **options: Any) -> None:
        wish = Wish(data_dir=settings.DATA_DIR, port=options["port"], demo=not options["no_demo"])
        try:
            code = run_service(wish)
        except CannotStart as error:
            raise CommandError(str(error), returncode=2) from error
        sys.exit(code)
