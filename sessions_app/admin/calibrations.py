"""Calibrations in the administration pages: what was measured, what is asked for, and what drift led to."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, ModelSettings, ReasonGiven, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, badge, preformatted
from quantumsvc.accounts.admin.fields import LocalTimeField, NumbersField
from quantumsvc.backends.chipdata.readings import EXPERIMENTS
from quantumsvc.backends.models import Backend, BackendKind, CalibrationSet
from sessions_app.models import BackendAlert, CalibrationPolicy, CalibrationRun
from sessions_app.services.calibrations.alerts import note_seen
from sessions_app.services.calibrations.policies import POLICY_SETTINGS, change_calibration_policy
from sessions_app.services.calibrations.requesting import Wish, cancel_calibration, request_calibration

MAX_SHOWN = 20_000


class NewCalibration(ActForm):
    backend = forms.ModelChoiceField(Backend.objects.filter(kind=BackendKind.DEVICE).defer("configuration"))
    due_at = LocalTimeField(
        required=False, label="Not before", help_text="Empty: as soon as the running job has ended."
    )
    deferral_seconds = forms.IntegerField(
        required=False, min_value=0, max_value=7 * 86_400, label="May wait (seconds)",
        help_text="So long may it let other work go first; empty: not at all.",
    )  # fmt: skip
    qubits = NumbersField(help_text="Numbers with commas between them; empty: all.")
    experiments = forms.MultipleChoiceField(
        required=False, choices=[(name, name) for name in EXPERIMENTS],
        widget=forms.CheckboxSelectMultiple, help_text="None chosen: all.",
    )  # fmt: skip
    note = forms.CharField(required=False, max_length=300)
    reason = reason_field(required=False)


class Policy(ModelSettings):
    model = CalibrationPolicy
    names = POLICY_SETTINGS


class NewPolicy(Policy):
    backend = forms.ModelChoiceField(Backend.objects.filter(calibration_policy__isnull=True))


def _request(deed: Deed) -> str:
    backend = deed.data["backend"]
    wish = Wish(
        due_at=max(deed.data["due_at"] or deed.now, deed.now),
        qubits=deed.data["qubits"],
        experiments=deed.data["experiments"],
        deferral_seconds=deed.data["deferral_seconds"] or 0,
        note=deed.data["note"],
    )
    request_calibration(backend=backend, wish=wish, now=deed.now, by=deed.actor, reason=deed.reason)
    return f"A calibration of {backend.name} is asked for."


def _cancel(deed: Deed) -> None:
    cancel_calibration(run=deed.row, now=deed.now, by=deed.actor, reason=deed.reason)


def _policy(deed: Deed) -> None:
    backend = deed.data["backend"] if deed.row is None else deed.row.backend
    change_calibration_policy(
        backend=backend, settings=Policy.chosen(deed), now=deed.now, actor=deed.actor, reason=deed.reason
    )


class CalibrationRunAdmin(OperatorAdmin):
    list_display = ("id", "status", "backend", "trigger", "requested_by", "due_at", "is_partial")
    list_filter = ("job__state", "trigger", "is_partial", "backend", "due_at")
    search_fields = ("=id", "=job__id", "backend__name", "requested_by__username", "note")
    search_help_text = "A calibration's or job's whole id, a backend's or user's name, or a word of the note."
    fields = (
        "id", "status", "backend", "job", "trigger", "schedule", "requested_by", "note", "qubits",
        "experiments", "created_at", "due_at", "base_set", "result_set", "is_partial", "report_text",
    )  # fmt: skip
    acts = (
        Act(
            name="request", label="Request a calibration", makes=True, form=NewCalibration, do=_request,
            effects=("It is a job of the system's own: it goes before all others and charges nobody (S2).",),
        ),
        Act(
            name="cancel", label="Cancel the calibration", danger=True, form=ReasonGiven, do=_cancel,
            effects=("It ends, whether it waits or runs. The current set stays.",),
            refusal=lambda row: f"It is {row.job.state}." if row.job.is_terminal else "",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        sets = ("base_set__properties", "result_set__properties")
        rows = super().get_queryset(request)
        return rows.select_related("backend", "job", "requested_by", "base_set", "result_set").defer(
            "backend__configuration", *sets
        )

    @admin.display(description="state", ordering="job__state")
    def status(self, run: CalibrationRun) -> str:
        return badge(run.job.state, run.job.state)

    @admin.display(description="report")
    def report_text(self, run: CalibrationRun) -> str:
        return document(run.report)


class CalibrationSetAdmin(OperatorAdmin):
    list_display = ("id", "backend", "taken_at")
    list_filter = ("backend", "taken_at")
    list_select_related = ("backend",)
    search_fields = ("=id", "backend__name")
    search_help_text = "A set's whole id, or a backend's name."
    fields = ("id", "backend", "taken_at", "values")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("backend")
        return rows.defer("properties", "backend__configuration")

    @admin.display(description="values")
    def values(self, found: CalibrationSet) -> str:
        return document(json.loads(found.properties))


class CalibrationPolicyAdmin(OperatorAdmin):
    list_display = ("backend", *POLICY_SETTINGS)
    list_filter = ("pause_on_drift",)
    list_select_related = ("backend",)
    search_fields = ("backend__name",)
    search_help_text = "A backend's name."
    fields = ("backend", *POLICY_SETTINGS)
    acts = (
        Act(
            name="make", label="Add a policy", makes=True, form=NewPolicy, do=_policy,
            effects=("It tells when a backend's calibrations raise an alert, or pause its queue.",),
        ),
        Act(
            name="change", label="Change", many=False, form=Policy, do=_policy, initial=Policy.values_of,
            effects=("It holds for the next calibration that ends.",),
        ),
    )  # fmt: skip


class AlertAdmin(OperatorAdmin):
    list_display = ("at", "kind", "backend", "text", "seen_by", "seen_at")
    list_filter = ("kind", ("seen_at", admin.EmptyFieldListFilter), "backend", "at")
    list_select_related = ("backend", "seen_by")
    search_fields = ("text", "backend__name")
    search_help_text = "A word of the text, or a backend's name."
    fields = ("at", "kind", "backend", "run", "text", "details_text", "seen_at", "seen_by")
    acts = (
        Act(
            name="seen", label="Mark as seen", form=ActForm,
            do=lambda deed: note_seen(alert=deed.row, by=deed.actor, now=deed.now),
            effects=("It says who has taken care of it. Nothing else changes.",),
            refusal=lambda row: "" if row.seen_at is None else "Somebody has seen it.",
        ),
    )  # fmt: skip

    @admin.display(description="details")
    def details_text(self, alert: BackendAlert) -> str:
        return document(alert.details)


def document(document: Any) -> str:
    """A JSON document for people, cut when it is very long."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    left_out = f"\n… {len(text) - MAX_SHOWN} characters more" if len(text) > MAX_SHOWN else ""
    return preformatted(text[:MAX_SHOWN] + left_out)
