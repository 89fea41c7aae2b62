"""What is about to happen, told to those who asked for it: looked for once a minute."""

from datetime import datetime, timedelta

from quantumsvc.accounts.models import Instance
from quantumsvc.notices.kinds import NoticeKind
from quantumsvc.notices.models import Subscription
from quantumsvc.notices.outbox import note
from quantumsvc.scheduling.states import SessionState, WindowState
from quantumsvc.scheduling.timers import max_ttl_deadline
from quantumsvc.wire.times import iso_z
from reservations_app.models import Window
from sessions_app.models import Session
from sessions_app.services.limits import Standing, standing_of
from sessions_app.services.lives import settle_overdue

# How long before it happens it is told.
CLOSING_SOON = timedelta(minutes=5)
BEGINNING_SOON = timedelta(minutes=15)
# Parts of the limit, in percent, at which it is told; each at most once in a day.
MARKS = (100, 80)
_LIVING = (SessionState.ACTIVE.value, SessionState.INACTIVE.value)


def look_ahead(now: datetime) -> None:
    """Tell of sessions that close soon, reservations that begin soon, and limits that are near."""
    settle_overdue(now)
    wanted = set[str]()
    for kinds in Subscription.objects.filter(is_active=True).values_list("kinds", flat=True):
        wanted.update(kinds)
    for kind, tell in _TOLD.items():
        if kind.value in wanted:
            tell(now)


def _sessions(now: datetime) -> None:
    for session in Session.objects.filter(state__in=_LIVING).select_related("backend", "instance", "user"):
        closes_at = max_ttl_deadline(session.facts())
        if closes_at is None or not now <= closes_at <= now + CLOSING_SOON:
            continue
        note(
            NoticeKind.SESSION_CLOSING,
            session.pk,
            now=now,
            instance=session.instance,
            user=session.user,
            # A session that was given more time is told of again.
            key=iso_z(closes_at),
            data={"session": session.pk, "backend": session.backend.name, "closes_at": iso_z(closes_at)},
        )


def _reservations(now: datetime) -> None:
    soon = Window.objects.filter(
        state=WindowState.SCHEDULED, instance__isnull=False, starts_at__gte=now,
        starts_at__lte=now + BEGINNING_SOON,
    )  # fmt: skip
    for window in soon.select_related("backend", "instance"):
        assert window.instance is not None
        note(
            NoticeKind.RESERVATION_SOON,
            window.pk,
            now=now,
            instance=window.instance,
            data={
                "reservation": window.pk,
                "backend": window.backend.name,
                "mode": window.mode,
                "starts_at": iso_z(window.starts_at),
                "ends_at": iso_z(window.ends_at),
            },
        )


def _limits(now: datetime) -> None:
    for instance in Instance.objects.active().filter(usage_limit_seconds__gt=0):
        standing = standing_of(instance, now)
        mark = reached(standing)
        if mark is None:
            continue
        resumes = iso_z(standing.resumes_at) if standing.resumes_at else None
        note(
            NoticeKind.LIMIT_NEAR,
            str(instance.pk),
            now=now,
            instance=instance,
            key=f"{mark}:{now.date().isoformat()}",
            data={
                "instance": instance.name,
                "percent": mark,
                "used_seconds": round(standing.used, 3),
                "limit_seconds": standing.limit,
                "resumes_at": resumes,
            },
        )


def reached(standing: Standing) -> int | None:
    """The highest mark, in percent of the limit, that was reached."""
    if not standing.limit:
        return None
    return next((mark for mark in MARKS if standing.used * 100 >= standing.limit * mark), None)


_TOLD = {
    NoticeKind.SESSION_CLOSING: _sessions,
    NoticeKind.RESERVATION_SOON: _reservations,
    NoticeKind.LIMIT_NEAR: _limits,
}
