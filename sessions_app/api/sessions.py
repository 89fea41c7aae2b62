"""The runtime API's calls about sessions."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import caller_of, require_instance, require_manager, require_writer
from quantumsvc.conventions.etags import is_known, unchanged
from quantumsvc.conventions.idempotency import idempotent
from quantumsvc.errors import BadRequest, NotFound
from quantumsvc.openapi.operations import UNCHANGED, WAIT, described
from quantumsvc.scheduling.states import JobState
from quantumsvc.wire.envelope import (
    SessionEnvelope,
    SessionExtension,
    SessionPatch,
    plain_text,
    read,
    seconds_from,
)
from sessions_app import shapes
from sessions_app.api.jobs import waiting_body
from sessions_app.bodies import session_body, session_mark
from sessions_app.models import Session
from sessions_app.services.lives import settle_overdue
from sessions_app.services.opening import (
    extend_session,
    open_session,
    session_mode,
)
from sessions_app.services.operating import cancel_session_by, close_session_by
from sessions_app.services.submission import usable_backend


def sessions_of(request: Request) -> QuerySet[Session]:
    """The sessions that a request can be about: the caller's, in the instance that it names."""
    instance = require_instance(request)
    return Session.objects.visible_to(caller_of(request).user).filter(instance=instance)


def session_of(request: Request, ident: str) -> Session:
    """One of them, as it is at this instant. Raises :class:`NotFound` for any other."""
    settle_overdue(clock.now())
    rows = sessions_of(request).select_related("backend")
    session = rows.filter(pk=ident).first() if "\0" not in ident else None
    if session is None:
        raise NotFound("There is no session of that id in this instance.")
    return session


def writable_session(request: Request, ident: str) -> Session:
    """The same, for a caller who may write."""
    require_writer(request)
    return session_of(request, ident)


class SessionsView(APIView):
    """``/sessions``"""

    @described(
        "Open a session", body=SessionEnvelope, answer=shapes.Opened, refuses=(1007, 1233, 10011, 10013)
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Open a session; no timer runs until its first job starts (L2, L3)."""
        instance = require_writer(request)
        envelope = read(request._request.body, SessionEnvelope)
        plain_text("backend", envelope.backend, limit=200)
        asked = envelope.max_ttl if envelope.max_ttl is not None else envelope.max_session_ttl
        session = open_session(
            instance=instance,
            user=caller_of(request).user,
            backend=usable_backend(instance, envelope.backend),
            mode=session_mode(envelope.mode),
            max_ttl=seconds_from(asked),
            now=clock.now(),
        )
        return Response({"id": session.pk})


class SessionView(APIView):
    """``/sessions/{id}``"""

    @described("Read a session", query=(WAIT,), answer=shapes.Session, also=UNCHANGED)
    def get(self, request: Request, ident: str) -> HttpResponse:
        """The session with the effective state of this instant."""
        session = session_of(request, ident)
        mark = session_mark(session)
        if is_known(request.META.get("HTTP_IF_NONE_MATCH"), mark):
            return unchanged(mark)
        return Response(session_body(session, clock.now()), headers={"ETag": mark})

    @described("Close a session", body=SessionPatch, status=204)
    def patch(self, request: Request, ident: str) -> HttpResponse:
        """Close: no more jobs, those that are there are run (L9)."""
        session = writable_session(request, ident)
        if read(request._request.body, SessionPatch).accepting_jobs:
            raise BadRequest("A session can be closed, but not opened again.")
        close_session_by(session=session, now=clock.now(), by=caller_of(request).user)
        return HttpResponse(status=204)


class SessionQueueView(APIView):
    """``GET /sessions/{id}/queue``"""

    @described("Ask what a session waits for", answer=shapes.SessionWaiting)
    def get(self, request: Request, ident: str) -> Response:
        """What the session waits for: that is, its oldest waiting job (E1)."""
        session = session_of(request, ident)
        queued = session.jobs.filter(state=JobState.QUEUED).order_by("created_at", "id")
        oldest = queued.select_related("backend", "instance", "user").first()
        body: dict[str, Any] = {"state": session.state, "queued": queued.count(), "job": None}
        if oldest is not None:
            body |= {"job": oldest.pk, **waiting_body(oldest, caller_of(request).user)}
        return Response(body)


class SessionExtendView(APIView):
    """``POST /sessions/{id}/extend``"""

    @described("Extend a session", body=SessionExtension, answer=shapes.Session, refuses=(1409, 4001))
    def post(self, request: Request, ident: str) -> Response:
        """Give the session a longer maximum time, within the backend's limit; managers only."""
        require_manager(request)
        session = session_of(request, ident)
        wanted = seconds_from(read(request._request.body, SessionExtension).max_ttl)
        now = clock.now()
        by = caller_of(request).user
        extended = extend_session(session=session, max_ttl=wanted or 0, by=by, now=now)
        return Response(session_body(extended, now))


class SessionCloseView(APIView):
    """``DELETE /sessions/{id}/close``"""

    @described("Cancel a session", status=204)
    def delete(self, request: Request, ident: str) -> HttpResponse:
        """Cancel: closed at once, queued jobs fail (L10)."""
        session = writable_session(request, ident)
        cancel_session_by(session=session, now=clock.now(), by=caller_of(request).user)
        return HttpResponse(status=204)
