"""``manage.py newinstance``: a tenant, with members."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import add_member, create_instance
from sessions_app.management.administration import AdministrationCommand, make_user


class Command(AdministrationCommand):
    help = (
        "Make an instance (a tenant) and print its CRN. Members that don't exist are made, without password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--account", required=True, help="the organisation, one word")
        parser.add_argument("--plan", required=True, type=Plan, choices=list(Plan), metavar=_plans())
        parser.add_argument("--shares", type=int, default=1, help="its share of the backends' time")
        parser.add_argument("--member", action="append", type=_member, default=[], metavar="USER:ROLE")

    def carry_out(self, options: dict[str, Any]) -> None:
        now = clock.now()
        instance = create_instance(
            name=options["name"],
            account=options["account"],
            plan=options["plan"],
            shares=options["shares"],
            now=now,
        )
        for username, role in options["member"]:
            add_member(instance=instance, user=self._user(username), role=role, now=now)
        self.stdout.write(instance.crn)

    def _user(self, username: str) -> User:
        found = User.objects.filter(username=username).first()
        if found is not None:
            return found
        self.stderr.write(f"The user {username} is new and has no password: see manage.py changepassword.")
        return make_user(username, None)


def _plans() -> str:
    return "|".join(plan.value for plan in Plan)


def _member(text: str) -> tuple[str, Role]:
    """``anna:writer``, as a user's name and a role."""
    username, _, role = text.rpartition(":")
    if not username or role not in set(Role):
        raise ArgumentTypeError(f"{text!r} is not USER:ROLE with one of the roles {', '.join(Role)}")
    return username, Role(role)
