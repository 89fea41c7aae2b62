"""From what happened to who is told: notices become deliveries, and deliveries are tried until they arrive.

Every step is one guarded statement, so that two who do it at once do it once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django_q.tasks import async_task

from quantumsvc.accounts.models import Instance, User
from quantumsvc.doorbell import TIMEKEEPER, ring
from quantumsvc.notices.kinds import NoticeKind
from quantumsvc.notices.models import Delivery, DeliveryState, Notice, Subscription
from quantumsvc.notices.sending import send
from quantumsvc.statements import Statement, run
from quantumsvc.wire.ids import new_id

TASK = "quantumsvc.notices.tasks.deliver"
# How long after each failure the next attempt is made; after the last one it is given up.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1_800, 7_200, 21_600, 43_200))
# A delivery that was handed to a worker is handed out again after this, if nothing was heard of it.
TRUSTED = timedelta(minutes=2)
# With workers at one time, so that slow receivers don't keep them from the backends.
AT_A_TIME = 2
KEPT = timedelta(days=30)

_FAN_OUT = """
WITH told AS (
    UPDATE notices_notice SET handled_at = %s WHERE handled_at IS NULL
    RETURNING id, kind, instance_id, user_id
)
INSERT INTO notices_delivery (id, notice_id, subscription_id, state, attempts, next_at, error)
SELECT gen_random_uuid()::text, n.id, s.id, 'pending', 0, %s, ''
FROM told n JOIN notices_subscription s ON s.is_active AND n.kind = ANY(s.kinds)
LEFT JOIN accounts_user u ON u.id = s.user_id
WHERE s.instance_id = n.instance_id
    OR (u.is_active AND n.instance_id IS NULL AND u.is_operator)
    OR (u.is_active AND coalesce(n.user_id, u.id) = u.id AND EXISTS (
        SELECT 1 FROM accounts_membership m WHERE m.instance_id = n.instance_id AND m.user_id = u.id))
ON CONFLICT (notice_id, subscription_id) DO NOTHING
"""
_CLAIM = """
UPDATE notices_delivery SET next_at = %s, handed_at = %s WHERE id IN (
    SELECT id FROM notices_delivery WHERE state = 'pending' AND next_at <= %s
    ORDER BY next_at, id FOR UPDATE SKIP LOCKED
    LIMIT greatest(%s - (SELECT count(*) FROM notices_delivery WHERE state = 'pending' AND handed_at > %s), 0)
) RETURNING id
"""


def note(
    kind: NoticeKind,
    subject: str,
    *,
    now: datetime,
    instance: Instance,
    user: User | None = None,
    key: str = "",
    data: Mapping[str, Any],
) -> bool:
    """Put something into the outbox if anybody wants to hear of it. Saying it again changes nothing."""
    wanted = Q(instance=instance) | (Q(user=user) if user else Q(user__memberships__instance=instance))
    if not Subscription.objects.filter(wanted, is_active=True, kinds__contains=[kind.value]).exists():
        return False
    with transaction.atomic():
        _, made = Notice.objects.get_or_create(
            kind=kind.value,
            subject=subject,
            key=key,
            defaults={"at": now, "instance": instance, "user": user, "data": dict(data)},
        )
        if made:
            ring(TIMEKEEPER)
    return made


@transaction.atomic
def hand_out(now: datetime) -> int:
    """Give what is due to the workers, in the present order; how many there were."""
    run(Statement(_FAN_OUT, [now, now]))
    due = run(Statement(_CLAIM, [now + TRUSTED, now, now, AT_A_TIME, now - TRUSTED]))[0]
    for (ident,) in due:
        async_task(TASK, ident, q_options={"save": False, "group": "notices"})
    return len(due)


def next_attempt() -> datetime | None:
    """When the next delivery is due that can be handed out; None while enough are on their way."""
    waiting = Delivery.objects.filter(state=DeliveryState.PENDING).order_by("next_at")
    if waiting.filter(handed_at__isnull=False).count() >= AT_A_TIME:
        return None
    return waiting.values_list("next_at", flat=True).first()


def deliver(ident: str, now: datetime) -> None:
    """Try a delivery once, and write down how it went. Nothing is locked while the receiver thinks."""
    rows = Delivery.objects.filter(pk=ident, state=DeliveryState.PENDING)
    found = rows.select_related("notice__instance", "subscription__user").first()
    if found is None or not found.subscription.is_active:
        rows.update(state=DeliveryState.FAILED, next_at=None, error="The subscription was switched off.")
        return
    outcome = send(found, now)
    # The number of attempts guards: of two that tried at once, one is written down.
    mine = rows.filter(attempts=found.attempts)
    told = {
        "attempts": F("attempts") + 1,
        "tried_at": now,
        "handed_at": None,
        "status": outcome.status,
        "error": outcome.error,
    }
    if not outcome.error:
        mine.update(state=DeliveryState.SENT, next_at=None, **told)
    elif found.attempts >= len(BACKOFF):
        mine.update(state=DeliveryState.FAILED, next_at=None, **told)
    else:
        mine.update(next_at=now + BACKOFF[found.attempts], **told)
    ring(TIMEKEEPER)


@transaction.atomic
def try_out(subscription: Subscription, now: datetime) -> Delivery:
    """A test that goes the way of all others, to this subscription alone."""
    notice = Notice.objects.create(
        kind="test", subject=subscription.pk, key=new_id(), at=now, instance=subscription.instance,
        user=subscription.user, handled_at=now,
    )  # fmt: skip
    delivery = Delivery.objects.create(notice=notice, subscription=subscription, next_at=now)
    ring(TIMEKEEPER)
    return delivery


def forget(now: datetime) -> None:
    """Drop what is older than the log is kept for."""
    Notice.objects.filter(at__lt=now - KEPT).delete()
