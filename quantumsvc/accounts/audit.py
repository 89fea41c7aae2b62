"""Who did what to what, when, why and from where: one call for each administrative act.

Call ``note`` in the transaction of the act: then there is no act without its entry, and no entry
without its act.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from quantumsvc.accounts import origin
from quantumsvc.accounts.keys import KEY_PATTERN
from quantumsvc.accounts.models import AuditEntry, Instance, User

# Columns whose values must never be copied, whatever they hold.
SECRET_FIELDS = frozenset(
    {"password", "digest", "key", "text", "token", "secret", "credential", "address_key"}
)
MASK = "(a key)"


def note(
    action: str,
    about: models.Model,
    *,
    actor: User | None,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    instance: Instance | None = None,
) -> AuditEntry:
    """Write down that ``actor`` did ``action`` to ``about``; None is the service itself, or its command line.

    ``action`` is a kind and a past participle (``backend.paused``, ``key.revoked``). ``before`` and
    ``after`` hold only the values that changed: plain values, times, enumerations or rows. Pass the
    ``instance`` whose managers may read the entry; ``about`` itself and its ``instance`` are found
    without. Keys in texts are masked; raises ValueError for fields that hold secrets.
    """
    where = origin.current()
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        actor_name=actor.username if actor else "",
        via=where.via.value,
        address=where.address,
        action=action,
        object_kind=about._meta.model_name or "",
        object_id=str(about.pk),
        object_name=masked(str(about))[:200],
        instance=instance or _instance_of(about),
        before=plain(before),
        after=plain(after),
        reason=masked(reason),
    )


def values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """These fields of the row, for ``before`` or ``after``."""
    return {name: getattr(row, name) for name in names}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both, only what differs."""
    changed = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def masked(text: str) -> str:
    """The text without API keys that somebody pasted into it."""
    return re.sub(KEY_PATTERN, MASK, text)


def plain(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The values as JSON can hold them. Raises ValueError for fields that hold secrets."""
    if fields is None:
        return None
    if secret := SECRET_FIELDS & fields.keys():
        raise ValueError(f"The audit never holds {', '.join(sorted(secret))}.")
    return {name: _plain_value(value) for name, value in fields.items()}


def _plain_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple | set | frozenset | models.QuerySet):
        return [_plain_value(item) for item in value]
    return masked(str(value))


def _instance_of(about: models.Model) -> Instance | None:
    found = about if isinstance(about, Instance) else getattr(about, "instance", None)
    return found if isinstance(found, Instance) else None
