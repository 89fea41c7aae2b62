"""Everything that changes users. Whether the actor may do it is asked before, by the caller."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.accounts.system import USERNAME as SYSTEM
from quantumsvc.errors import Conflict

# What may be changed of a user by anybody who may change users.
PROFILE = ("email", "first_name", "last_name", "time_zone")
# An operator also has the flags that the framework's own checks ask for.
_OPERATOR = ("is_operator", "is_staff", "is_superuser")


@transaction.atomic
def create_user(
    *, username: str, password: str | None, now: datetime, actor: User | None, operator: bool = False,
    **profile: str,
) -> User:  # fmt: skip
    """A new user; without a password they can use API keys but not sign in.

    Raises Django's ``ValidationError`` for a name that is taken or not allowed, and for a weak password.
    """
    user = User(username=username, **profile, **dict.fromkeys(_OPERATOR, operator))
    if password is None:
        user.set_unusable_password()
    else:
        validate_password(password, user)
        user.set_password(password)
    user.full_clean()
    user.save(force_insert=True)
    after = {"username": username, "is_operator": operator, "can_sign_in": password is not None, **profile}
    audit.note("user.created", user, actor=actor, now=now, after=after)
    return user


@transaction.atomic
def change_profile(*, user: User, profile: Mapping[str, str], now: datetime, actor: User | None) -> User:
    """Change name, address or time zone. Raises Django's ``ValidationError``."""
    row = _locked(user)
    before = audit.values(row, profile)
    for name, value in profile.items():
        setattr(row, name, value)
    row.full_clean()
    row.save(update_fields=list(profile))
    changed = audit.changes(before, profile)
    if changed[1]:
        audit.note("user.changed", row, actor=actor, now=now, before=changed[0], after=changed[1])
    return row


@transaction.atomic
def set_password(*, user: User, password: str, now: datetime, actor: User | None, reason: str = "") -> None:
    """Give the user a new password, which ends all their sign-ins. Raises Django's ``ValidationError``."""
    row = _locked(user)
    validate_password(password, row)
    row.set_password(password)
    row.save(update_fields=["password"])
    audit.note("user.password_changed", row, actor=actor, now=now, reason=reason)


@transaction.atomic
def deactivate_user(*, user: User, now: datetime, actor: User | None, reason: str = "") -> None:
    """Let the user in no more, with password or key; their jobs keep their places (S10).

    Raises Conflict when they are not active, or no other operator would be left.
    """
    _keep_an_operator(user, actor)
    _flag(user, {"is_active": True}, {"is_active": False}, f"{user.username} is not active.")
    audit.note("user.deactivated", user, actor=actor, now=now, reason=reason)


@transaction.atomic
def activate_user(*, user: User, now: datetime, actor: User | None, reason: str = "") -> None:
    """Let the user in again. Raises Conflict."""
    _flag(user, {"is_active": False}, {"is_active": True}, f"{user.username} is active already.")
    audit.note("user.activated", user, actor=actor, now=now, reason=reason)


@transaction.atomic
def make_operator(*, user: User, now: datetime, actor: User | None, reason: str = "") -> None:
    """Let the user see and change everything. Raises Conflict."""
    changes = dict.fromkeys(_OPERATOR, True)
    _flag(user, {"is_operator": False}, changes, f"{user.username} is an operator already.")
    audit.note("user.made_operator", user, actor=actor, now=now, reason=reason)


@transaction.atomic
def dismiss_operator(*, user: User, now: datetime, actor: User | None, reason: str = "") -> None:
    """Make an operator a user like others. Raises Conflict, also when no operator would be left."""
    _keep_an_operator(user, actor)
    changes = dict.fromkeys(_OPERATOR, False)
    _flag(user, {"is_operator": True}, changes, f"{user.username} is no operator.")
    audit.note("user.dismissed_operator", user, actor=actor, now=now, reason=reason)


def _locked(user: User) -> User:
    _refuse_system(user)
    return User.objects.select_for_update().get(pk=user.pk)


def _flag(user: User, state: dict[str, Any], changes: dict[str, Any], refusal: str) -> None:
    _refuse_system(user)
    if not User.objects.filter(pk=user.pk, **state).update(**changes):
        raise Conflict(refusal)
    for name, value in changes.items():
        setattr(user, name, value)


def _refuse_system(user: User) -> None:
    if user.username == SYSTEM:
        raise Conflict("The system's own user can't be changed.")


def _keep_an_operator(user: User, actor: User | None) -> None:
    """Of two operators who dismiss each other at once, the second finds that they would be the last."""
    if actor is not None and actor.pk == user.pk:
        raise Conflict("Operators can't do this to themselves.", solution="Ask another operator.")
    operators = User.objects.select_for_update().filter(is_operator=True, is_active=True).order_by("pk")
    if {each.pk for each in operators} == {user.pk}:
        raise Conflict("There must be an operator left.", solution="Make another one first.")
