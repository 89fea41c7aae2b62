"""Changes of what members may book by themselves (W6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, Conflict
from reservations_app.models import ReservationPolicy

LIMITS = (
    "self_service",
    "shortest_minutes",
    "longest_minutes",
    "granularity_minutes",
    "ahead_days",
    "freeze_minutes",
    "most_windows_ahead",
    "most_minutes_ahead",
    "most_minutes_per_28_days",
    "buffer_minutes",
    "opens_at",
    "closes_at",
    "weekdays",
    "time_zone",
    "counts_as_used",
)


@transaction.atomic
def create_policy(
    *,
    backend: Backend | None,
    instance: Instance | None,
    limits: Mapping[str, Any],
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> ReservationPolicy:
    """Limits for an instance on a backend; without one of them, for all of its kind.

    Raises Conflict when there are some, and Django's ``ValidationError`` for values that can't be.
    """
    policy = ReservationPolicy(backend=backend, instance=instance)
    _set(policy, limits)
    try:
        with transaction.atomic():
            policy.save(force_insert=True)
    except IntegrityError as problem:
        raise Conflict(f"There is one already: {policy}.", solution="Change that one.") from problem
    after = {"backend": backend, "instance": instance, **limits}
    audit.note("policy.created", policy, actor=actor, now=now, after=after, reason=reason)
    return policy


@transaction.atomic
def change_policy(
    *,
    policy: ReservationPolicy,
    limits: Mapping[str, Any],
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> ReservationPolicy:
    """Change some limits; what is booked stays. Raises Django's ``ValidationError``."""
    row = ReservationPolicy.objects.select_for_update().get(pk=policy.pk)
    before, after = audit.changes(audit.values(row, LIMITS), limits)
    if not after:
        return row
    _set(row, after)
    row.save(update_fields=list(after))
    audit.note("policy.changed", row, actor=actor, now=now, before=before, after=after, reason=reason)
    return row


@transaction.atomic
def delete_policy(*, policy: ReservationPolicy, now: datetime, actor: User | None, reason: str = "") -> None:
    """From now on the next less exact limits hold; what is booked stays."""
    before = {"backend": policy.backend, "instance": policy.instance, **audit.values(policy, LIMITS)}
    audit.note("policy.deleted", policy, actor=actor, now=now, before=before, reason=reason)
    policy.delete()


def _set(policy: ReservationPolicy, limits: Mapping[str, Any]) -> None:
    if unknown := limits.keys() - set(LIMITS):
        raise BadRequest(f"These can't be changed: {', '.join(sorted(unknown))}.")
    for name, value in limits.items():
        setattr(policy, name, value)
    if policy.longest_minutes and policy.shortest_minutes > policy.longest_minutes:
        raise BadRequest("The shortest window can't be longer than the longest.")
    policy.clean_fields()
