"""Making, changing and ending subscriptions. Whether the actor may is asked before, by the caller."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, User
from quantumsvc.errors import BadRequest, Conflict
from quantumsvc.notices.addresses import Unreachable, read_url, resolve
from quantumsvc.notices.kinds import NoticeKind
from quantumsvc.notices.models import Channel, Subscription
from quantumsvc.notices.signing import secret_of

# Of one owner.
MAX_SUBSCRIPTIONS = 20


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A new subscription. ``secret`` signs its webhooks: shown to its owner once; empty for mail."""

    subscription: Subscription
    secret: str


@transaction.atomic
def subscribe(
    *,
    owner: User | Instance,
    channel: Channel,
    address: str,
    kinds: Iterable[str],
    actor: User,
    now: datetime,
) -> Subscribed:
    """A new subscription of the user or the instance. Raises BadRequest, or Conflict for one too many."""
    of_user = owner if isinstance(owner, User) else None
    of_instance = owner if isinstance(owner, Instance) else None
    _check_address(channel, address, of_user)
    checked = checked_kinds(kinds)
    _one_at_a_time(of_user, of_instance)
    rows = Subscription.objects.filter(user=of_user, instance=of_instance)
    if rows.count() >= MAX_SUBSCRIPTIONS:
        raise Conflict(f"There are {MAX_SUBSCRIPTIONS} subscriptions, the most that are kept.")
    made = Subscription.objects.create(
        user=of_user,
        instance=of_instance,
        channel=channel.value,
        address=address,
        kinds=checked,
        salt=secrets.token_hex(16),
        created_at=now,
        created_by=actor,
    )
    _note("subscription.made", made, actor, now)
    return Subscribed(made, secret_of(made) if channel is Channel.WEBHOOK else "")


@transaction.atomic
def change(
    *,
    subscription: Subscription,
    kinds: Iterable[str] | None = None,
    is_active: bool | None = None,
    actor: User,
    now: datetime,
) -> Subscription:
    """What it is told of, and whether at all. Raises BadRequest."""
    fields: dict[str, object] = {}
    if kinds is not None:
        fields["kinds"] = checked_kinds(kinds)
    if is_active is not None:
        fields["is_active"] = is_active
    if fields:
        Subscription.objects.filter(pk=subscription.pk).update(**fields)
        subscription.refresh_from_db()
        _note("subscription.changed", subscription, actor, now)
    return subscription


@transaction.atomic
def unsubscribe(*, subscription: Subscription, actor: User, now: datetime) -> None:
    """End it, with its log."""
    _note("subscription.ended", subscription, actor, now)
    subscription.delete()


def _one_at_a_time(user: User | None, instance: Instance | None) -> None:
    """Two at once must not both be the last."""
    if user is not None:
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if instance is not None:
        Instance.objects.select_for_update(no_key=True).get(pk=instance.pk)


def checked_kinds(kinds: Iterable[str]) -> list[str]:
    """The kinds in their order, each once. Raises BadRequest for unknown ones and for none."""
    asked = set(kinds)
    known = [kind.value for kind in NoticeKind]
    if unknown := sorted(asked.difference(known)):
        raise BadRequest(f"There is no event {', '.join(unknown)[:100]!r}; there are: {', '.join(known)}.")
    if not asked:
        raise BadRequest("Choose at least one event.")
    return [kind for kind in known if kind in asked]


def _check_address(channel: Channel, address: str, user: User | None) -> None:
    if channel is Channel.WEBHOOK:
        try:
            resolve(read_url(address))
        except Unreachable as refused:
            raise BadRequest(str(refused)) from None
        return
    if user is not None:
        _check_own_mail(address, user)
        return
    try:
        validate_email(address)
    except ValidationError:
        raise BadRequest("The address is not a mail address.") from None


def _check_own_mail(address: str, user: User) -> None:
    """The service writes to nobody who did not ask: a user's mail goes to their own address."""
    if address:
        raise BadRequest("Mail to a user goes to the user's own address: leave the address out.")
    if not user.email:
        raise BadRequest("Your account has no mail address.", solution="Set one in your profile.")


def _note(action: str, subscription: Subscription, actor: User, now: datetime) -> None:
    after = {"channel": subscription.channel, "kinds": subscription.kinds, "active": subscription.is_active}
    audit.note(action, subscription, actor=actor, now=now, after=after, instance=subscription.instance)
