"""Changing what was booked: a move makes a successor; a cancellation keeps who, when and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.errors import BadRequest, Conflict, NotAllowed
from quantumsvc.scheduling.states import WindowState
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import Window, WindowCause, WindowKind
from reservations_app.services import life
from reservations_app.services.booking import (
    Place,
    Wish,
    check,
    lock_calendar,
    refuse,
    require_free,
    require_sound,
    take,
    told,
)
from reservations_app.services.policies import manages, policy_for
from reservations_app.services.rules import Rule, Span, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; ``None`` leaves it as it is."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    mode: WindowMode | None = None
    end_policy: EndPolicy | None = None
    users: tuple[User, ...] | None = None
    note: str | None = None
    override_reason: str = ""


def changed(window: Window, change: Change) -> Wish:
    """The wish that the window becomes. A new start without a new end keeps the length."""
    start = change.starts_at or window.starts_at
    end = change.ends_at or (start + window.length)
    users = tuple(window.users.all()) if change.users is None else change.users
    return Wish(
        backend=window.backend,
        instance=window.instance,
        span=Span(start, end),
        mode=change.mode or WindowMode(window.mode),
        kind=WindowKind(window.kind),
        end_policy=change.end_policy or EndPolicy(window.end_policy),
        users=users,
        note=window.note if change.note is None else change.note,
        override_reason=change.override_reason,
    )


def check_move(window: Window, change: Change, *, by: User, now: datetime) -> list[Violation]:
    """All rules that the changed window would break: the dry run of :func:`move`."""
    return check(changed(window, change), by=by, now=now, without=[window.pk])


def move(ident: str, change: Change, *, by: User, now: datetime) -> Window:
    """Cancel the window and book its successor, or raise and leave everything as it is.

    Of a window that has begun, only the end can move, and only to later than now.
    """
    with transaction.atomic():
        old = _locked(ident, by, now)
        wish = changed(old, change)
        require_sound(wish, by)
        require_movable(old, wish, now)
        require_free(wish, by=by, now=now, without=[old.pk])
        return replace(old, wish, by=by, now=now)


def replace(old: Window, wish: Wish, *, by: User, now: datetime, place: Place | None = None) -> Window:
    """Let ``wish`` take the place of a window; everything about it has been checked."""
    place = place or Place(series=old.series, occurrence=old.occurrence, replaces=old)
    life.move(
        old.pk,
        WindowState.CANCELLED,
        at=now,
        cause=WindowCause.MOVED,
        by=by,
        cancelled_at=now,
        cancelled_by=by,
        cancel_reason="moved",
        successor_id=place.ident,
    )
    new = take(wish, by=by, now=now, place=place)
    before, after = audit.changes(told(old), told(new))
    audit.note(
        "window.moved", old, actor=by, now=now, before=before, after=after, reason=wish.override_reason
    )
    return new


def require_movable(old: Window, wish: Wish, now: datetime) -> None:
    """Raise Conflict for what can't become of a window that has begun."""
    if old.starts_at > now:
        return
    if wish.span.start != old.starts_at or wish.mode != old.mode:
        raise Conflict("The window has begun: only its end can be moved.")
    if wish.span.end <= now:
        raise Conflict("The window has begun and can't end in the past.", solution="Release it instead.")


def cancel(ident: str, *, by: User, now: datetime, reason: str = "", override_reason: str = "") -> Window:
    """Give up a window that has not begun; operators may also end one that has.

    Somebody else's window needs a ``reason``; in the freeze time an operator gives an ``override_reason``.
    """
    with transaction.atomic():
        window = _locked(ident, by, now)
        _require_cancellable(window, by, now, reason, override_reason)
        gone = life.move(
            ident,
            WindowState.CANCELLED,
            at=now,
            cause=WindowCause.CANCELLED,
            by=by,
            cancelled_at=now,
            cancelled_by=by,
            cancel_reason=reason,
        )
        audit.note(
            "window.cancelled", gone, actor=by, now=now, before=told(gone), reason=reason or override_reason
        )
    return gone


def _require_cancellable(window: Window, by: User, now: datetime, reason: str, override_reason: str) -> None:
    if window.starts_at <= now and not by.is_operator:
        raise Conflict("The window has begun.", solution="Release what is left of it instead.")
    _require_reason(window, by, reason, "cancelled")
    if not (by.is_operator and override_reason):
        refuse(_frozen(window, now), by)


def _require_reason(window: Window, by: User, reason: str, done: str) -> None:
    if window.created_by_id != by.pk and not reason:
        raise BadRequest(f"Somebody else booked this window: say why it is {done}.")


def _frozen(window: Window, now: datetime) -> list[Violation]:
    policy = policy_for(window.backend, window.instance)
    minutes = policy.freeze_minutes if policy else 0
    if not minutes or not now < window.starts_at < now + timedelta(minutes=minutes):
        return []
    sentence = f"In the {minutes} min before its start a window can't be booked or changed."
    return [Violation(Rule.FREEZE, sentence)]


def release(ident: str, *, by: User, now: datetime, reason: str = "") -> Window:
    """Give back what is left of a window that has begun, so that others can have the time.

    Somebody else's window needs a ``reason``.
    """
    with transaction.atomic():
        window = _locked(ident, by, now)
        if now < window.starts_at:
            raise Conflict("The window has not begun.", solution="Cancel it instead.")
        _require_reason(window, by, reason, "released")
        if window.state == WindowState.SCHEDULED:
            life.begin(ident, at=now)
        given = life.release(ident, at=now, by=by)
        after = {"released_at": given.released_at}
        audit.note(
            "window.released", given, actor=by, now=now, before=told(given), after=after, reason=reason
        )
    return given


def _locked(ident: str, by: User, now: datetime) -> Window:
    """The window, with its calendar locked, if the user may change it and it has not ended."""
    window = Window.objects.select_related("backend", "instance", "series").get(pk=ident)
    if not manages(by, window.instance):
        raise NotAllowed("Only managers of the instance and operators may change this window.")
    lock_calendar(window.backend)
    window.refresh_from_db(fields=["state", "successor", "first_job_at", "version"])
    state = window.state_at(now)
    if state not in (WindowState.SCHEDULED, WindowState.ACTIVE):
        where = f" Its successor is {window.successor_id}." if window.successor_id else ""
        raise Conflict(f"The window is {state} and can't be changed any more.{where}")
    return window
