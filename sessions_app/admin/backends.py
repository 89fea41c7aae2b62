"""Backends in the administration pages."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import (
    Act,
    ActForm,
    Deed,
    ModelSettings,
    reason_field,
)
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.accounts.admin.fields import rows_field
from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend, BackendAccess
from quantumsvc.backends.services import BACKEND_SETTINGS, change_access, change_backend
from quantumsvc.scheduling.states import JobState
from reservations_app.models import Window
from sessions_app.models import Job
from sessions_app.services.operating import (
    bring_online,
    drain_backend,
    pause_queue,
    resume_queue,
    take_offline,
)

READ_BY = "Everybody who may see the backend reads it; the audit keeps it."


class StatusReason(ActForm):
    reason = reason_field(required=True, told=READ_BY)


class BackendSettings(ModelSettings):
    model = Backend
    names = BACKEND_SETTINGS


class BackendUse(ActForm):
    open_to_all = forms.BooleanField(required=False, help_text="Every instance may use it.")
    instances = rows_field(
        Instance.objects.filter(is_system=False), BackendAccess.instance, required=False,
        help_text="Who may use it when it is not open to all.",
    )  # fmt: skip
    reason = reason_field(required=False)


def _operate(service: Callable[..., None]) -> Callable[[Deed], object]:
    return lambda deed: service(backend=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason)


def _settings(deed: Deed) -> None:
    change_backend(
        backend=deed.row, settings=BackendSettings.chosen(deed), now=deed.now, actor=deed.actor,
        reason=deed.reason,
    )  # fmt: skip


def _use(deed: Deed) -> None:
    change_access(
        backend=deed.row, open_to_all=deed.data["open_to_all"], instances=deed.data["instances"],
        now=deed.now, actor=deed.actor, reason=deed.reason,
    )  # fmt: skip


def _users_of(row: Any) -> dict[str, Any]:
    instances = [grant.instance for grant in row.grants.select_related("instance")]
    return {"open_to_all": row.open_to_all, "instances": instances}


def _runs(row: Any) -> bool:
    return Job.objects.filter(backend=row, state=JobState.RUNNING).exists()


def _not_draining(row: Any) -> str:
    return "" if row.is_online or _runs(row) else "It is offline."


class GrantsInline(ReadOnlyInline):
    model = BackendAccess
    fields = readonly_fields = ("instance",)
    verbose_name_plural = "instances that may use it, if it is not open to all"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("instance")


class BackendAdmin(OperatorAdmin):
    list_display = ("name", "kind", "qubits", "state", "status_message", "waiting", "open_to_all")
    list_filter = ("kind", "is_online", "is_paused", "open_to_all", "driver")
    search_fields = ("name", "description", "status_message")
    search_help_text = "A name, or a word of the description or status."
    fields = (
        "name", "kind", "driver", "qubits", "state", "status_message", "waiting", "open_to_all",
        *BACKEND_SETTINGS, "created_at", "updated_at",
    )  # fmt: skip
    inlines = (GrantsInline,)
    acts = (
        Act(
            name="pause", label="Pause the queue", form=StatusReason, do=_operate(pause_queue),
            effects=("Nothing new is started. What runs completes, and jobs are still accepted.",),
            refusal=lambda row: "It is paused." if row.is_paused else "",
        ),
        Act(
            name="resume", label="Resume the queue", do=_operate(resume_queue),
            effects=("Jobs are started again, if the backend is online.",),
            refusal=lambda row: "" if row.is_paused else "It is not paused.",
        ),
        Act(
            name="drain", label="Drain", form=StatusReason, do=_operate(drain_backend),
            effects=("What runs completes, nothing new is started, and the backend is offline.",),
            refusal=lambda row: "" if row.is_online else "It is offline.",
        ),
        Act(
            name="offline", label="Take offline now", danger=True, form=StatusReason,
            do=_operate(take_offline), refusal=_not_draining,
            effects=(
                "Nothing new is started. A running job is stopped and goes back to its place.",
                "One whose session has closed has no place any more, and fails.",
            ),
        ),
        Act(
            name="online", label="Bring online", do=_operate(bring_online),
            effects=("Jobs are started again, unless the queue is paused.",),
            refusal=lambda row: "It is online." if row.is_online else "",
        ),
        Act(
            name="settings", label="Change limits and times", many=False, form=BackendSettings, do=_settings,
            initial=BackendSettings.values_of,
            effects=("They hold for what is submitted, opened or started from now on. Times are seconds.",),
        ),
        Act(
            name="use", label="Change who may use it", many=False, form=BackendUse, do=_use,
            initial=_users_of,
            effects=("Jobs that were accepted stay, whoever sent them.",),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("configuration")
        queued = Count("jobs", filter=Q(jobs__state=JobState.QUEUED))
        running = Job.objects.filter(backend=OuterRef("pk"), state=JobState.RUNNING)
        held = Window.objects.filter(backend=OuterRef("pk"), state="active")
        rows = rows.annotate(waiting_jobs=queued, runs=Exists(running), held=Exists(held))
        return cast("QuerySet[Any]", rows)

    @admin.display(description="waiting", ordering="waiting_jobs")
    def waiting(self, backend: Any) -> int:
        return int(backend.waiting_jobs)

    @admin.display(description="state", ordering="is_online")
    def state(self, backend: Any) -> str:
        if not backend.is_online:
            return badge("draining", "inactive") if backend.runs else badge("offline", "failed")
        if backend.is_paused:
            return badge("paused", "inactive")
        return badge("in a window", "running") if backend.held else badge("online", "completed")
