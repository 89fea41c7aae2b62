"""Everything that changes accounts. Whether the actor may do it is asked before, by the caller.

Each change notes itself in the audit, as done by ``actor``; without one, by the command line or the
service itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from quantumsvc import errors
from quantumsvc.accounts import audit
from quantumsvc.accounts.crns import CRN_PATTERN, build_crn
from quantumsvc.accounts.keys import make_key
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role

MAX_VALID_KEYS_PER_USER = 50
M = TypeVar("M", bound=models.Model)

# What may be changed of an instance once it is made; moving it to another parent is an act of its own.
INSTANCE_SETTINGS = (
    "name", "plan", "shares", "tags", "usage_allocation_seconds", "usage_limit_seconds", "over_limit",
    "max_pending_jobs", "max_open_sessions", "may_calibrate",
)  # fmt: skip

# Hub, group and project are three levels; more than this is a mistake.
MAX_TREE_DEPTH = 8


@dataclass(frozen=True)
class IssuedKey:
    """A new key. ``text`` exists only here: show it to its owner, once."""

    key: ApiKey
    text: str


@transaction.atomic
def create_instance(
    *,
    name: str,
    account: str,
    now: datetime,
    region: str = "us-east",
    plan: Plan = Plan.OPEN,
    parent: Instance | None = None,
    shares: int = 1,
    tags: Sequence[str] = (),
    usage_allocation_seconds: int | None = None,
    usage_limit_seconds: int | None = None,
    actor: User | None = None,
) -> Instance:
    """A new tenant without members. Raises BadRequest, or Conflict when the account has that name."""
    _refuse_unprintable(name, *tags)
    crn = build_crn(account=account, region=region, guid=str(uuid4()))
    if not CRN_PATTERN.fullmatch(crn):
        raise errors.BadRequest("Account and region are words of letters, digits, dots and hyphens.")
    instance = Instance(
        crn=crn,
        name=name,
        account=account,
        region=region,
        plan=plan.value,
        parent=parent,
        shares=shares,
        tags=_tidy_tags(tags),
        created_at=now,
        usage_allocation_seconds=usage_allocation_seconds,
        usage_limit_seconds=usage_limit_seconds,
    )
    _insert(instance, f"The account {account} has an instance named {name}.")
    audit.note("instance.created", instance, actor=actor, now=now, after=_values_of(instance))
    return instance


@transaction.atomic
def change_instance(
    *, instance: Instance, settings: Mapping[str, Any], now: datetime, actor: User | None, reason: str = ""
) -> Instance:
    """Change some of ``INSTANCE_SETTINGS``. Raises BadRequest, or Conflict when the name is taken."""
    row = Instance.objects.select_for_update().get(pk=instance.pk)
    if unknown := settings.keys() - set(INSTANCE_SETTINGS):
        raise errors.BadRequest(f"These can't be changed: {', '.join(sorted(unknown))}.")
    wanted = {**settings}
    if "tags" in wanted:
        wanted["tags"] = _tidy_tags(wanted["tags"])
    _refuse_unprintable(wanted.get("name", ""), *wanted.get("tags", ()))
    before, after = audit.changes(audit.values(row, INSTANCE_SETTINGS), wanted)
    if not after:
        return row
    for name, value in after.items():
        setattr(row, name, value)
    _store(row, f"The account {row.account} has an instance named {row.name}.", update_fields=list(after))
    audit.note("instance.changed", row, actor=actor, now=now, before=before, after=after, reason=reason)
    return row


@transaction.atomic
def archive_instance(
    *, instance: Instance, now: datetime, actor: User | None = None, reason: str = ""
) -> Instance:
    """Accept no more work; all that the instance has stays readable. Raises Conflict when it is archived."""
    changed = Instance.objects.filter(pk=instance.pk, is_active=True).update(is_active=False, archived_at=now)
    _refresh(instance, changed, "archived")
    audit.note("instance.archived", instance, actor=actor, now=now, reason=reason)
    return instance


@transaction.atomic
def restore_instance(
    *, instance: Instance, now: datetime, actor: User | None = None, reason: str = ""
) -> Instance:
    """Accept work from an archived instance again. Raises Conflict when it is active."""
    changed = Instance.objects.filter(pk=instance.pk, is_active=False).update(
        is_active=True, archived_at=None
    )
    _refresh(instance, changed, "active")
    audit.note("instance.restored", instance, actor=actor, now=now, reason=reason)
    return instance


@transaction.atomic
def move_instance(
    *,
    instance: Instance,
    parent: Instance | None,
    now: datetime,
    actor: User | None = None,
    reason: str = "",
) -> Instance:
    """Give the instance another parent in the tree of shares. Raises Conflict if that closed a circle."""
    # Two moves at once could close a circle that neither sees: one after the other, under one lock.
    list(Instance.objects.select_for_update().order_by("pk").values_list("pk"))
    ancestor, depth = parent, 1
    while ancestor is not None:
        if ancestor.pk == instance.pk:
            raise errors.Conflict(f"{instance.name} can't stand below itself.")
        if (depth := depth + 1) > MAX_TREE_DEPTH:
            raise errors.Conflict(f"Instances can't stand in more than {MAX_TREE_DEPTH} levels.")
        ancestor = Instance.objects.select_related("parent").get(pk=ancestor.pk).parent
    before = {"parent": instance.parent}
    Instance.objects.filter(pk=instance.pk).update(parent=parent)
    instance.parent = parent
    after = {"parent": parent}
    audit.note("instance.moved", instance, actor=actor, now=now, before=before, after=after, reason=reason)
    return instance


@transaction.atomic
def add_member(
    *, instance: Instance, user: User, role: Role, now: datetime, actor: User | None = None
) -> Membership:
    """Make the user a member. Raises Conflict when they are one."""
    membership = Membership(instance=instance, user=user, role=role.value, created_at=now)
    _insert(membership, f"{user.username} is a member of {instance.name} already.")
    audit.note("member.added", membership, actor=actor, now=now, after={"user": user, "role": role})
    return membership


@transaction.atomic
def change_role(
    *, instance: Instance, user: User, role: Role, now: datetime, actor: User | None = None, reason: str = ""
) -> Membership:
    """Give a member another role. Raises NotFound, or Conflict when no manager would be left."""
    membership = _locked_membership(instance, user)
    if membership.role == Role.MANAGER and role is not Role.MANAGER:
        _refuse_if_last_manager(instance)
    before = {"role": membership.role}
    membership.role = role.value
    membership.save(update_fields=["role"])
    after = {"role": role}
    audit.note(
        "member.role_changed", membership, actor=actor, now=now, before=before, after=after, reason=reason
    )
    return membership


@transaction.atomic
def remove_member(
    *, instance: Instance, user: User, now: datetime, actor: User | None = None, reason: str = ""
) -> None:
    """End a membership. Raises NotFound, or Conflict when no manager would be left."""
    membership = _locked_membership(instance, user)
    if membership.role == Role.MANAGER:
        _refuse_if_last_manager(instance)
    before = {"user": user, "role": membership.role}
    audit.note("member.removed", membership, actor=actor, now=now, before=before, reason=reason)
    membership.delete()


@transaction.atomic
def issue_key(
    *, user: User, name: str, now: datetime, expires_at: datetime | None = None, actor: User | None = None
) -> IssuedKey:
    """A new API key for the user.

    Raises BadRequest, or Conflict when a key of that name is valid or the user has too many.
    """
    _refuse_unprintable(name)
    if expires_at is not None and expires_at <= now:
        raise errors.BadRequest("A key can't expire before it is made.")
    User.objects.select_for_update().get(pk=user.pk)
    _make_room_for_key(user, name, now)
    material = make_key()
    key = ApiKey(
        user=user,
        name=name,
        prefix=material.prefix,
        digest=material.digest,
        created_at=now,
        expires_at=expires_at,
    )
    _insert(key, f"You have a valid key named {name}.")
    after = {"user": user, "name": name, "expires_at": expires_at}
    audit.note("key.made", key, actor=actor, now=now, after=after)
    return IssuedKey(key, material.text)


@transaction.atomic
def revoke_key(*, key: ApiKey, now: datetime, actor: User | None = None, reason: str = "") -> ApiKey:
    """End a key at once, with all tokens it was exchanged for. Doing it twice changes nothing."""
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now)
    key.refresh_from_db(fields=["revoked_at"])
    if revoked:
        audit.note("key.revoked", key, actor=actor, now=now, before={"user": key.user}, reason=reason)
    return key


def _make_room_for_key(user: User, name: str, now: datetime) -> None:
    """An expired key gives its name back; the number of valid ones is limited."""
    valid = ApiKey.objects.filter(user=user, revoked_at__isnull=True)
    valid.filter(name=name, expires_at__lte=now).update(revoked_at=now)
    if valid.count() >= MAX_VALID_KEYS_PER_USER:
        raise errors.Conflict(
            f"You have {MAX_VALID_KEYS_PER_USER} keys, the most a user may have.", solution="Revoke one."
        )


def _locked_membership(instance: Instance, user: User) -> Membership:
    """The membership, with the instance's row locked so that two changes can't each remove a last manager."""
    Instance.objects.select_for_update().get(pk=instance.pk)
    try:
        return Membership.objects.get(instance=instance, user=user)
    except Membership.DoesNotExist as missing:
        raise errors.NotFound(f"{user.username} is not a member of {instance.name}.") from missing


def _refuse_if_last_manager(instance: Instance) -> None:
    if Membership.objects.filter(instance=instance, role=Role.MANAGER).count() <= 1:
        raise errors.Conflict(f"{instance.name} must keep a manager.", solution="Name another manager first.")


def _refuse_unprintable(*texts: str) -> None:
    """Control characters spoil pages and logs, and some can't be stored at all."""
    if not all(text.isprintable() for text in texts):
        raise errors.BadRequest("Names and tags hold printable characters only.")


def _tidy_tags(tags: Sequence[str]) -> list[str]:
    """Small letters, because clients search for tags in small letters; each once, in the order given."""
    return list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))


def _values_of(instance: Instance) -> dict[str, Any]:
    return audit.values(instance, (*INSTANCE_SETTINGS, "account", "region", "parent"))


def _refresh(instance: Instance, rows: int, state: str) -> None:
    if not rows:
        raise errors.Conflict(f"The instance {instance.name} is {state} already.")
    instance.refresh_from_db(fields=["is_active", "archived_at"])


def _insert(row: M, taken: str) -> M:
    """Check and insert; ``taken`` is the sentence for a name that exists."""
    return _store(row, taken, force_insert=True)


def _store(row: M, taken: str, **how: Any) -> M:
    try:
        row.clean_fields()
        with transaction.atomic():
            row.save(**how)
    except ValidationError as problem:
        raise errors.BadRequest(" ".join(problem.messages)) from problem
    except IntegrityError as problem:
        raise errors.Conflict(taken) from problem
    return row
