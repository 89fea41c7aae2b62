"""``manage.py newoperator``: somebody who sees all tenants and the administration pages."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from sessions_app.management.administration import AdministrationCommand, make_user


class Command(AdministrationCommand):
    help = "Make an operator, who may see and change everything and signs in at /admin/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from a line")

    def carry_out(self, options: dict[str, Any]) -> None:
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else _asked()
        make_user(options["username"], password, operator=True)
        self.stdout.write(f"The operator {options['username']} can sign in.")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is nobody to ask for a password: use --password-stdin.", returncode=2)
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("The same again: "):
        raise CommandError("The two were not the same.", returncode=2)
    return password
