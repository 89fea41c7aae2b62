"""``manage.py client``: how a Qiskit client reaches the running service."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quantumsvc.accounts.models import Instance
from quantumsvc.hosting.record import read_record
from quantumsvc.hosting.service_client import (
    ClientInfo,
    NotReachable,
    as_json,
    as_shell,
    as_text,
    client_info,
    command_line,
    read_account,
)


class Command(BaseCommand):
    """Prints nothing but what was asked for, so that a shell can evaluate it. Exit code 2 if it can't."""

    help = "Print how a Qiskit client reaches the running service."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--shell", action="store_true", help="as exports, for eval")
        form.add_argument("--json", action="store_true", help="as JSON, for programs")
        parser.add_argument("--instance", metavar="NAME", help="name or CRN of another instance")
        parser.add_argument(
            "--data", default=str(settings.DATA_DIR), help="folder of all data (QUANTUMSVC_DATA)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            info = _info(options["instance"])
        except NotReachable as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(_text(info, options))


def _text(info: ClientInfo, options: dict[str, Any]) -> str:
    if options["json"]:
        return as_json(info)
    if options["shell"]:
        return as_shell(info)
    is_default = settings.DATA_DIR == settings.DEFAULT_DATA_DIR
    return as_text(info, command_line("client", settings.DATA_DIR, is_default=is_default))


def _info(instance: str | None) -> ClientInfo:
    running = read_record(settings.DATA_DIR)
    if running is None or not running.is_running():
        raise NotReachable(
            f"No service runs on {settings.DATA_DIR}. Start one with manage.py up, or name its --data."
        )
    account = read_account(settings.DATA_DIR)
    return client_info(running.url, account, _crn(instance) if instance else None)


def _crn(instance: str) -> str:
    """The CRN of the instance of that name, if it is one name of one instance."""
    if instance.startswith("crn:"):
        return instance
    found = list(Instance.objects.active().filter(name=instance).values_list("crn", flat=True)[:2])
    if len(found) != 1:
        raise NotReachable(
            f"There is {'more than one' if found else 'no'} instance named '{instance}'; give its CRN."
        )
    return found[0]
