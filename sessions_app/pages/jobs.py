"""The Jobs page and the pages of one job."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import may_write, reader_of
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JobState
from quantumsvc.scheduling.words import sentence
from sessions_app.models import Job, JobLog, JobResult
from sessions_app.pages.filters import JobFilters, state_counts
from sessions_app.pages.paging import page_of
from sessions_app.pages.phases import measured_of, phases_of
from sessions_app.pages.reading import one_of, settled_now, visible_jobs
from sessions_app.pages.rows import job_row, job_rows, steps
from sessions_app.services.waiting import outlook

# The end of a longer log is shown, the rest is in the file (characters).
SHOWN_LOG = 20_000


@require_safe
@login_required
def jobs_page(request: HttpRequest) -> HttpResponse:
    """All jobs that the reader may see, newest first, filtered by what the address says."""
    user, now = reader_of(request), settled_now()
    filters = JobFilters.from_query(request.GET)
    rows = filters.applied_to(visible_jobs(user), user)
    page = page_of(filters.of_state(rows), request.GET)
    context = {
        "rows": job_rows(page.rows, now),
        "page": page,
        "filters": filters,
        "counts": state_counts(rows),
        "instances": Instance.objects.visible_to(user),
        "backends": Backend.objects.visible_to(user).values_list("name", flat=True),
    }
    return render(request, "pages/jobs.html", context)


@require_safe
@login_required
def job_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Everything that is known of one job."""
    user, now = reader_of(request), settled_now()
    rows = visible_jobs(user).select_related("calibration_submitted", "calibration_run")
    job = one_of(rows.defer("calibration_submitted__properties", "calibration_run__properties"), ident)
    log = log_of(job)
    context = {
        "row": job_row(job, now),
        "steps": steps(list(job.events.all())),
        "phases": phases_of(job),
        "measured": measured_of(job),
        "waiting": waiting_of(job, user, now),
        "log": log[-SHOWN_LOG:],
        "log_is_cut": len(log) > SHOWN_LOG,
        "has_result": JobResult.objects.filter(pk=job.pk).exists(),
        "may_write": may_write(user, job.instance),
    }
    return render(request, "pages/job.html", context)


def waiting_of(job: Job, reader: User, now: datetime) -> dict[str, Any] | None:
    """Why a job waits, without other tenants' names, its place, and when it may start."""
    found = outlook(job, now) if job.state == JobState.QUEUED else None
    if found is None:
        return None
    visible = {str(ident) for ident in Instance.objects.visible_to(reader).values_list("pk", flat=True)}
    told = sentence(found.waiting, visible, now, timezone.get_current_timezone())
    return {"sentence": told, "expectation": found.expectation}


def log_of(job: Job) -> str:
    """What the program logged in all attempts."""
    return "\n".join(JobLog.objects.filter(job=job).values_list("text", flat=True))


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
    disposition = f'attachment; filename="{job.pk}.json"'
    headers = {"Content-Disposition": disposition}
    return HttpResponse(bytes(body), content_type="application/json", headers=headers)
