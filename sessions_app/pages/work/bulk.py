"""Cancelling many jobs: those that were ticked, or all that match the filters of the Jobs page.

What is going to happen is shown with its number first. Jobs that were sent after that are left alone.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.pages import reader_of
from quantumsvc.errors import ServiceError
from quantumsvc.scheduling.states import PENDING_JOB_STATES, JobState
from sessions_app.models import Job
from sessions_app.pages.reading import settled_now, visible_jobs
from sessions_app.pages.work.filters import JOBS, WorkFilters
from sessions_app.pages.work.finding import Finder
from sessions_app.pages.work.page import reader_with_rights
from sessions_app.pages.work.rows import Reader
from sessions_app.services.operating import cancel_job_by

# So many are cancelled with one request.
LARGEST = 500


@dataclass(frozen=True)
class Choice:
    """Jobs to be cancelled, at most ``LARGEST``. ``is_more``: as many again match."""

    idents: list[str]
    is_more: bool
    queued: int
    running: int


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def cancel_jobs_page(request: HttpRequest) -> HttpResponse:
    """Show how many jobs would be cancelled, and cancel them when told so."""
    now = settled_now()
    query = request.POST if request.method == "POST" else request.GET
    reader = reader_with_rights(reader_of(request))
    choice = chosen(reader, query, _asked_at(query) or now)
    filters = WorkFilters.from_query(query)
    if request.method != "POST":
        context = {
            "choice": choice,
            "filters": filters,
            "asked_at": now.isoformat(),
            "ticked": query.getlist("id"),
        }
        return render(request, "pages/cancel_jobs.html", context)
    cancelled = cancel_all(reader, choice.idents)
    messages.success(request, f"{cancelled} {'job was' if cancelled == 1 else 'jobs were'} cancelled.")
    if choice.is_more:
        messages.warning(request, f"At most {LARGEST} are cancelled at once; more match.")
    return redirect(f"{reverse('jobs')}?{_address(filters)}")


def chosen(reader: Reader, query: QueryDict, asked_at: datetime) -> Choice:
    """Of the jobs that the query names, those that have not ended and that the reader may cancel."""
    found = _pending(reader).filter(created_at__lte=asked_at)
    ticked = query.getlist("id")
    found = found.filter(
        pk__in=[each for each in ticked if "\0" not in each] if ticked else _matching(reader, query)
    )
    rows = list(found.order_by("-created_at", "-pk").values_list("pk", "state")[: LARGEST + 1])
    shown = rows[:LARGEST]
    running = sum(state == JobState.RUNNING for _, state in shown)
    return Choice([ident for ident, _ in shown], len(rows) > LARGEST, len(shown) - running, running)


def _pending(reader: Reader) -> QuerySet[Job]:
    return visible_jobs(reader.user).filter(instance__in=reader.writes_in, state__in=PENDING_JOB_STATES)


def _matching(reader: Reader, query: QueryDict) -> list[str]:
    """The newest pending jobs that pass the filters; a state that is no pending one leaves none."""
    asked = WorkFilters.from_query(query)
    found: list[str] = []
    for state in PENDING_JOB_STATES:
        if asked.state in ("", state.value):
            filters = WorkFilters(**{**asked.asked, "show": JOBS, "state": state.value})
            finder = Finder(sorted(reader.writes_in), filters, reader.user)
            found += [each.ident for each in finder.look(None, LARGEST + 1).rows]
    return found


def cancel_all(reader: Reader, idents: list[str]) -> int:
    """Cancel each in a transaction of its own; gives how many had not ended meanwhile."""
    cancelled = 0
    for job in _pending(reader).filter(pk__in=idents).order_by("-created_at", "-pk"):
        try:
            cancel_job_by(job=job, now=clock.now(), by=reader.user)
            cancelled += 1
        except ServiceError:
            continue
    return cancelled


def _asked_at(query: QueryDict) -> datetime | None:
    try:
        found = parse_datetime(query.get("asked_at", ""))
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _address(filters: WorkFilters) -> str:
    query = QueryDict(mutable=True)
    query.update(filters.asked)
    return query.urlencode()
