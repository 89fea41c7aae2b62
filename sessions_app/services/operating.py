"""What operators do to backends, and to the jobs and sessions of others. Each act is in the audit.

A backend that is offline starts nothing; while a job still runs on it, it is draining. Whether the actor
is an operator is asked before, by the caller.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import backend_channel, ring
from quantumsvc.errors import Conflict
from quantumsvc.scheduling.states import Cause, JobState, SessionState
from sessions_app.models import Job, Session
from sessions_app.services.endings import cancel_job, give_back
from sessions_app.services.leases import look_at
from sessions_app.services.opening import cancel_session, close_session

AVAILABLE = "available"
# As much of a reason as a backend's status can hold; the audit has all of it.
STATUS_LENGTH = 200


@transaction.atomic
def pause_queue(*, backend: Backend, now: datetime, actor: User | None, reason: str) -> None:
    """Start nothing new; what runs completes, and jobs are accepted. Raises :class:`Conflict`.

    ``reason`` is shown to everybody who may see the backend.
    """
    changes = {"is_paused": True, "status_message": _told(reason, "paused")}
    _change(backend, {"is_paused": False}, changes, "The queue is paused already.")
    audit.note("backend.paused", backend, actor=actor, now=now, reason=reason)


@transaction.atomic
def resume_queue(*, backend: Backend, now: datetime, actor: User | None, reason: str = "") -> None:
    """Go on starting jobs, if the backend is online. Raises :class:`Conflict`."""
    changes: dict[str, Any] = {"is_paused": False}
    if backend.is_online:
        changes["status_message"] = AVAILABLE
    _change(backend, {"is_paused": True}, changes, "The queue is not paused.")
    audit.note("backend.resumed", backend, actor=actor, now=now, reason=reason)
    look_at(backend.pk, now)


@transaction.atomic
def drain_backend(*, backend: Backend, now: datetime, actor: User | None, reason: str) -> None:
    """Start nothing new, let what runs complete, and be offline. Raises :class:`Conflict`."""
    changes = {"is_online": False, "status_message": _told(reason, "offline")}
    _change(backend, {"is_online": True}, changes, "The backend is offline already.")
    audit.note("backend.drained", backend, actor=actor, now=now, reason=reason)


@transaction.atomic
def take_offline(*, backend: Backend, now: datetime, actor: User | None, reason: str) -> None:
    """Be offline at once: what runs goes back to its place. Raises :class:`Conflict`.

    A backend that is draining may be taken offline too. A job that has no place to go back to, because
    its session has closed, fails.
    """
    look_at(backend.pk, now)
    job = Job.objects.filter(backend=backend, state=JobState.RUNNING).first()
    changes = {"is_online": False, "status_message": _told(reason, "offline")}
    if job is None:
        _change(backend, {"is_online": True}, changes, "The backend is offline already.")
    else:
        _change(backend, {}, changes, "There is no such backend.")
        _put_back(job, "The backend was taken offline.", now, actor, reason)
    audit.note("backend.taken_offline", backend, actor=actor, now=now, reason=reason)


@transaction.atomic
def bring_online(*, backend: Backend, now: datetime, actor: User | None, reason: str = "") -> None:
    """Go on starting jobs, if the queue is not paused. Raises :class:`Conflict`."""
    changes: dict[str, Any] = {"is_online": True}
    if not backend.is_paused:
        changes["status_message"] = AVAILABLE
    _change(backend, {"is_online": False}, changes, "The backend is online already.")
    audit.note("backend.brought_online", backend, actor=actor, now=now, reason=reason)
    look_at(backend.pk, now)


@transaction.atomic
def requeue_job(*, job: Job, now: datetime, actor: User | None, reason: str) -> None:
    """Stop a running job and put it back to its place, not counted as lost (J2). Raises :class:`Conflict`.

    One whose session has closed has no place to go back to, and can only complete or be cancelled.
    """
    look_at(job.backend_id, now)
    current = Job.objects.select_related("session").get(pk=job.pk)
    if current.state != JobState.RUNNING:
        raise Conflict(f"Only a running job can go back to the queue: this one is {current.state}.")
    if _put_back(current, "An operator put it back.", now, actor, reason) != JobState.QUEUED:
        raise Conflict("Its session has closed: there is no place in the queue to go back to.")


def cancel_job_by(*, job: Job, now: datetime, by: User) -> None:
    """J4: one's own job, or, noted in the audit, another's. Raises :class:`Conflict` when it has ended."""
    if by.pk == job.user_id:
        cancel_job(job=job, now=now)
    else:
        cancel_job_of(job=job, now=now, actor=by)


def close_session_by(*, session: Session, now: datetime, by: User) -> None:
    """L9: one's own session, or, noted in the audit, another's. Repeating it changes nothing."""
    if by.pk == session.user_id or not session.accepting_jobs:
        close_session(session=session, now=now)
    else:
        close_session_of(session=session, now=now, actor=by)


def cancel_session_by(*, session: Session, now: datetime, by: User) -> None:
    """L10: one's own session, or, noted in the audit, another's. Repeating it changes nothing."""
    if by.pk == session.user_id or session.state == SessionState.CLOSED:
        cancel_session(session=session, now=now)
    else:
        cancel_session_of(session=session, now=now, actor=by)


@transaction.atomic
def cancel_job_of(*, job: Job, now: datetime, actor: User, reason: str = "") -> None:
    """J4, by another than the job's owner."""
    before = Job.objects.values_list("state", flat=True).get(pk=job.pk)
    cancel_job(job=job, now=now)
    audit.note("job.cancelled", job, actor=actor, now=now, reason=reason, before={"state": before})


@transaction.atomic
def close_session_of(*, session: Session, now: datetime, actor: User, reason: str = "") -> None:
    """L9, by another than the session's owner: no more jobs, the rest is run. Raises :class:`Conflict`."""
    before = Session.objects.values_list("accepting_jobs", flat=True).get(pk=session.pk)
    if not before:
        raise Conflict("The session accepts no jobs already.")
    close_session(session=session, now=now)
    audit.note("session.closed", session, actor=actor, now=now, reason=reason)


@transaction.atomic
def cancel_session_of(*, session: Session, now: datetime, actor: User, reason: str = "") -> None:
    """L10, by another than its owner: closed at once, queued jobs fail. Raises :class:`Conflict`."""
    before = {"state": Session.objects.values_list("state", flat=True).get(pk=session.pk)}
    if before["state"] == "closed":
        raise Conflict("The session is closed already.")
    cancel_session(session=session, now=now)
    audit.note("session.cancelled", session, actor=actor, now=now, reason=reason, before=before)


def _change(backend: Backend, state: dict[str, Any], changes: dict[str, Any], refusal: str) -> None:
    """The guarded update: only from ``state``, so that of two at once one is told that it came second."""
    if not Backend.objects.filter(pk=backend.pk, **state).update(**changes):
        raise Conflict(refusal)
    for name, value in changes.items():
        setattr(backend, name, value)


def _told(reason: str, default: str) -> str:
    return audit.masked(" ".join(reason.split()) or default)[:STATUS_LENGTH]


def _put_back(job: Job, told: str, now: datetime, actor: User | None, reason: str) -> JobState:
    """Stop a running job, whose backend's lease is locked, and give it back; its new state."""
    ring(backend_channel(job.backend_id), f"stop {job.pk}")
    state = give_back(job, now=now, cause=Cause.REQUEUED, reason=told, lost=False)
    before, after = {"state": job.state}, {"state": state}
    audit.note("job.requeued", job, actor=actor, now=now, reason=reason, before=before, after=after)
    return state
