"""What a reader can do: each first shows what will happen, and does it when told so."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.pages import may_write, reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.errors import ServiceError
from quantumsvc.scheduling.states import SessionState
from sessions_app.pages.reading import one_of, settled_now, visible_jobs, visible_sessions
from sessions_app.services.operating import cancel_job_by, cancel_session_by, close_session_by

_methods = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True, kw_only=True)
class Action:
    """One deed: what it does, whether there is anything left to do, and what is said once it is done."""

    title: str
    button: str
    effects: tuple[str, ...]
    back: str
    is_possible: bool
    do: Callable[[], object]
    done: str


@_methods
@login_required
def cancel_job_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Cancel a job (J4)."""
    settled_now()
    job = one_of(visible_jobs(reader_of(request)), ident)
    effects = ["The job ends at once. If it runs, its process is killed; the time it ran counts as used."]
    if job.session is not None and job.session.first_job_id == job.pk:
        effects.append(
            "It is the first job of its session, so the session ends with it and its queued jobs fail."
        )
    action = Action(
        title=f"Cancel job {job.pk}",
        button="Cancel the job",
        effects=tuple(effects),
        back=reverse("job", args=[job.pk]),
        is_possible=not job.is_terminal,
        do=lambda: cancel_job_by(job=job, now=clock.now(), by=reader_of(request)),
        done="The job was cancelled.",
    )
    return _confirmed(request, action, job.instance)


@_methods
@login_required
def close_session_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Close a session to new jobs (L9)."""
    settled_now()
    session = one_of(visible_sessions(reader_of(request)), ident)
    action = Action(
        title=f"Close session {session.pk}",
        button="Close the session",
        effects=(
            "It accepts no more jobs.",
            "Jobs that are queued are still run. When the last one has ended, the session is closed.",
        ),
        back=reverse("session", args=[session.pk]),
        is_possible=session.accepting_jobs,
        do=lambda: close_session_by(session=session, now=clock.now(), by=reader_of(request)),
        done="The session accepts no more jobs.",
    )
    return _confirmed(request, action, session.instance)


@_methods
@login_required
def cancel_session_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Cancel a session (L10)."""
    settled_now()
    session = one_of(visible_sessions(reader_of(request)), ident)
    action = Action(
        title=f"Cancel session {session.pk}",
        button="Cancel the session",
        effects=("It is closed at once, for good.", "Queued jobs fail. A running job completes."),
        back=reverse("session", args=[session.pk]),
        is_possible=session.state != SessionState.CLOSED,
        do=lambda: cancel_session_by(session=session, now=clock.now(), by=reader_of(request)),
        done="The session was cancelled.",
    )
    return _confirmed(request, action, session.instance)


def _confirmed(request: HttpRequest, action: Action, instance: Instance) -> HttpResponse:
    """Ask, or do it and go back. Only who may write gets that far; others get 403."""
    if not may_write(reader_of(request), instance):
        refusal = f"This needs the role {Role.WRITER} in the instance {instance.name}."
        # Rendered, not raised: a page that a reader may not use is no exception worth a trace in the log.
        return render(request, "403.html", {"exception": refusal}, status=403)
    if request.method != "POST":
        return render(request, "pages/confirm.html", {"action": action})
    try:
        action.do()
        messages.success(request, action.done)
    except ServiceError as refused:
        messages.error(request, refused.message)
    return redirect(action.back)
