"""What a form would do, shown before anything is done: every broken rule, and whom it delays (E2).

Nothing is booked that was not shown: the page that shows it brings a mark of exactly that form along.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from quantumsvc.accounts.models import User
from quantumsvc.errors import ServiceError, Several
from reservations_app.impact import impact_of
from reservations_app.pages.entries import Reader
from reservations_app.services import booking
from reservations_app.services.booking import Wish
from reservations_app.services.patterns import Fit, Pattern
from reservations_app.services.rules import Span, Violation
from sessions_app.pages.words import duration

_NOT_ASKED = {"csrfmiddlewaretoken", "checked", "do"}
# So many of a series' dates are run forward and listed.
SHOWN = 20


@dataclass(frozen=True)
class Broken:
    """A rule that stands against it, and what can be done about it."""

    code: int
    sentence: str
    advice: str
    is_overridden: bool


@dataclass(frozen=True)
class Moved:
    """A job that starts later or sooner; ``job`` only where the reader may see it."""

    job: str
    before: datetime
    after: datetime | None
    by: str


@dataclass(frozen=True)
class Preview:
    """What would happen. Of a series, ``dates`` are the first that are free, ``left_out`` those taken."""

    broken: Sequence[Broken]
    is_possible: bool
    later: Sequence[Moved] = ()
    sooner: Sequence[Moved] = ()
    calibrations: Sequence[Moved] = ()
    stopped: dict[str, Any] | None = None
    paused: dict[str, Any] | None = None
    is_cut: bool = False
    is_foreseen: bool = False
    dates: Sequence[Span] = ()
    count: int = 0
    left_out: Sequence[str] = ()


def preview_of(wish: Wish, reader: Reader, now: datetime, without: Sequence[str] = ()) -> Preview:
    """Of a single window. Raises what can't be explained rule by rule."""
    booking.require_sound(wish, reader.user)
    found = booking.check(wish, by=reader.user, now=now, without=without)
    overridden = reader.user.is_operator and bool(wish.override_reason)
    broken = [_broken(each, reader.user, overridden) for each in found]
    shown = Preview(broken, all(each.is_overridden for each in broken))
    if not all(each.rule.overridable for each in found):
        return shown
    return _foreseen(shown, [wish], reader, now, without)


def series_preview(
    pattern: Pattern, fit: Fit, reader: Reader, now: datetime, without: Sequence[str] = ()
) -> Preview:
    """Of a series: what stands against any of its dates, and what the first of them would delay."""
    spans = [Span(each.at, each.at + pattern.length) for each in fit.free]
    shown = Preview(
        [_broken(each, reader.user, False) for each in fit.broken[:SHOWN]],
        is_possible=not fit.broken and bool(spans),
        dates=spans[:SHOWN],
        count=len(spans),
        left_out=[each.key.replace("T", " ") for each in fit.taken],
    )
    if fit.broken or not spans:
        return shown
    wishes = [replace(pattern.wish, span=span) for span in spans[:SHOWN]]
    return _foreseen(shown, wishes, reader, now, without)


def _foreseen(
    shown: Preview, wishes: Sequence[Wish], reader: Reader, now: datetime, without: Sequence[str]
) -> Preview:
    told = impact_of(wishes, now=now, without=without).told({str(pk) for pk in reader.names})
    return replace(
        shown,
        later=list(_moved(told["later"])),
        sooner=list(_moved(told["sooner"])),
        calibrations=list(_moved(told["calibrations"])),
        stopped=told["stopped"],
        paused=told["paused"],
        is_cut=told["is_cut"],
        is_foreseen=True,
    )


def _moved(told: Iterable[dict[str, Any]]) -> Iterable[Moved]:
    for each in told:
        seconds = each["seconds"]
        by = "not foreseeable" if seconds is None else duration(abs(seconds))
        yield Moved(each.get("job") or "", each["before"], each["after"], by)


def _broken(violation: Violation, by: User, overridden: bool) -> Broken:
    rule = violation.rule
    if not rule.overridable:
        advice = "This holds for everybody."
    elif by.is_operator:
        advice = "You override it." if overridden else "You may override it: say why below."
    else:
        advice = "An operator may override it."
    return Broken(rule.code, violation.sentence, advice, overridden and rule.overridable)


def mark_of(request: HttpRequest) -> str:
    """Stands for exactly what the form of this request holds, and for its sender."""
    asked = sorted((name, values) for name, values in request.POST.lists() if name not in _NOT_ASKED)
    told = json.dumps([request.user.pk, request.path, asked])
    return salted_hmac("quantumsvc.reservations.preview", told, algorithm="sha256").hexdigest()


def was_shown(request: HttpRequest) -> bool:
    """Whether the sender saw what this form would do, and now wants it done."""
    seen = request.POST.get("checked", "")
    return request.POST.get("do") == "book" and constant_time_compare(seen, mark_of(request))


def attempted(deed: Callable[[], Any]) -> tuple[Any, list[str], int]:
    """What the deed gives; or the sentences of its refusal, with the status of the answer."""
    try:
        return deed(), [], 200
    except Several as refused:
        return None, [each.message for each in refused.found], refused.found[0].status
    except ServiceError as refused:
        return None, [f"{refused.message} {refused.solution}".strip()], refused.status
