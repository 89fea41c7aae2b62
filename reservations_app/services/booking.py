"""Booking a window: everything is checked, then the time is taken in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, NotAllowed, ServiceError, Several, UnknownBackend
from quantumsvc.scheduling.states import WindowState
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from quantumsvc.wire.ids import new_id
from reservations_app.events import tell
from reservations_app.models import Series, Window, WindowCause, WindowEvent, WindowKind
from reservations_app.services.policies import policy_for, require_booker
from reservations_app.services.rules import USAGE_WINDOW, Plan, Rule, Span, Violation, violations

NO_OVERLAP = "windows_of_a_backend_never_overlap"


class BrokenRule(ServiceError):
    """A rule of booking is broken; an operator may override most of them with a reason."""

    code = 9001


class TimeTaken(BrokenRule):
    """Somebody else has the time (W1)."""

    code = 9003
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to book. ``instance`` is ``None`` for the operator's own windows."""

    backend: Backend
    instance: Instance | None
    span: Span
    mode: WindowMode = WindowMode.DEDICATED
    kind: WindowKind = WindowKind.RESERVATION
    end_policy: EndPolicy = EndPolicy.RELEASE
    users: tuple[User, ...] = ()
    note: str = ""
    override_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a booked window comes from: its series, or the window that it takes the place of."""

    series: Series | None = None
    occurrence: datetime | None = None
    replaces: Window | None = None
    ident: str = field(default_factory=new_id)


def check(wish: Wish, *, by: User, now: datetime, without: Collection[str] = ()) -> list[Violation]:
    """All rules that the wish breaks; ``without`` are windows that would be given up for it."""
    return violations(plan(wish, by=by, now=now, without=without))


def book(wish: Wish, *, by: User, now: datetime) -> Window:
    """Take the time, or raise what stands against it and take nothing.

    Raises :class:`Several` with every broken rule, NotAllowed, BadRequest or UnknownBackend.
    """
    require_sound(wish, by)
    with transaction.atomic():
        lock_calendar(wish.backend)
        require_free(wish, by=by, now=now)
        window = take(wish, by=by, now=now)
        audit.note(
            "window.booked", window, actor=by, now=now, after=told(window), reason=wish.override_reason
        )
    return window


def require_sound(wish: Wish, by: User) -> None:
    """What no dry run needs to explain rule by rule: who may, and for whom."""
    require_booker(by, wish.instance)
    is_reservation = wish.kind is WindowKind.RESERVATION
    if is_reservation != (wish.instance is not None):
        raise BadRequest("A reservation is for an instance; maintenance and calibration are for none.")
    if not is_reservation and wish.mode is not WindowMode.DEDICATED:
        raise BadRequest("Maintenance and calibration are always dedicated.")
    if wish.instance is not None:
        _require_instance(wish, wish.instance)


def _require_instance(wish: Wish, instance: Instance) -> None:
    if not instance.is_active:
        raise NotAllowed(f"The instance {instance.name} is archived: it can be read, not changed.")
    if not Backend.objects.usable_by(instance).filter(pk=wish.backend.pk).exists():
        raise UnknownBackend("There is no backend of that name that this instance may use.")
    members = set(instance.memberships.values_list("user_id", flat=True)) if wish.users else set()
    if strangers := [user.pk for user in wish.users if user.pk not in members]:
        raise BadRequest(f"{len(strangers)} of the users are not members of the instance.")


def lock_calendar(backend: Backend) -> None:
    """Until the end of the transaction, nobody else books on this backend: the counts stay true."""
    Backend.objects.select_for_update(no_key=True).get(pk=backend.pk)


def require_free(wish: Wish, *, by: User, now: datetime, without: Collection[str] = ()) -> None:
    """Raise every broken rule that the booker may not, or does not, override."""
    broken = check(wish, by=by, now=now, without=without)
    overridden = by.is_operator and bool(wish.override_reason)
    refuse([each for each in broken if not (overridden and each.rule.overridable)], by)


def refuse(broken: list[Violation], by: User) -> None:
    """Raise the violations as one refusal; taken time first, because it gives the answer its status."""
    if not broken:
        return
    ordered = sorted(broken, key=lambda each: each.rule is not Rule.TAKEN)
    raise Several([_error(each, by) for each in ordered])


def _error(broken: Violation, by: User) -> BrokenRule:
    kind = TimeTaken if broken.rule is Rule.TAKEN else BrokenRule
    return kind(broken.sentence, solution=solution(broken.rule, by), code=broken.rule.code)


def solution(rule: Rule, by: User) -> str:
    """What can be done about a broken rule."""
    if not rule.overridable:
        return "Choose another time."
    return "Give an override_reason." if by.is_operator else "An operator may override this rule."


def take(wish: Wish, *, by: User, now: datetime, place: Place | None = None) -> Window:
    """Insert the window, its event and its bell. Raises :class:`TimeTaken` if the database says so."""
    place = place or Place()
    window = _new(wish, by, now, place)
    try:
        with transaction.atomic():
            window.save(force_insert=True)
    except IntegrityError as refusal:
        if NO_OVERLAP not in str(refusal):
            raise
        raise TimeTaken(
            "Somebody else has just booked this time.", solution="Choose another time."
        ) from refusal
    window.users.set(wish.users)
    cause = WindowCause.MOVED if place.replaces else WindowCause.BOOKED
    WindowEvent.objects.create(window=window, at=now, target=window.state, cause=cause, by=by)
    tell(window)
    return window


def _new(wish: Wish, by: User, now: datetime, place: Place) -> Window:
    policy = policy_for(wish.backend, wish.instance)
    old = place.replaces
    return Window(
        id=place.ident,
        backend=wish.backend,
        instance=wish.instance,
        mode=wish.mode,
        kind=wish.kind,
        state=WindowState.ACTIVE if old and wish.span.start <= now else WindowState.SCHEDULED,
        starts_at=wish.span.start,
        ends_at=wish.span.end,
        end_policy=wish.end_policy,
        counts_as_used=policy.counts_as_used if policy else False,
        note=wish.note,
        override_reason=wish.override_reason,
        created_by=by,
        created_at=now,
        first_job_at=old.first_job_at if old else None,
        series=place.series,
        occurrence=place.occurrence,
    )


def told(window: Window) -> dict[str, object]:
    """What the audit keeps of a window."""
    return {
        "backend": window.backend.name,
        "instance": window.instance.name if window.instance else None,
        "kind": window.kind,
        "mode": window.mode,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "end_policy": window.end_policy,
        "note": window.note,
    }


def plan(wish: Wish, *, by: User, now: datetime, without: Collection[str] = ()) -> Plan:
    """All that the rules ask about the wish, read from the database."""
    policy = policy_for(wish.backend, wish.instance)
    windows = Window.objects.filter(backend=wish.backend).exclude(pk__in=without)
    kept = windows.exclude(state=WindowState.CANCELLED)
    own = kept.filter(instance=wish.instance) if policy else Window.objects.none()
    buffer = timedelta(minutes=policy.buffer_minutes if policy else 0)
    near = kept.overlapping(wish.span.start - buffer, wish.span.end + buffer)
    replaced = Window.objects.filter(pk__in=without).order_by("starts_at").first()
    return Plan(
        now=now,
        span=wish.span,
        policy=policy,
        taken=_spans(near),
        own=_spans(own.overlapping(wish.span.start - USAGE_WINDOW, wish.span.end + USAGE_WINDOW)),
        ahead=_spans(own.standing().filter(ends_at__gt=now)),
        by_operator=by.is_operator,
        running=replaced is not None and wish.span.start == replaced.starts_at <= now,
        frozen_from=replaced.starts_at if replaced and replaced.starts_at > now else None,
    )


def _spans(windows: QuerySet[Window]) -> list[Span]:
    return [Span(window.starts_at, window.until) for window in windows]
