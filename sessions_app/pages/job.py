"""The page of one job, and its files."""

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import may_write, reader_of
from quantumsvc.api import encode_json
from quantumsvc.scheduling.states import JobState
from quantumsvc.scheduling.words import sentence
from sessions_app.bodies import job_body, metrics_body
from sessions_app.models import ChargeKind, Job, JobLog, JobResult, LedgerLine
from sessions_app.pages.course import course_of
from sessions_app.pages.drawings.circuits import circuit_drawing
from sessions_app.pages.live import live_page
from sessions_app.pages.phases import measured_of, phases_of
from sessions_app.pages.reading import one_of, settled_now, visible_jobs
from sessions_app.pages.results import shown_result
from sessions_app.pages.rows import job_row, job_rows, steps
from sessions_app.pages.tables import csv_file
from sessions_app.services.sketching import sketch_of
from sessions_app.services.waiting import outlook

# The end of a longer log is shown, the rest is in the file (characters).
SHOWN_LOG = 20_000
# Of the session's other jobs, so many are shown; the Jobs page has them all.
SHOWN_SIBLINGS = 10
PARTS = {
    "job-now": "pages/job/_now.html",
    "job-result": "pages/job/_result.html",
    "job-story": "pages/job/_story.html",
}


@require_safe
@login_required
def job_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Everything that is known of one job."""
    user, now = reader_of(request), settled_now()
    rows = visible_jobs(user).select_related("calibration_submitted", "calibration_run")
    job = one_of(rows.defer("calibration_submitted__properties", "calibration_run__properties"), ident)
    context = {
        "row": job_row(job, now),
        "course": course_of(job, now),
        "waiting": waiting_of(job, user, now),
        "may_write": may_write(user, job.instance),
        "result": shown_result(job, request.GET) if JobResult.objects.filter(pk=job.pk).exists() else None,
        "siblings": job_rows(siblings_of(job, user), now),
        **_story_of(job),
    }
    return live_page(request, "pages/job/page.html", context, PARTS)


def _story_of(job: Job) -> dict[str, Any]:
    """What happened, what was measured, what is charged, and what was logged."""
    log = log_of(job)
    return {
        "steps": steps(list(job.events.all())),
        "phases": phases_of(job),
        "measured": measured_of(job),
        "charges": charges_of(job),
        "log": log[-SHOWN_LOG:],
        "log_is_cut": len(log) > SHOWN_LOG,
        "raw": raw_of(job),
    }


def raw_of(job: Job) -> str:
    """The job as the API tells it."""
    told = encode_json({**job_body(job), "metrics": metrics_body(job)})
    return json.dumps(json.loads(told), indent=2, ensure_ascii=False)


def waiting_of(job: Job, reader: User, now: datetime) -> dict[str, Any] | None:
    """Why a job waits, without other tenants' names, its place, and when it may start."""
    found = outlook(job, now) if job.state == JobState.QUEUED else None
    if found is None:
        return None
    visible = {str(ident) for ident in Instance.objects.visible_to(reader).values_list("pk", flat=True)}
    told = sentence(found.waiting, visible, now, timezone.get_current_timezone())
    return {"sentence": told, "rule": found.waiting.rule, "expectation": found.expectation}


def siblings_of(job: Job, reader: User) -> list[Job]:
    """The newest other jobs of its session."""
    if job.session_id is None:
        return []
    rows = visible_jobs(reader).filter(session_id=job.session_id).exclude(pk=job.pk)
    return list(rows.order_by("-created_at", "-pk")[:SHOWN_SIBLINGS])


def charges_of(job: Job) -> list[LedgerLine]:
    """The ledger's lines about the job itself; a dedicated session pays for its jobs (L17)."""
    lines = LedgerLine.objects.filter(kind=ChargeKind.JOB, subject=job.pk) if job.is_terminal else []
    return list(lines)


def log_of(job: Job) -> str:
    """What the program logged in all attempts."""
    return "\n".join(JobLog.objects.filter(job=job).values_list("text", flat=True))


@require_safe
@login_required
def inputs_part(request: HttpRequest, ident: str) -> HttpResponse:
    """What was submitted, drawn: circuits, pubs and options, as an isolated child tells them."""
    settled_now()
    told = sketch_of(one_of(visible_jobs(reader_of(request)), ident))
    circuits = told.sketch.circuits if told.sketch else []
    drawn = [(each, circuit_drawing(each)) for each in circuits]
    context = {"told": told, "circuits": drawn, "ident": ident}
    template = "pages/job/_inputs.html" if request.headers.get("HX-Request") else "pages/job/inputs.html"
    return render(request, template, context)


@require_safe
@login_required
def log_file(request: HttpRequest, ident: str) -> HttpResponse:
    """The whole log as text."""
    settled_now()
    job = one_of(visible_jobs(reader_of(request)), ident)
    return HttpResponse(log_of(job), content_type="text/plain; charset=utf-8")


@require_safe
@login_required
def result_file(request: HttpRequest, ident: str) -> HttpResponse:
    """The result as it was stored, to be saved. A private one is left for the client, who reads it once."""
    settled_now()
    job = one_of(visible_jobs(reader_of(request)), ident)
    body = None if job.private else JobResult.objects.filter(pk=job.pk).values_list("body", flat=True).first()
    if body is None:
        raise Http404("The job has no result to be downloaded here.")
    return _saved(bytes(body), "application/json", f"{job.pk}.json")


@require_safe
@login_required
def result_table(request: HttpRequest, ident: str) -> HttpResponse:
    """What is drawn of the result, whole, as comma-separated values."""
    settled_now()
    job = one_of(visible_jobs(reader_of(request)), ident)
    if not JobResult.objects.filter(pk=job.pk).exists():
        raise Http404("The job has no result to be downloaded here.")
    shown = shown_result(job, request.GET)
    if not shown.table:
        raise Http404("The job's result has no table.")
    return csv_file(f"{job.pk}.csv", shown.head, shown.table)


def _saved(body: bytes, kind: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type=kind, headers=headers)
