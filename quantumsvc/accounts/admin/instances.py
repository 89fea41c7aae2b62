"""Instances in the administration pages."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, ReasonGiven, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.accounts.admin.fields import TagsField, choices, row_field
from quantumsvc.accounts.models import Instance, Membership, OverLimit
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.services import (
    INSTANCE_SETTINGS,
    archive_instance,
    change_instance,
    create_instance,
    move_instance,
    restore_instance,
)

MAX_SECONDS = 2**31 - 1


class InstanceSettings(ActForm):
    name = forms.CharField(max_length=100)
    plan = forms.ChoiceField(choices=choices(Plan))
    shares = forms.IntegerField(
        min_value=0, max_value=1_000_000, initial=1,
        help_text="Relative to its siblings (F1). With 0 it only gets what the others leave.",
    )  # fmt: skip
    tags = TagsField()
    usage_allocation_seconds = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_SECONDS,
        help_text="Seconds in 28 days that are promised; empty: none are named.",
    )  # fmt: skip
    usage_limit_seconds = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_SECONDS,
        help_text="Seconds in 28 days after which its jobs wait (S10); empty: without limit.",
    )  # fmt: skip
    over_limit = forms.ChoiceField(
        choices=choices(OverLimit), label="Over its limit, jobs",
        help_text="Wait in the queue, or are refused when they are submitted.",
    )  # fmt: skip
    max_pending_jobs = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_SECONDS, label="Waiting and running jobs, at most",
        help_text="Empty: without limit.",
    )  # fmt: skip
    max_open_sessions = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_SECONDS, label="Open sessions, at most",
        help_text="Empty: without limit.",
    )  # fmt: skip
    may_calibrate = forms.BooleanField(
        required=False, label="May calibrate backends", help_text="With the client's Calibrator (W9)."
    )


class ChangedSettings(InstanceSettings):
    reason = reason_field(required=False)


class NewInstance(InstanceSettings):
    field_order = ("name", "account", "region", "plan")
    account = forms.CharField(max_length=64, help_text="The organisation, one word.")
    region = forms.CharField(max_length=32, initial="us-east")
    parent = row_field(Instance.objects.filter(is_system=False), Instance.parent, required=False)


class NewParent(ActForm):
    parent = row_field(
        Instance.objects.filter(is_system=False), Instance.parent, required=False,
        help_text="Whose shares its own are a part of (F1); empty: it stands at the top.",
    )  # fmt: skip
    reason = reason_field(required=False)


# What a new instance is given at once; the rest of its settings follow, in the same transaction.
AT_ONCE = ("name", "account", "region", "parent", "shares", "tags")


def _make(deed: Deed) -> str:
    given = {name: deed.data[name] for name in AT_ONCE}
    instance = create_instance(**given, plan=Plan(deed.data["plan"]), now=deed.now, actor=deed.actor)
    rest = {name: deed.data[name] for name in INSTANCE_SETTINGS if name not in AT_ONCE}
    change_instance(instance=instance, settings=rest, now=deed.now, actor=deed.actor)
    return f"The instance {instance.name} was made. Clients address it by {instance.crn}"


def _change(deed: Deed) -> None:
    settings = {name: deed.data[name] for name in INSTANCE_SETTINGS}
    change_instance(instance=deed.row, settings=settings, now=deed.now, actor=deed.actor, reason=deed.reason)


def _move(deed: Deed) -> None:
    move_instance(
        instance=deed.row, parent=deed.data["parent"], now=deed.now, actor=deed.actor, reason=deed.reason
    )


def _archive(deed: Deed) -> None:
    archive_instance(instance=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason)


def _restore(deed: Deed) -> None:
    restore_instance(instance=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason)


class MembersInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")
    verbose_name_plural = "members"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user").order_by("user__username")


class InstanceAdmin(OperatorAdmin):
    list_display = ("name", "account", "plan", "shares", "parent", "members_count", "state")
    list_filter = ("is_active", "plan", "region", "account")
    list_select_related = ("parent",)
    search_fields = ("name", "account", "crn")
    search_help_text = "Name, account or CRN."
    fields = (
        "name", "crn", "account", "region", "plan", "parent", "shares", "tags",
        "usage_allocation_seconds", "usage_limit_seconds",
        "over_limit", "max_pending_jobs", "max_open_sessions", "may_calibrate",
        "state", "archived_at", "created_at",
    )  # fmt: skip
    inlines = (MembersInline,)
    acts = (
        Act(
            name="make", label="Add an instance", makes=True, form=NewInstance, do=_make,
            effects=("A new tenant without members. Add its manager next.",),
        ),
        Act(
            name="settings", label="Change the settings", many=False, form=ChangedSettings, do=_change,
            effects=("Shares and limits hold from the next choice on.",),
            initial=lambda row: {name: getattr(row, name) for name in INSTANCE_SETTINGS},
        ),
        Act(
            name="move", label="Give it another parent", many=False, form=NewParent, do=_move,
            effects=("Its shares are then relative to its new siblings.",),
            initial=lambda row: {"parent": row.parent},
        ),
        Act(
            name="archive", label="Archive", danger=True, form=ReasonGiven, do=_archive,
            effects=(
                "No more work is accepted, and jobs that wait keep their places without starting (S10).",
                "All that it has stays readable. It can be restored.",
            ),
            refusal=lambda row: "" if row.is_active else "It is archived.",
        ),
        Act(
            name="restore", label="Restore", do=_restore,
            effects=("It accepts work again.",),
            refusal=lambda row: "It is active." if row.is_active else "",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(is_system=False)
        rows = rows.annotate(members_counted=Count("memberships"))
        return cast("QuerySet[Any]", rows)

    @admin.display(description="members", ordering="members_counted")
    def members_count(self, instance: Any) -> int:
        return int(instance.members_counted)

    @admin.display(description="state", ordering="is_active")
    def state(self, instance: Instance) -> str:
        return badge("active", "completed") if instance.is_active else badge("archived", "cancelled")
