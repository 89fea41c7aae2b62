"""Policies of booking in the administration pages (W6)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import Act, Deed, ModelSettings
from quantumsvc.accounts.admin.base import OperatorAdmin
from quantumsvc.accounts.admin.fields import ZoneField, row_field
from quantumsvc.accounts.models import Instance, Membership
from quantumsvc.backends.models import Backend
from reservations_app.models import ReservationPolicy
from reservations_app.services.limits import LIMITS, change_policy, create_policy, delete_policy

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Limits(ModelSettings):
    model = ReservationPolicy
    names = LIMITS

    def prepare(self) -> None:
        """Days are ticked, and zones chosen."""
        super().prepare()
        days = [(str(number), day) for number, day in enumerate(DAYS)]
        self.fields["weekdays"] = forms.TypedMultipleChoiceField(
            choices=days,
            coerce=int,
            widget=forms.CheckboxSelectMultiple,
            initial=[number for number, _ in days],
        )
        self.fields["time_zone"] = ZoneField(initial="UTC", help_text="Of the hours and days.")
        for name in ("opens_at", "closes_at"):
            self.fields[name].widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class NewLimits(Limits):
    backend = forms.ModelChoiceField(
        Backend.objects.defer("configuration"), required=False, empty_label="every backend"
    )
    instance = row_field(
        Instance.objects.filter(is_system=False), Membership.instance, required=False,
        help_text="Empty: every instance.",
    )  # fmt: skip

    def prepare(self) -> None:
        """Whom it is for comes first."""
        super().prepare()
        self.order_fields(["backend", "instance"])


def _make(deed: Deed) -> None:
    create_policy(
        backend=deed.data["backend"], instance=deed.data["instance"], limits=Limits.chosen(deed),
        now=deed.now, actor=deed.actor, reason=deed.reason,
    )  # fmt: skip


def _change(deed: Deed) -> None:
    change_policy(
        policy=deed.row, limits=Limits.chosen(deed), now=deed.now, actor=deed.actor, reason=deed.reason
    )


def _delete(deed: Deed) -> None:
    delete_policy(policy=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason)


class PolicyAdmin(OperatorAdmin):
    list_display = (
        "whom", "where", "self_service", "shortest_minutes", "longest_minutes", "ahead_days",
        "freeze_minutes", "most_minutes_per_28_days",
    )  # fmt: skip
    list_filter = ("self_service", "counts_as_used", "backend")
    list_select_related = ("backend", "instance")
    search_fields = ("backend__name", "instance__name", "instance__account")
    search_help_text = "A backend's or instance's name, or an account."
    fields = ("backend", "instance", *LIMITS[:-3], "days", *LIMITS[-2:])
    acts = (
        Act(
            name="make", label="Add a policy", makes=True, form=NewLimits, do=_make,
            effects=(
                "What managers may book by themselves. Zero minutes, days or windows mean without limit.",
                "The most exact policy holds: instance and backend, then instance, then backend, then all.",
            ),
        ),
        Act(
            name="change", label="Change", many=False, form=Limits, do=_change, initial=Limits.values_of,
            effects=("It holds for what is booked from now on.",),
        ),
        Act(
            name="delete", label="Delete", danger=True, do=_delete,
            effects=("The next less exact policy holds from now on. What is booked stays.",),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("backend", "instance")
        return rows.defer("backend__configuration")

    @admin.display(description="for", ordering="instance__name")
    def whom(self, policy: ReservationPolicy) -> str:
        return policy.instance.name if policy.instance else "every instance"

    @admin.display(description="on", ordering="backend__name")
    def where(self, policy: ReservationPolicy) -> str:
        return policy.backend.name if policy.backend else "every backend"

    @admin.display(description="weekdays")
    def days(self, policy: ReservationPolicy) -> str:
        return ", ".join(DAYS[number] for number in policy.weekdays)
