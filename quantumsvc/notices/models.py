"""Subscriptions, the outbox that events fill, and the log of deliveries."""

from enum import StrEnum
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.choices import choices_of
from quantumsvc.notices.kinds import TEST, NoticeKind
from quantumsvc.wire.ids import new_id


class Channel(StrEnum):
    """How a subscriber is reached."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """Where a delivery stands; only a pending one is tried (again)."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, user: User) -> Self:
        """The user's own, and those of the instances they manage; of all instances for operators."""
        own = Q(user=user)
        if user.is_operator:
            return self.filter(own | Q(instance__isnull=False))
        managed = Membership.objects.filter(user=user, role=Role.MANAGER.value).values("instance")
        return self.filter(own | Q(instance__in=managed))


class Subscription(models.Model):
    """What somebody wants to be told of, and where. Of an instance or of a user.

    An instance's hears of everything in it. A user's hears of their own jobs and sessions, and of what
    concerns all members of their instances; an operator's also of the backends. Mail to a user goes to
    their own address. ``salt`` makes the signing secret, which is stored nowhere.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    channel = models.CharField(max_length=8, choices=choices_of(Channel))
    address = models.CharField(max_length=500, blank=True)
    kinds = ArrayField(models.CharField(max_length=24, choices=choices_of(NoticeKind)))
    salt = models.CharField(max_length=64)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(instance__isnull=False, user__isnull=True)
                | Q(instance__isnull=True, user__isnull=False),
                name="subscription_has_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(channel__in=sorted(each.value for each in Channel)),
                name="subscription_channel_known",
            ),
            models.CheckConstraint(
                condition=~Q(address="") | Q(channel="mail", user__isnull=False),
                name="subscription_reaches_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"{self.channel} to {self.address or self.user}"


class Notice(models.Model):
    """Something that happened and that somebody wanted to hear of: the outbox.

    Written in the transaction of what happened, by triggers on the tables of events, or by whoever looks
    ahead. ``key`` tells apart what may be said more than once of a subject. ``user`` is empty for what
    concerns all of the instance, ``instance`` for what concerns the operators.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24)
    subject = models.CharField(max_length=36)
    key = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    data = models.JSONField(default=dict)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("id",), condition=Q(handled_at__isnull=True), name="notices_unhandled"),
            models.Index(fields=("at",), name="notices_by_age"),
        )
        constraints = (
            models.UniqueConstraint(fields=("kind", "subject", "key"), name="said_once"),
            models.CheckConstraint(
                condition=Q(kind__in=sorted([TEST, *(each.value for each in NoticeKind)])),
                name="notice_kind_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Delivery(models.Model):
    """One notice on its way to one subscriber, and how that went.

    ``handed_at`` is set while a worker has it.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(
        max_length=8, choices=choices_of(DeliveryState), default=DeliveryState.PENDING.value
    )
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True, validators=[MaxLengthValidator(500)])

    class Meta:
        ordering = ("-notice", "id")
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=("next_at",), condition=Q(state="pending"), name="deliveries_due"),
            models.Index(fields=("subscription", "-notice"), name="deliveries_of_subscription"),
        )
        constraints = (
            models.UniqueConstraint(fields=("notice", "subscription"), name="delivered_once"),
            models.CheckConstraint(
                condition=Q(state="pending", next_at__isnull=False)
                | (Q(state__in=("failed", "sent")) & Q(next_at__isnull=True)),
                name="delivery_due_iff_pending",
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice_id} to {self.subscription_id}: {self.state}"
