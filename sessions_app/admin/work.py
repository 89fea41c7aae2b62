"""Jobs and sessions in the administration pages: read, and acted on by the services that the API calls."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc.accounts.admin.acts import Act, Deed, ReasonGiven
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge, preformatted
from quantumsvc.scheduling.states import JobState, SessionState
from sessions_app.models import Job, JobEvent, JobLog, Session, SessionEvent
from sessions_app.services.operating import (
    cancel_job_of,
    cancel_session_of,
    close_session_of,
    requeue_job,
)

MAX_LOG = 20_000


def _on(service: Callable[..., None], kind: str) -> Callable[[Deed], object]:
    return lambda deed: service(**{kind: deed.row}, now=deed.now, actor=deed.actor, reason=deed.reason)


class JobEventsInline(ReadOnlyInline):
    model = JobEvent
    fields = readonly_fields = ("at", "source", "target", "cause", "attempt")
    verbose_name_plural = "history"


class JobLogsInline(ReadOnlyInline):
    model = JobLog
    fields = readonly_fields = ("attempt", "lines")
    verbose_name_plural = "logs"

    @admin.display(description="lines")
    def lines(self, log: JobLog) -> str:
        left_out = f"\n… {len(log.text) - MAX_LOG} characters more" if len(log.text) > MAX_LOG else ""
        return preformatted(log.text[:MAX_LOG] + left_out)


class JobAdmin(OperatorAdmin):
    list_display = ("short_id", "status", "program", "backend", "instance", "user", "created_at", "used")
    list_display_links = ("short_id",)
    list_filter = ("state", "program", "backend", "is_system", "created_at")
    list_select_related = ("backend", "instance", "user")
    search_fields = ("=id", "=session__id", "user__username", "instance__name", "=tags__0")
    search_help_text = "A job's or session's whole id, or a user's or instance's name."
    fields = (
        "id", "status", "phase", "program", "backend", "instance", "user", "session", "is_system",
        "reason", "reason_code", "created_at", "started_at", "finished_at", "deleted_at",
        "attempt", "lost_attempts", "max_seconds", "quantum_seconds", "estimated_seconds",
        "tags", "private", "calibration_submitted", "calibration_run", "client_application",
    )  # fmt: skip
    inlines = (JobEventsInline, JobLogsInline)
    acts = (
        Act(
            name="cancel", label="Cancel the job", danger=True, form=ReasonGiven,
            do=_on(cancel_job_of, "job"),
            effects=(
                "It ends at once. If it runs, its process is killed; the time it ran counts as used.",
                "If it is the first job of its session, the session ends with it and its queued jobs fail.",
            ),
            refusal=lambda row: f"It is {row.state}." if row.is_terminal else "",
        ),
        Act(
            name="requeue", label="Put back into the queue", form=ReasonGiven, do=_on(requeue_job, "job"),
            effects=(
                "Its process is killed, and it waits at its old place. The attempt does not count as lost.",
                "It may be chosen again at once: pause the queue before, if it should not be.",
            ),
            refusal=lambda row: "" if row.state == JobState.RUNNING else f"It is {row.state}.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("backend", "instance", "user", "session")

    @admin.display(description="job", ordering="id")
    def short_id(self, job: Job) -> str:
        return job.pk

    @admin.display(description="state", ordering="state")
    def status(self, job: Job) -> str:
        return badge("deleted", "cancelled") if job.deleted_at else badge(job.state, job.state)

    @admin.display(description="used", ordering="quantum_seconds")
    def used(self, job: Job) -> str:
        return f"{job.quantum_seconds:.2f} s"


class SessionEventsInline(ReadOnlyInline):
    model = SessionEvent
    fields = readonly_fields = ("at", "source", "target", "cause")
    verbose_name_plural = "history"


class SessionAdmin(OperatorAdmin):
    list_display = ("id", "status", "mode", "backend", "instance", "user", "created_at", "accepting_jobs")
    list_filter = ("state", "mode", "accepting_jobs", "backend", "created_at")
    list_select_related = ("backend", "instance", "user")
    search_fields = ("=id", "user__username", "instance__name")
    search_help_text = "A session's whole id, or a user's or instance's name."
    fields = (
        "id", "status", "mode", "backend", "instance", "user", "accepting_jobs", "created_at", "started_at",
        "activated_at", "last_job_started", "last_job_completed", "interactive_deadline", "closed_at",
        "close_cause", "max_ttl", "interactive_ttl", "active_ttl", "active_seconds", "first_job_id",
    )  # fmt: skip
    inlines = (SessionEventsInline,)
    acts = (
        Act(
            name="close", label="Close to new jobs", form=ReasonGiven, do=_on(close_session_of, "session"),
            effects=("It accepts no more jobs. What is queued is still run; then it is closed (L9).",),
            refusal=lambda row: "" if row.accepting_jobs else "It accepts no jobs already.",
        ),
        Act(
            name="cancel", label="Cancel the session", danger=True, form=ReasonGiven,
            do=_on(cancel_session_of, "session"),
            effects=("It is closed at once, for good. Queued jobs fail, a running one completes (L10).",),
            refusal=lambda row: "It is closed." if row.state == SessionState.CLOSED else "",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("backend", "instance", "user")

    @admin.display(description="state", ordering="state")
    def status(self, session: Session) -> str:
        return badge(
            session.state, {"open": "queued", "closed": "cancelled"}.get(session.state, session.state)
        )
