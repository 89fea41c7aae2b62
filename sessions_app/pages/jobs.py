"""The Jobs page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.models import Backend
from sessions_app.pages.filters import JobFilters, state_counts
from sessions_app.pages.paging import page_of
from sessions_app.pages.reading import settled_now, visible_jobs
from sessions_app.pages.rows import job_rows


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
