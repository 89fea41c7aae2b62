"""Changing what an instance may use."""

from datetime import datetime

import msgspec
from django.db import transaction
from msgspec import UNSET, UnsetType

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, OverLimit, User
from quantumsvc.errors import BadRequest, Conflict, NotAllowed

# 28 days; a limit beyond that limits nothing on one backend, and a hundred of them nothing at all.
MOST_SECONDS = 100 * 28 * 86_400
MOST_THINGS = 1_000_000
_OF_OPERATORS = ("max_pending_jobs", "max_open_sessions")


class LimitChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``PUT /instances/configuration``: what is left out stays, null takes a limit away."""

    instance_limit: int | UnsetType | None = UNSET
    over_limit: OverLimit | UnsetType = UNSET
    max_pending_jobs: int | UnsetType | None = UNSET
    max_open_sessions: int | UnsetType | None = UNSET

    def fields(self) -> dict[str, int | str | None]:
        """The instance's fields that change, with their new values."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        named = {"instance_limit": "usage_limit_seconds"}
        return {named.get(name, name): value for name, value in given.items() if value is not UNSET}


@transaction.atomic
def change_limits(
    *, instance: Instance, change: LimitChange, actor: User, now: datetime, reason: str = ""
) -> Instance:
    """Carry out the change. ``actor`` manages the instance, or is an operator.

    Raises BadRequest, NotAllowed for what only operators may set, and Conflict for a limit above the
    allocation.
    """
    fields = change.fields()
    _check_numbers(fields)
    locked = Instance.objects.select_for_update(no_key=True).get(pk=instance.pk)
    if not actor.is_operator:
        _check_manager(locked, fields)
    before = audit.values(locked, fields)
    Instance.objects.filter(pk=locked.pk).update(**fields)
    instance.refresh_from_db()
    old, new = audit.changes(before, audit.values(instance, fields))
    if new:
        audit.note(
            "instance.limits_changed", instance, actor=actor, now=now, before=old, after=new, reason=reason
        )
    return instance


def _check_numbers(fields: dict[str, int | str | None]) -> None:
    for name, value in fields.items():
        most = MOST_SECONDS if name == "usage_limit_seconds" else MOST_THINGS
        if isinstance(value, int) and not 0 <= value <= most:
            raise BadRequest(f"{name} must be between 0 and {most}, or null for no limit.")


def _check_manager(instance: Instance, fields: dict[str, int | str | None]) -> None:
    if own := [name for name in _OF_OPERATORS if name in fields]:
        raise NotAllowed(f"Only operators may change {' and '.join(own)}.")
    allocation = instance.usage_allocation_seconds
    if allocation is None or "usage_limit_seconds" not in fields:
        return
    limit = fields["usage_limit_seconds"]
    if limit is None or int(limit) > allocation:
        raise Conflict(f"The limit may not exceed the {allocation} seconds that are allocated.")
