"""Making, extending, closing and cancelling sessions on request."""

from datetime import datetime

from django.db import transaction

from quantumsvc.accounts.audit import note
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import TIMEKEEPER, ring
from quantumsvc.errors import BadRequest, SessionClosed
from quantumsvc.scheduling.states import Cause, SessionMode, SessionState
from quantumsvc.scheduling.timers import next_deadline
from quantumsvc.wire.ids import new_id
from sessions_app.models import Session, SessionEvent
from sessions_app.services.leases import look_at
from sessions_app.services.limits import check_session
from sessions_app.services.lives import close_now, settle, stop_accepting
from sessions_app.services.progress import announce_session
from sessions_app.services.transitions import change_session, lock_session


def checked_max_ttl(seconds: int | None, backend: Backend) -> int:
    """L13: the session's maximum time in seconds; nothing asked for means the system's limit."""
    if seconds is None:
        return backend.session_max_ttl
    if not 1 <= seconds <= backend.session_max_ttl:
        raise BadRequest(f"max_time must be between 1 and {backend.session_max_ttl} seconds on this backend.")
    return seconds


def session_mode(word: str) -> SessionMode:
    """The mode of that name. Raises :class:`BadRequest`."""
    try:
        return SessionMode(word)
    except ValueError:
        raise BadRequest("mode must be dedicated or batch.") from None


def new_session(
    *,
    ident: str,
    instance: Instance,
    user: User,
    backend: Backend,
    mode: SessionMode,
    max_ttl: int,
    now: datetime,
) -> Session:
    """Store an open session with its first event (L2). Call inside a transaction."""
    session = Session(
        id=ident,
        instance=instance,
        user=user,
        backend=backend,
        mode=mode.value,
        max_ttl=max_ttl,
        interactive_ttl=backend.interactive_ttl(mode),
        unused_ttl=backend.unused_session_ttl,
        created_at=now,
    )
    session.next_deadline = next_deadline(session.facts())
    session.save(force_insert=True)
    SessionEvent.objects.create(
        session=session, at=now, target=SessionState.OPEN.value, cause=Cause.CREATED.value
    )
    return session


@transaction.atomic
def open_session(
    *, instance: Instance, user: User, backend: Backend, mode: SessionMode, max_ttl: int | None, now: datetime
) -> Session:
    """A new open session of the instance; no timer runs but that of sessions never used (L2).

    Raises :class:`BadRequest`, or what :func:`check_session` raises.
    """
    check_session(instance, now)
    # A deadline that comes before the timekeeper's next round must not wait for it (L2).
    ring(TIMEKEEPER)
    return new_session(
        ident=new_id(),
        instance=instance,
        user=user,
        backend=backend,
        mode=mode,
        max_ttl=checked_max_ttl(max_ttl, backend),
        now=now,
    )


@transaction.atomic
def extend_session(*, session: Session, max_ttl: int, by: User, now: datetime) -> Session:
    """Give a session a longer maximum time, counted as ever from its first job's start (L3), in seconds.

    Its timer goes on (L4); only its end moves. Raises :class:`BadRequest` unless it becomes longer and
    stays within the system's limit (L13), and :class:`SessionClosed` when it is over (L8).
    """
    look_at(session.backend_id, now)
    locked = lock_session(session.pk)
    settle(locked, now)
    if locked.state == SessionState.CLOSED:
        raise SessionClosed("The session is closed for good.", solution="Open a new session.")
    limit = session.backend.session_max_ttl
    if not locked.max_ttl < max_ttl <= limit:
        raise BadRequest(
            f"max_ttl must be more than the {locked.max_ttl} seconds that the session has, and at most "
            f"{limit} seconds on this backend."
        )
    more = max_ttl - locked.max_ttl
    left = None if locked.active_ttl is None else locked.active_ttl + more
    before = {"max_ttl": locked.max_ttl}
    change_session(locked, max_ttl=max_ttl, active_ttl=left)
    note("session.extended", locked, actor=by, now=now, before=before, after={"max_ttl": max_ttl})
    SessionEvent.objects.create(
        session=locked, at=now, source=locked.state, target=locked.state, cause=Cause.EXTENDED.value
    )
    announce_session(locked.pk)
    return locked


@transaction.atomic
def close_session(*, session: Session, now: datetime) -> Session:
    """L9: accept no more jobs, run what is there. Repeating it changes nothing."""
    look_at(session.backend_id, now)
    locked = lock_session(session.pk)
    settle(locked, now)
    stop_accepting(locked, now)
    return locked


@transaction.atomic
def cancel_session(*, session: Session, now: datetime) -> Session:
    """L10: closed at once, queued jobs fail, a running one completes. Repeating it changes nothing."""
    look_at(session.backend_id, now)
    locked = lock_session(session.pk)
    settle(locked, now)
    if locked.state != SessionState.CLOSED:
        close_now(locked, at=now, cause=Cause.SESSION_CANCELLED)
    return locked
