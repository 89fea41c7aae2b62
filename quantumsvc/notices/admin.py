"""Subscriptions, what was told, and whether it arrived, in the administration pages: read only."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.base import OperatorAdmin, badge, preformatted
from quantumsvc.notices.kinds import sentence
from quantumsvc.notices.models import Delivery, DeliveryState, Notice, Subscription

TONES = {
    DeliveryState.PENDING.value: "queued",
    DeliveryState.SENT.value: "completed",
    DeliveryState.FAILED.value: "failed",
}


class SubscriptionAdmin(OperatorAdmin):
    list_display = ("id", "channel", "address", "whose", "told_of", "is_active", "created_at")
    list_filter = ("channel", "is_active", "created_at")
    list_select_related = ("instance", "user")
    search_fields = ("=id", "address", "user__username", "instance__name")
    search_help_text = "A subscription's whole id, an address, or a user's or instance's name."
    # The salt makes the signing secret, and is for nobody's eyes.
    fields = (
        "id", "channel", "address", "user", "instance", "told_of", "is_active", "created_by", "created_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "instance", "created_by").defer("salt")

    @admin.display(description="of", ordering="instance__name")
    def whose(self, row: Subscription) -> str:
        return row.instance.name if row.instance else str(row.user)

    @admin.display(description="events")
    def told_of(self, row: Subscription) -> str:
        return ", ".join(row.kinds)


class NoticeAdmin(OperatorAdmin):
    list_display = ("at", "kind", "message", "instance", "user", "handled_at")
    list_filter = ("kind", "at")
    list_select_related = ("instance", "user")
    search_fields = ("=subject", "instance__name", "user__username")
    search_help_text = "The whole id of what it is about, or an instance's or user's name."
    fields = ("at", "kind", "subject", "message", "instance", "user", "handled_at", "document")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("instance", "user")

    @admin.display(description="message")
    def message(self, notice: Notice) -> str:
        return sentence(notice.kind, notice.subject, notice.data)

    @admin.display(description="data")
    def document(self, notice: Notice) -> str:
        return preformatted(json.dumps(notice.data, indent=2, ensure_ascii=False))


class DeliveryAdmin(OperatorAdmin):
    list_display = ("id", "kind", "to", "status_badge", "attempts", "tried_at", "next_at", "error")
    list_filter = ("state", "subscription__channel", "notice__kind", "tried_at")
    list_select_related = ("notice", "subscription", "subscription__user")
    search_fields = ("=id", "=subscription__id", "subscription__address", "=notice__subject", "error")
    search_help_text = "An address, the whole id of what it is about, or a word of the error."
    fields = (
        "id", "kind", "notice", "subscription", "status_badge", "attempts", "tried_at", "next_at",
        "handed_at", "status", "error",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("notice", "subscription", "subscription__user")

    @admin.display(description="event", ordering="notice__kind")
    def kind(self, delivery: Delivery) -> str:
        return delivery.notice.kind

    @admin.display(description="to", ordering="subscription__address")
    def to(self, delivery: Delivery) -> str:
        return str(delivery.subscription)

    @admin.display(description="state", ordering="state")
    def status_badge(self, delivery: Delivery) -> str:
        return badge(delivery.state, TONES[delivery.state])


admin.site.register(Subscription, SubscriptionAdmin)
admin.site.register(Notice, NoticeAdmin)
admin.site.register(Delivery, DeliveryAdmin)
