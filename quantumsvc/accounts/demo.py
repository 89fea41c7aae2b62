"""Accounts to try the service with: two tenants of one account, one of another, and a login for each role."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import add_member, change_instance, create_instance, issue_key, revoke_key

ACCOUNT = "demo"
OTHER_ACCOUNT = "guest-org"
KEY_NAME = "demo client"
# Ten hours in 28 days: enough that nobody runs dry while trying things out.
OPEN_PLAN_SECONDS = 36_000


@dataclass(frozen=True)
class DemoLogin:
    """A user of the demo. ``password`` and ``token`` (an API key) are None when made by an earlier call."""

    user: User
    password: str | None
    token: str | None


@dataclass(frozen=True)
class DemoAccounts:
    """What the demo made or found. ``logins`` are by user name: reader, writer, manager, guest, operator."""

    open_lab: Instance
    internal_lab: Instance
    guest_lab: Instance
    logins: Mapping[str, DemoLogin]

    @property
    def client(self) -> DemoLogin:
        """The login whose key the printed client lines carry."""
        return self.logins["manager"]


@transaction.atomic
def create_demo_accounts(now: datetime, *, renew: bool = False) -> DemoAccounts:
    """Make what is missing and leave the rest as it is.

    Passwords and keys are random, and can only be told when they are made. ``renew`` sets new ones
    in the place of those that exist, for when the old ones were lost.
    """
    open_lab = _instance("open-lab", ACCOUNT, Plan.OPEN, now, tags=["demo", "teaching"])
    internal_lab = _instance("internal-lab", ACCOUNT, Plan.INTERNAL, now)
    guest_lab = _instance("guest-lab", OTHER_ACCOUNT, Plan.PREMIUM, now)
    logins = {
        name: _login(name, now, renew=renew) for name in ("reader", "writer", "manager", "guest", "operator")
    }
    for role in Role:
        for instance in (open_lab, internal_lab):
            _join(logins[role.value].user, instance, role, now)
    _join(logins["guest"].user, guest_lab, Role.MANAGER, now)
    return DemoAccounts(open_lab, internal_lab, guest_lab, logins)


def _instance(name: str, account: str, plan: Plan, now: datetime, tags: list[str] | None = None) -> Instance:
    if found := Instance.objects.filter(account=account, name=name).first():
        return found
    is_open = plan is Plan.OPEN
    allowance = OPEN_PLAN_SECONDS if is_open else None
    made = create_instance(
        name=name,
        account=account,
        plan=plan,
        now=now,
        tags=tags or [],
        usage_allocation_seconds=allowance,
        usage_limit_seconds=allowance,
    )
    return change_instance(instance=made, settings={"may_calibrate": is_open}, now=now, actor=None)


def _login(name: str, now: datetime, *, renew: bool) -> DemoLogin:
    is_operator = name == "operator"
    flags = {"is_operator": is_operator, "is_staff": is_operator, "is_superuser": is_operator}
    user, created = User.objects.get_or_create(username=name, defaults=flags)
    password = _set_password(user) if created or renew else None
    return DemoLogin(user, password, _key(user, now, renew=renew))


def _set_password(user: User) -> str:
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _key(user: User, now: datetime, *, renew: bool) -> str | None:
    """A new key, unless there is a valid one to be left alone."""
    existing = ApiKey.objects.filter(user=user, name=KEY_NAME, revoked_at__isnull=True).first()
    if existing and not renew:
        return None
    if existing:
        revoke_key(key=existing, now=now)
    return issue_key(user=user, name=KEY_NAME, now=now).text


def _join(user: User, instance: Instance, role: Role, now: datetime) -> None:
    if not Membership.objects.filter(user=user, instance=instance).exists():
        add_member(instance=instance, user=user, role=role, now=now)
