"""``manage.py newkey``: an API key, told once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from quantumsvc import clock
from quantumsvc.accounts.services import issue_key
from sessions_app.management.administration import AdministrationCommand, user_called


class Command(AdministrationCommand):
    help = "Make an API key for a user and print it: nobody can read it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="what the key is for, such as laptop")
        parser.add_argument("--days", type=int, help="how long it is valid (default: until it is revoked)")

    def carry_out(self, options: dict[str, Any]) -> None:
        now, days = clock.now(), options["days"]
        expires_at = None if days is None else now + timedelta(days=days)
        issued = issue_key(
            user=user_called(options["username"]), name=options["name"], now=now, expires_at=expires_at
        )
        self.stdout.write(issued.text)
