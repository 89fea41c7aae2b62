"""The list of sessions and the page of one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc.accounts.pages import may_write, reader_of
from quantumsvc.scheduling.states import SessionState
from sessions_app.pages.paging import page_of
from sessions_app.pages.reading import one_of, settled_now, visible_jobs, visible_sessions
from sessions_app.pages.rows import job_rows, session_rows, steps, timers

# Of a session's jobs, its page shows the newest; the Jobs page has them all.
SHOWN_JOBS = 50


@require_safe
@login_required
def sessions_page(request: HttpRequest) -> HttpResponse:
    """All sessions and batches that the reader may see, newest first."""
    settled_now()
    state = request.GET.get("state", "").replace("\0", "")
    rows = visible_sessions(reader_of(request))
    page = page_of(rows.filter(state=state) if state else rows, request.GET)
    context = {
        "rows": session_rows(page.rows),
        "page": page,
        "state": state,
        "states": [each.value for each in SessionState],
    }
    return render(request, "pages/sessions.html", context)


@require_safe
@login_required
def session_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Everything that is known of one session."""
    user, now = reader_of(request), settled_now()
    session = one_of(visible_sessions(user), ident)
    jobs = visible_jobs(user).filter(session=session)
    context = {
        "row": session_rows([session])[0],
        "timers": timers(session, now),
        "steps": steps(list(session.events.all())),
        "jobs": job_rows(jobs[:SHOWN_JOBS], now),
        "may_write": may_write(user, session.instance),
    }
    return render(request, "pages/session.html", context)
