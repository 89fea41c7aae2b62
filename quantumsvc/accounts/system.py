"""The tenant and the user of the operator's own jobs (S2): made when first needed, seen by nobody."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction

from quantumsvc.accounts.crns import build_crn
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.plans import Plan

ACCOUNT = "system"
USERNAME = "quantumsvc-system"


def system_instance(now: datetime) -> Instance:
    """The instance of all system jobs. It has no shares and no members, and nothing is charged to it."""
    found = Instance.objects.filter(is_system=True).first()
    return found or _made(now)


def _made(now: datetime) -> Instance:
    # Of two at once, the second finds what the first has made.
    made, _ = Instance.objects.get_or_create(
        is_system=True,
        defaults={
            "crn": build_crn(account=ACCOUNT, region="us-east", guid=str(uuid4())),
            "name": "system",
            "account": ACCOUNT,
            "plan": Plan.INTERNAL.value,
            "shares": 0,
            "created_at": now,
        },
    )
    return made


@transaction.atomic
def system_user() -> User:
    """Who sends the jobs that nobody sends. Can't log in: not active, and without a password."""
    user, made = User.objects.get_or_create(username=USERNAME, defaults={"is_active": False})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
