"""What the operator's commands share: the data folder as an option, and errors in one sentence."""

from abc import abstractmethod
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, transaction

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.accounts.origin import Via, acting
from quantumsvc.accounts.users import create_user
from quantumsvc.errors import ServiceError


class AdministrationCommand(BaseCommand):
    """A command that changes everything it is asked to, or nothing. Exit code 2 when it can't."""

    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data", default=str(settings.DATA_DIR), help="folder of all data (QUANTUMSVC_DATA)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic(), acting(Via.COMMAND):
                self.carry_out(options)
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        except (OperationalError, ProgrammingError) as error:
            told = str(error).strip().splitlines()[0]
            raise CommandError(
                f"The database of {settings.DATA_DIR} can't be used ({told}). Start the service first, "
                "and name its folder with --data if it isn't the usual one.",
                returncode=2,
            ) from error

    @abstractmethod
    def carry_out(self, options: dict[str, Any]) -> None:
        """Do it, in one transaction."""


def user_called(username: str) -> User:
    """The user of that name. Raises ``CommandError``."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise CommandError(f"There is no user named '{username}'.", returncode=2) from None


def make_user(username: str, password: str | None, *, operator: bool = False) -> User:
    """A new user; without a password they can use API keys but not sign in. Raises ``ValidationError``."""
    return create_user(username=username, password=password, now=clock.now(), actor=None, operator=operator)
