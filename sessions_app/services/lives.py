"""The life of sessions: what opens, activates, idles and closes them (section 3 of the rules)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from quantumsvc.scheduling.effective import window_pauses
from quantumsvc.scheduling.states import PENDING_JOB_STATES, Cause, JobState, SessionState
from quantumsvc.scheduling.timers import due_changes, idle_deadline_after
from quantumsvc.scheduling.windows import Window
from sessions_app.models import Job, JobPayload, Session
from sessions_app.services.progress import announce_session
from sessions_app.services.transitions import (
    NO_PAUSE,
    change_session,
    lock_session,
    move_job,
    move_session,
)

_FAILED_WITH_SESSION = {
    Cause.MAX_TTL: ("The session reached its maximum time to live before this job could start.", 4002),
    Cause.SESSION_CANCELLED: ("The session was cancelled before this job could start.", 4003),
    Cause.FIRST_JOB_CANCELLED: (
        "The session's first job, whose data the other jobs share, was cancelled.",
        4004,
    ),
    Cause.WINDOW_ENDED: (
        "The reservation in which its session worked ended before this job could start.",
        4005,
    ),
}


def settle(session: Session, now: datetime) -> None:
    """Carry out what time has made due for a locked session, each change at its own deadline.

    L2, L6, L8; W3 and W4 as far as :func:`foresee` has told the session of windows.
    """
    for change in due_changes(session.facts(), now):
        if change.state is SessionState.CLOSED:
            close_now(session, at=change.at, cause=change.cause)
            continue
        move_session(session, change.state, at=change.at, cause=change.cause, interactive_deadline=None)
        if change.waiting_fail:
            _fail_at_the_end(session, change.at)


def foresee(session: Session, windows: Sequence[Window]) -> None:
    """W3, W4: write down for a locked active session what the next window will do to it."""
    pauses = window_pauses(str(session.instance_id), str(session.user_id), session.activated_at, windows)
    fields = dict(NO_PAUSE)
    if pauses:
        fields = {
            "pause_at": pauses[0].at,
            "pause_cause": pauses[0].cause.value,
            "pause_fails": pauses[0].waiting_fail,
        }
    if any(getattr(session, name) != value for name, value in fields.items()):
        change_session(session, **fields)


def _fail_at_the_end(session: Session, at: datetime) -> None:
    """W4: what waited at the window's end fails; a session that accepts no more jobs is done then (L9)."""
    _fail_queued(session, at, Cause.WINDOW_ENDED)
    if not session.accepting_jobs and session.state != SessionState.CLOSED and not _has_pending(session):
        close_now(session, at=at, cause=Cause.USER_CLOSED)


def settle_overdue(now: datetime, *, backend_id: int | None = None) -> int:
    """Settle every session whose deadline has passed, so that what is read next is the effective state.

    Returns how many there were. Costs one indexed look when there are none.
    """
    overdue = Session.objects.filter(next_deadline__lte=now)
    if backend_id is not None:
        overdue = overdue.filter(backend_id=backend_id)
    idents = list(overdue.order_by("next_deadline", "id").values_list("pk", flat=True))
    for ident in idents:
        with transaction.atomic():
            settle(lock_session(ident), now)
    return len(idents)


def activate(session: Session, at: datetime, windows: Sequence[Window] = ()) -> None:
    """L3, L6: a job of the session starts running at ``at``; note it, and make the session active.

    ``windows`` are those of its backend that have not ended.
    """
    if session.state == SessionState.ACTIVE:
        change_session(session, last_job_started=at, interactive_deadline=None)
        return
    started_at = session.started_at or at
    left = timedelta(seconds=session.max_ttl) - (at - started_at)
    move_session(
        session,
        SessionState.ACTIVE,
        at=at,
        cause=Cause.CHOSEN,
        started_at=started_at,
        activated_at=at,
        active_ttl=left.total_seconds(),
        last_job_started=at,
        interactive_deadline=None,
    )
    if windows:
        foresee(session, windows)


def note_job_queued(session: Session, job_id: str) -> None:
    """L5: a job queued before the deadline stops the ITTL."""
    fields: dict[str, object] = {"interactive_deadline": None}
    if not session.first_job_id:
        fields["first_job_id"] = job_id
    change_session(session, **fields)


def note_job_ended(session: Session, *, at: datetime, ran: bool, queued: bool | None = None) -> None:
    """A job of a locked session has ended: close the session (L9), or start its ITTL (L5).

    ``queued``: whether another one waits, if the caller knows that none runs.
    """
    ended = {"last_job_completed": at} if ran else {}
    if session.state == SessionState.CLOSED:
        change_session(session, **ended)
        return
    pending = _has_pending(session) if queued is None else queued
    if not pending and not session.accepting_jobs:
        change_session(session, **ended)
        close_now(session, at=at, cause=Cause.USER_CLOSED)
    elif not pending and session.state == SessionState.ACTIVE:
        deadline = idle_deadline_after(session.facts(), at, queued=False)
        change_session(session, interactive_deadline=deadline, **ended)
    else:
        change_session(session, **ended)


def _has_pending(session: Session) -> bool:
    return Job.objects.filter(session=session, state__in=PENDING_JOB_STATES).exists()


def stop_accepting(session: Session, now: datetime) -> None:
    """L9: no more jobs; closed at once when none is pending. Repeating it changes nothing."""
    if session.state == SessionState.CLOSED:
        return
    if not _has_pending(session):
        close_now(session, at=now, cause=Cause.USER_CLOSED)
    elif session.accepting_jobs:
        change_session(session, accepting_jobs=False, interactive_deadline=None)
        announce_session(session.pk)


def close_now(session: Session, *, at: datetime, cause: Cause) -> None:
    """Close a locked session for good; its queued jobs fail, a running one completes (L8, L10, L11)."""
    move_session(
        session,
        SessionState.CLOSED,
        at=at,
        cause=cause,
        accepting_jobs=False,
        interactive_deadline=None,
        closed_at=at,
        close_cause=cause.value,
    )
    if cause in _FAILED_WITH_SESSION:
        _fail_queued(session, at, cause)


def _fail_queued(session: Session, at: datetime, cause: Cause) -> None:
    reason, code = _FAILED_WITH_SESSION[cause]
    failed: dict[str, Any] = {"finished_at": at, "reason": reason, "reason_code": code}
    waiting = Job.objects.filter(session=session, outlived_session=False, state=JobState.QUEUED)
    queued = waiting.filter(created_at__lt=at) if cause is Cause.WINDOW_ENDED else waiting
    queued = queued.order_by("created_at", "id")
    for ident in list(queued.select_for_update(of=("self",)).values_list("pk", flat=True)):
        move_job(ident, JobState.FAILED, at=at, cause=cause, **failed)
        JobPayload.objects.filter(pk=ident, job__private=True).delete()
