"""The Jobs page."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.pages import reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JobState, SessionState
from sessions_app.pages.live import asked_parts, live_page
from sessions_app.pages.reading import settled_now
from sessions_app.pages.work.asked import Asked
from sessions_app.pages.work.columns import Columns, columns_of
from sessions_app.pages.work.filters import JOBS, MODES, SESSIONS, WorkFilters
from sessions_app.pages.work.finding import COUNTED, Count, Finder, tally
from sessions_app.pages.work.paging import WorkPage, work_page
from sessions_app.pages.work.rows import Reader, lines

# Of a reader's colleagues, so many are offered as owners to choose.
OFFERED_OWNERS = 100
# In days before today.
SPANS = {"today": 0, "in 7 days": 6, "in 28 days": 27}
_STATES = {JOBS: [each.value for each in JobState], SESSIONS: [each.value for each in SessionState]}


@require_safe
@login_required
def jobs_page(request: HttpRequest) -> HttpResponse:
    """All jobs and sessions that the reader may see, newest first, filtered by what the address says.

    A page that is looked at asks for single rows of itself as well.
    """
    now = settled_now()
    reader = reader_with_rights(reader_of(request))
    columns = columns_of(request, len(reader.instances))
    reader = replace(reader, wants_forecasts=columns["expected"].is_shown)
    asked = Asked.read(asked_parts(request))
    if asked is not None:
        return render(request, "pages/_work_fragments.html", _fragments(request, reader, columns, asked, now))
    filters = WorkFilters.from_query(request.GET)
    page = work_page(_finder(reader, filters), request.GET)
    context: dict[str, Any] = {
        **_shared(request, reader, columns),
        "lines": lines(page.rows, reader, now),
        "counts": state_counts(reader, filters, page),
        "page": page,
        "live_rows": entering(filters, page),
        "instances": reader.instances,
        "backends": Backend.objects.visible_to(reader.user).values_list("name", flat=True),
        "owners": lambda: owners(reader.user),
        "modes": MODES,
        "spans": spans(timezone.localdate(now)),
        "only_sessions": {"show": SESSIONS},
    }
    return live_page(request, "pages/jobs.html", context, {"work": "pages/_work.html"})


def _finder(reader: Reader, filters: WorkFilters) -> Finder:
    return Finder([each.pk for each in reader.instances], filters, reader.user)


def _shared(request: HttpRequest, reader: Reader, columns: Columns) -> dict[str, Any]:
    """What the table needs as well as each of its rows."""
    return {
        "filters": WorkFilters.from_query(request.GET),
        "columns": columns,
        "may_cancel": bool(reader.writes_in),
    }


def _fragments(
    request: HttpRequest, reader: Reader, columns: Columns, asked: Asked, now: datetime
) -> dict[str, Any]:
    """The rows that were asked for and pass the filters, and the counts if they were asked for."""
    filters = WorkFilters.from_query(request.GET)
    finder = _finder(reader, filters)
    found = [each for kind, idents in asked.rows.items() for each in finder.named(kind, idents)]
    context = {**_shared(request, reader, columns), "lines": lines(found, reader, now)}
    if asked.counts:
        context["counts"] = state_counts(reader, filters)
    return context


def entering(filters: WorkFilters, page: WorkPage) -> str:
    """Which rows that are not on the page may come in while it is looked at: any, new ones or none."""
    if filters.state or filters.reservation:
        return "any"
    return "" if page.newer else "new"


def reader_with_rights(user: User) -> Reader:
    """The reader, with the instances that they see and those in which they may cancel (roles of writers)."""
    instances = list(Instance.objects.visible_to(user))
    roles = dict(Membership.objects.filter(user=user).values_list("instance_id", "role"))
    may = {pk for pk, role in roles.items() if Role(role).covers(Role.WRITER)}
    writes = {each.pk for each in instances if each.is_active and (user.is_operator or each.pk in may)}
    return Reader(user, instances, writes)


def spans(today: date) -> dict[str, str]:
    """Spans of time to choose with one click: their names, and the day on which each began."""
    return {title: (today - timedelta(days=days)).isoformat() for title, days in SPANS.items()}


def owners(user: User) -> list[str]:
    """Names to choose from."""
    names = User.objects.visible_to(user).exclude(pk=user.pk).order_by("username")
    return list(names.values_list("username", flat=True)[:OFFERED_OWNERS])


@dataclass(frozen=True)
class StateCount:
    """How many rows are in a state; the empty state stands for all. ``is_more``: counting stopped there."""

    kind: str
    state: str
    count: int
    is_more: bool


def state_counts(reader: Reader, filters: WorkFilters, page: WorkPage | None = None) -> list[StateCount]:
    """Everything, then jobs by state in the order of their life, then sessions that are not closed.

    A page that shows all there is has been counted with it.
    """
    finder = _finder(reader, replace(filters, state=""))
    counted: dict[str, dict[str, Count]] = {}
    for kind, states in _STATES.items():
        if page and page.all_seen and not filters.state:
            counted[kind] = tally(page.all_seen, states, kind)
        else:
            counted[kind] = finder.counts(kind, states)
    all_of_it = [count for counts in counted.values() for count in counts.values()]
    told = [_told("", "", all_of_it)]
    told += [_told("job", state, [count]) for state, count in counted[JOBS].items()]
    return told + [_told("session", state, [count]) for state, count in counted[SESSIONS].items()]


def _told(kind: str, state: str, counts: list[Count]) -> StateCount:
    number = sum(each.number for each in counts)
    is_more = number > COUNTED or any(each.is_more for each in counts)
    return StateCount(kind, state, min(number, COUNTED), is_more)
