"""Windows, series and refusals as the API tells them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from quantumsvc.accounts.models import User
from quantumsvc.wire.times import iso_z
from reservations_app.models import Series, Window
from reservations_app.services.booking import solution
from reservations_app.services.rules import Span, Violation


def instant(at: datetime | None) -> str | None:
    """An instant that may be missing."""
    return None if at is None else iso_z(at)


def window_body(window: Window, now: datetime) -> dict[str, Any]:
    """All about a window, for a reader to whom it is visible."""
    return {
        **times_body(window, now),
        "id": window.pk,
        "kind": window.kind,
        "instance": window.instance.crn if window.instance else None,
        "released": instant(window.released_at),
        "end_policy": window.end_policy,
        "users": [user.pk for user in window.users.all()],
        "counts_as_used": window.counts_as_used,
        "note": window.note,
        "override_reason": window.override_reason,
        "created": iso_z(window.created_at),
        "first_job": instant(window.first_job_at),
        "cancelled": _cancelled(window),
        "successor": window.successor_id,
        "series": window.series_id,
        "occurrence": instant(window.occurrence),
        "mine": True,
    }


def times_body(window: Window, now: datetime) -> dict[str, Any]:
    """What anybody who may use the backend may know: that the time is taken."""
    return {
        "id": None,
        "kind": "reserved",
        "backend": window.backend.name,
        "mode": window.mode,
        "state": window.state_at(now),
        "start": iso_z(window.starts_at),
        "end": iso_z(window.ends_at),
        "mine": False,
    }


def _cancelled(window: Window) -> dict[str, Any] | None:
    if window.cancelled_at is None:
        return None
    by = window.cancelled_by.username if window.cancelled_by else None
    return {"at": iso_z(window.cancelled_at), "by": by, "reason": window.cancel_reason}


def known_body(window: Window, visible: Collection[str], now: datetime) -> dict[str, Any]:
    """As much of the window as the reader may know; ``visible`` are the ids that they may see."""
    return window_body(window, now) if window.pk in visible else times_body(window, now)


def history_body(window: Window) -> list[dict[str, Any]]:
    """What happened to a window, in order."""
    return [
        {
            "at": iso_z(event.at),
            "state": event.target,
            "cause": event.cause,
            "by": event.by.username if event.by else None,
        }
        for event in window.events.select_related("by")
    ]


def series_body(series: Series) -> dict[str, Any]:
    """A series without its windows."""
    return {
        "id": series.pk,
        "backend": series.backend.name,
        "instance": series.instance.crn if series.instance else None,
        "kind": series.kind,
        "mode": series.mode,
        "rule": series.rule,
        "first": series.starts_local,
        "time_zone": series.time_zone,
        "duration": series.length_seconds,
        "end_policy": series.end_policy,
        "note": series.note,
        "skipped": series.skipped,
        "made_until": iso_z(series.made_until),
        "ends_before": instant(series.ends_before),
        "successor": series.successor_id,
    }


def violations_body(broken: Sequence[Violation], by: User) -> list[dict[str, Any]]:
    """The broken rules: code, name, sentence, and whether and how they can be overridden."""
    return [
        {
            "code": each.rule.code,
            "rule": each.rule.name.lower(),
            "message": each.sentence,
            "overridable": each.rule.overridable,
            "solution": solution(each.rule, by),
        }
        for each in broken
    ]


def span_body(span: Span) -> dict[str, Any]:
    """A stretch of time."""
    return {"start": iso_z(span.start), "end": iso_z(span.end)}
