"""The runtime API's calls about what a user or an instance wants to be told of."""

from typing import Any, Literal

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import UNSET, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.api import (
    bool_parameter,
    caller_of,
    chosen_order,
    listed,
    page_of,
    require_instance,
    require_manager,
    word_parameter,
)
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import NotFound
from quantumsvc.notices.kinds import sentence
from quantumsvc.notices.models import Channel, Delivery, DeliveryState, Subscription
from quantumsvc.notices.outbox import try_out
from quantumsvc.notices.subscribing import change, subscribe, unsubscribe
from quantumsvc.openapi.operations import described, one_of, paged, sortable, yes_no
from quantumsvc.wire.envelope import plain_text, read
from quantumsvc.wire.times import iso_z
from sessions_app.shapes import notifications as shapes

STATES = [each.value for each in DeliveryState]
CHANNELS = [each.value for each in Channel]
ORDERS = {"created_at": ("created_at", "id")}
# Notices are numbered as they come.
DELIVERY_ORDERS = {"at": ("notice_id", "id")}


class NewSubscription(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``POST /notifications``. ``of`` says whose it is: the caller's own, or the instance's."""

    channel: Channel
    kinds: list[str]
    address: str = ""
    of: Literal["user", "instance"] = "user"


class SubscriptionPatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``PATCH /notifications/{id}``: what is left out stays."""

    kinds: list[str] | UnsetType = UNSET
    active: bool | UnsetType = UNSET


def subscriptions_of(request: Request) -> QuerySet[Subscription]:
    """The caller's own, and for its managers those of the instance that the request names."""
    caller, instance = caller_of(request), require_instance(request)
    visible = Subscription.objects.visible_to(caller.user)
    return visible.filter(user=caller.user) | visible.filter(instance=instance)


def subscription_of(request: Request, ident: str) -> Subscription:
    """One of them. Raises :class:`NotFound` for any other."""
    found = subscriptions_of(request).filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise NotFound("There is no subscription of that id.")
    return found


def subscription_body(subscription: Subscription) -> dict[str, Any]:
    """A subscription without its secret."""
    return {
        "id": subscription.pk,
        "of": "user" if subscription.user_id else "instance",
        "channel": subscription.channel,
        "address": subscription.address,
        "kinds": subscription.kinds,
        "active": subscription.is_active,
        "created_at": iso_z(subscription.created_at),
    }


class SubscriptionsView(APIView):
    """``/notifications``"""

    @described(
        "List subscriptions",
        query=(
            *paged(50),
            one_of("channel", "Only those that are told by this.", CHANNELS),
            yes_no("active", "Only those that are on, or only the others."),
            sortable(*ORDERS),
        ),
        answer=shapes.Subscriptions,
    )
    def get(self, request: Request) -> Response:
        """The subscriptions that the caller may see, the oldest first."""
        rows = subscriptions_of(request)
        if channel := word_parameter(request, "channel", CHANNELS):
            rows = rows.filter(channel=channel)
        active = bool_parameter(request, "active")
        if active is not None:
            rows = rows.filter(is_active=active)
        rows = chosen_order(request, rows, ORDERS)
        page = page_of(request, default=50)
        part = page.of(rows)
        found = [subscription_body(each) for each in part.rows]
        return Response(listed("subscriptions", found, rows.count(), page, part))

    @described("Subscribe", body=NewSubscription, answer=shapes.SubscriptionMade, status=201, refuses=(1409,))
    @idempotent(keeps_answer=False)
    def post(self, request: Request) -> Response:
        """A new one; the answer to a webhook's holds the secret that signs it, this once."""
        body = read(request._request.body, NewSubscription)
        plain_text("address", body.address, limit=500)
        user = caller_of(request).user
        owner: User | Instance = require_manager(request) if body.of == "instance" else user
        require_instance(request)
        made = subscribe(
            owner=owner,
            channel=body.channel,
            address=body.address,
            kinds=body.kinds,
            actor=user,
            now=clock.now(),
        )
        secret = {"secret": made.secret} if made.secret else {}
        return Response(subscription_body(made.subscription) | secret, status=201)


class SubscriptionView(APIView):
    """``/notifications/{id}``"""

    @described("Read a subscription", answer=shapes.Subscription)
    def get(self, request: Request, ident: str) -> Response:
        return Response(subscription_body(subscription_of(request, ident)))

    @described("Change a subscription", body=SubscriptionPatch, answer=shapes.Subscription)
    def patch(self, request: Request, ident: str) -> Response:
        """Choose other events, or switch it off or on."""
        found = subscription_of(request, ident)
        body = read(request._request.body, SubscriptionPatch)
        changed = change(
            subscription=found,
            kinds=None if body.kinds is UNSET else body.kinds,
            is_active=None if body.active is UNSET else body.active,
            actor=caller_of(request).user,
            now=clock.now(),
        )
        return Response(subscription_body(changed))

    @described("Unsubscribe", status=204)
    def delete(self, request: Request, ident: str) -> HttpResponse:
        found = subscription_of(request, ident)
        unsubscribe(subscription=found, actor=caller_of(request).user, now=clock.now())
        return HttpResponse(status=204)


class SubscriptionTestView(APIView):
    """``POST /notifications/{id}/test``"""

    @described("Send a test", answer=shapes.TestSent, status=202, refuses=(1409,))
    @idempotent()
    def post(self, request: Request, ident: str) -> Response:
        """Send a test; look at the deliveries for how it went."""
        delivery = try_out(subscription_of(request, ident), clock.now())
        return Response({"delivery": delivery.pk}, status=202)


class DeliveriesView(APIView):
    """``GET /notifications/{id}/deliveries``"""

    @described(
        "List deliveries",
        query=(*paged(), one_of("state", "Only those in this state.", STATES), sortable(*DELIVERY_ORDERS)),
        answer=shapes.Deliveries,
    )
    def get(self, request: Request, ident: str) -> Response:
        """The log, newest first; it is kept for 30 days."""
        rows = subscription_of(request, ident).deliveries.select_related("notice")
        if state := word_parameter(request, "state", STATES):
            rows = rows.filter(state=state)
        rows = chosen_order(request, rows.order_by("-notice_id", "id"), DELIVERY_ORDERS)
        page = page_of(request)
        part = page.of(rows)
        found = [delivery_body(each) for each in part.rows]
        return Response(listed("deliveries", found, rows.count(), page, part))


def delivery_body(delivery: Delivery) -> dict[str, Any]:
    """How one notice got there; ``status`` is what the receiver answered."""
    notice = delivery.notice
    return {
        "id": delivery.pk,
        "type": notice.kind,
        "subject": notice.subject,
        "message": sentence(notice.kind, notice.subject, notice.data),
        "at": iso_z(notice.at),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "tried_at": iso_z(delivery.tried_at) if delivery.tried_at else None,
        "next_at": iso_z(delivery.next_at) if delivery.next_at else None,
        "status": delivery.status,
        "error": delivery.error or None,
    }
