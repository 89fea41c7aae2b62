"""The Jobs page."""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.pages import reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JobState, SessionState
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import settled_now
from sessions_app.pages.work.columns import columns_of
from sessions_app.pages.work.filters import JOBS, MODES, SESSIONS, WorkFilters
from sessions_app.pages.work.finding import COUNTED, Finder
from sessions_app.pages.work.paging import work_page
from sessions_app.pages.work.rows import JobLine, Line, Reader, lines

# Of a reader's colleagues, so many are offered as owners to choose.
OFFERED_OWNERS = 100


@require_safe
@login_required
def jobs_page(request: HttpRequest) -> HttpResponse:
    """All jobs and sessions that the reader may see, newest first, filtered by what the address says."""
    now = settled_now()
    reader = reader_with_rights(reader_of(request))
    filters = WorkFilters.from_query(request.GET)
    instances = [each.pk for each in reader.instances]
    page = work_page(Finder(instances, filters, reader.user), request.GET)
    shown = lines(page.rows, reader, now)
    context: dict[str, Any] = {
        "lines": shown,
        "page": page,
        "filters": filters,
        "counts": state_counts(Finder(instances, replace(filters, state=""), reader.user)),
        "topics": topics(shown),
        "instances": reader.instances,
        "backends": Backend.objects.visible_to(reader.user).values_list("name", flat=True),
        "owners": lambda: owners(reader.user),
        "modes": MODES,
        "columns": columns_of(request),
        "may_cancel": any(isinstance(each, JobLine) and each.may_cancel for each in shown),
    }
    return live_page(request, "pages/jobs.html", context, {"work": "pages/_work.html"})


def reader_with_rights(user: User) -> Reader:
    """The reader, with the instances that they see and those in which they may cancel (roles of writers)."""
    instances = list(Instance.objects.visible_to(user))
    roles = dict(Membership.objects.filter(user=user).values_list("instance_id", "role"))
    may = {pk for pk, role in roles.items() if Role(role).covers(Role.WRITER)}
    writes = {each.pk for each in instances if each.is_active and (user.is_operator or each.pk in may)}
    return Reader(user, instances, writes)


def owners(user: User) -> list[str]:
    """Names to choose from."""
    names = User.objects.visible_to(user).exclude(pk=user.pk).order_by("username")
    return list(names.values_list("username", flat=True)[:OFFERED_OWNERS])


def topics(shown: list[Line]) -> str:
    """What the table follows: the reader's own work, and the backends that its waiting rows depend on."""
    backends = {each.row.job.backend_id for each in shown if isinstance(each, JobLine) and each.why}
    backends |= {
        each.row.session.backend_id for each in shown if not isinstance(each, JobLine) and each.holder
    }
    return " ".join(["work", *(f"backend:{pk}" for pk in sorted(backends))])


@dataclass(frozen=True)
class StateCount:
    """How many rows are in a state; the empty state stands for all. ``is_more``: counting stopped there."""

    kind: str
    state: str
    count: int
    is_more: bool


def state_counts(finder: Finder) -> list[StateCount]:
    """Everything, then jobs by state in the order of their life, then sessions that are not closed."""
    jobs = finder.counts(JOBS, [state.value for state in JobState])
    sessions = finder.counts(SESSIONS, [state.value for state in SessionState])
    told = [_told("", "", sum(jobs.values()) + sum(sessions.values()))]
    told += [_told("job", state, count) for state, count in jobs.items()]
    return told + [_told("session", state, count) for state, count in sessions.items()]


def _told(kind: str, state: str, count: int) -> StateCount:
    return StateCount(kind, state, min(count, COUNTED), count > COUNTED)
