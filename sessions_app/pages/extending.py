"""Giving a session more time, on its page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.pages import may_manage, reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.errors import ServiceError
from quantumsvc.scheduling.states import SessionState
from quantumsvc.wire.envelope import seconds_from
from sessions_app.models import Session
from sessions_app.pages.reading import one_of, settled_now, visible_sessions
from sessions_app.pages.words import duration
from sessions_app.services.opening import extend_session


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def extend_session_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Ask for the new maximum time, or set it and go back to the session; managers only."""
    settled_now()
    user = reader_of(request)
    session = one_of(visible_sessions(user), ident)
    if not may_manage(user, session.instance):
        refusal = f"This needs the role {Role.MANAGER} in the instance {session.instance.name}."
        return render(request, "403.html", {"exception": refusal}, status=403)
    if request.method != "POST":
        return _asked(request, session)
    wanted = request.POST.get("max_ttl", "")
    try:
        seconds = seconds_from(wanted) or 0
        extend_session(session=session, max_ttl=seconds, by=user, now=clock.now())
    except ServiceError as refused:
        return _asked(request, session, wanted=wanted, error=refused.message, status=refused.status)
    messages.success(request, f"The session may now last {duration(seconds)} in all.")
    return redirect("session", ident=session.pk)


def _asked(
    request: HttpRequest, session: Session, *, wanted: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    limit = session.backend.session_max_ttl
    context = {
        "session": session,
        "has": duration(session.max_ttl),
        "limit": duration(limit),
        "is_possible": session.state != SessionState.CLOSED and session.max_ttl < limit,
        "wanted": wanted,
        "error": error,
    }
    return render(request, "pages/session/extend.html", context, status=status)
