"""What the reader, or an instance that they manage, wants to be told of."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import may_manage, reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.selectors import instances_by_preference
from quantumsvc.errors import BadRequest, ServiceError
from quantumsvc.notices.kinds import LABELS, NoticeKind, sentence
from quantumsvc.notices.models import Channel, Delivery, Subscription
from quantumsvc.notices.outbox import try_out
from quantumsvc.notices.subscribing import Subscribed, change, subscribe, unsubscribe

_methods = require_http_methods(["GET", "HEAD", "POST"])
LOG_LENGTH = 50
OWN = "user"


@_methods
@login_required
def notifications_page(request: HttpRequest) -> HttpResponse:
    """All that the reader may see and change; after a POST, with a new webhook's secret, this once."""
    user = reader_of(request)
    managed = _managed(user)
    context: dict[str, Any] = {"here": "notifications", "managed": managed, "labels": _labels(user)}
    status = 200
    if request.method == "POST":
        try:
            made = _subscribe(request, managed)
            if not made.secret:
                messages.success(request, "The subscription was made.")
                return redirect("settings-notifications")
            context |= {"fresh": made}
        except ServiceError as refused:
            context |= {
                "fault": refused.message,
                "sent": request.POST,
                "ticked": request.POST.getlist("kinds"),
            }
            status = refused.status
    found = Subscription.objects.visible_to(user).select_related("instance", "user")
    context["rows"] = found.filter(user=user) | found.filter(instance__in=managed)
    return render(request, "settings/notifications.html", context, status=status)


def _managed(user: User) -> list[Instance]:
    """The instances that the reader manages by a role of their own."""
    mine = instances_by_preference(user).filter(
        is_active=True, memberships__user=user, memberships__role=Role.MANAGER.value
    )
    return [each for each in mine if may_manage(user, each)]


def _labels(user: User) -> list[tuple[str, str]]:
    """The events that can be chosen; the operators' own only by them."""
    hidden = set() if user.is_operator else {NoticeKind.CALIBRATION_OVERDUE}
    return [(kind.value, label) for kind, label in LABELS.items() if kind not in hidden]


def _subscribe(request: HttpRequest, managed: list[Instance]) -> Subscribed:
    user, whose = reader_of(request), request.POST.get("of", OWN)
    owners: dict[str, User | Instance] = {OWN: user, **{str(each.pk): each for each in managed}}
    if whose not in owners:
        raise BadRequest("You manage no such instance.")
    try:
        channel = Channel(request.POST.get("channel", ""))
    except ValueError:
        raise BadRequest("Choose mail or a webhook.") from None
    return subscribe(
        owner=owners[whose],
        channel=channel,
        address=request.POST.get("address", "").strip(),
        kinds=request.POST.getlist("kinds"),
        actor=user,
        now=clock.now(),
    )


@_methods
@login_required
def subscription_page(request: HttpRequest, ident: str) -> HttpResponse:
    """One subscription with its log; a POST chooses other events, or switches it off or on."""
    subscription, user = _one(request, ident), reader_of(request)
    if request.method == "POST":
        try:
            change(
                subscription=subscription,
                kinds=request.POST.getlist("kinds"),
                is_active="active" in request.POST,
                actor=user,
                now=clock.now(),
            )
            messages.success(request, "The subscription was changed.")
        except ServiceError as refused:
            messages.error(request, refused.message)
        return redirect("settings-subscription", ident)
    deliveries = subscription.deliveries.select_related("notice")[:LOG_LENGTH]
    context = {
        "here": "notifications",
        "subscription": subscription,
        "labels": _labels(user),
        "log": [(each, _told(each)) for each in deliveries],
    }
    return render(request, "settings/subscription.html", context)


def _told(delivery: Delivery) -> str:
    notice = delivery.notice
    return sentence(notice.kind, notice.subject, notice.data)


@require_POST
@login_required
def try_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Send a test."""
    try_out(_one(request, ident), clock.now())
    messages.success(request, "A test is on its way. Load this page again to see how it went.")
    return redirect("settings-subscription", ident)


@_methods
@login_required
def end_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Ask, then end it."""
    subscription = _one(request, ident)
    if request.method == "POST":
        unsubscribe(subscription=subscription, actor=reader_of(request), now=clock.now())
        messages.success(request, "The subscription was ended.")
        return redirect("settings-notifications")
    return render(request, "settings/end.html", {"subscription": subscription, "here": "notifications"})


def _one(request: HttpRequest, ident: str) -> Subscription:
    rows = Subscription.objects.visible_to(reader_of(request)).select_related("instance", "user")
    found = rows.filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise Http404("There is no such subscription.")
    return found


urlpatterns = [
    path("settings/notifications", notifications_page, name="settings-notifications"),
    path("settings/notifications/<str:ident>", subscription_page, name="settings-subscription"),
    path("settings/notifications/<str:ident>/test", try_page, name="settings-subscription-test"),
    path("settings/notifications/<str:ident>/end", end_page, name="settings-subscription-end"),
]
