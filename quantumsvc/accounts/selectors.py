"""Reads that begin with who is asking."""

from datetime import datetime

from django.db.models import Case, IntegerField, QuerySet, Value, When

from quantumsvc import errors
from quantumsvc.accounts.keys import digest_of, looks_like_key
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.plans import CATALOGUE, Plan
from quantumsvc.accounts.roles import Role

# The order in which clients prefer instances when their user names none.
PRICING_ORDER = ["free", "trial", "paygo", "paid", "subscription", "unknown"]


def instances_by_preference(user: User) -> QuerySet[Instance]:
    """The user's instances: active before archived, free before paid, the open plan first, then by name."""
    plans = sorted(Plan, key=lambda plan: PRICING_ORDER.index(CATALOGUE[plan.catalogue_id].pricing))
    ranks = [When(plan=plan.value, then=Value(rank)) for rank, plan in enumerate(plans)]
    rank = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    return Instance.objects.visible_to(user).order_by("-is_active", rank, "name", "pk")


def instance_by_crn(user: User, crn: str) -> Instance:
    """One of the user's instances. Raises NotFound."""
    try:
        return Instance.objects.visible_to(user).get(crn=crn)
    except Instance.DoesNotExist as missing:
        raise errors.NotFound("There is no such instance.") from missing


def role_in(user: User, instance: Instance) -> Role | None:
    """The user's role there, which operators need not have."""
    membership = Membership.objects.filter(user=user, instance=instance).first()
    return Role(membership.role) if membership else None


def members_of(user: User, instance: Instance) -> QuerySet[Membership]:
    """Who belongs to the instance, as far as ``user`` may know."""
    members = Membership.objects.visible_to(user).filter(instance=instance)
    return members.select_related("user").order_by("user__username")


def keys_of(user: User) -> QuerySet[ApiKey]:
    """The user's own keys, newest first, for an operator too."""
    return ApiKey.objects.visible_to(user).filter(user=user).order_by("-created_at", "-id")


def find_valid_key(text: str, now: datetime) -> ApiKey | None:
    """The key with this text and, read with it, its user; None unless both are valid."""
    if not looks_like_key(text):
        return None
    key = ApiKey.objects.select_related("user").filter(digest=digest_of(text)).first()
    return key if key and key.is_valid_at(now) and key.user.is_active else None
