"""The list of sessions."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc.accounts.pages import reader_of
from quantumsvc.scheduling.states import SessionState
from sessions_app.pages.paging import page_of
from sessions_app.pages.reading import settled_now, visible_sessions
from sessions_app.pages.rows import session_rows


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
