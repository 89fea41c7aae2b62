"""What recurs (W8): a pattern, its occurrences, and which of them can be booked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from quantumsvc import recurrence
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from quantumsvc.recurrence import Occurrence
from reservations_app.services.booking import Wish, plan
from reservations_app.services.policies import policy_for
from reservations_app.services.rules import Rule, Span, Violation, violations

# How far ahead windows of a series are made, and how many at once.
HORIZON = timedelta(days=366)
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What recurs: ``wish`` is what is common to all, its span only says where to look.

    ``first`` is the first start on the wall's clock in ``zone``. With ``skip_taken``, occurrences whose time
    is taken are left out; else they stand against the whole series.
    """

    wish: Wish
    rule: str
    first: datetime
    zone: ZoneInfo
    length: timedelta
    skipped: tuple[str, ...] = ()
    skip_taken: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """Which occurrences can be booked, and the rules that the others break."""

    free: Sequence[Occurrence]
    taken: Sequence[Occurrence]
    broken: Sequence[Violation]


def pattern_of(
    wish: Wish, *, rule: str, first: datetime, zone: str, length: timedelta, skip_taken: bool = False
) -> Pattern:
    """A checked pattern. Raises BadRequest."""
    try:
        checked = recurrence.checked_rule(rule)
    except recurrence.BadRule as problem:
        raise BadRequest(f"rule: {problem}") from problem
    return Pattern(
        wish=wish, rule=checked, first=first, zone=ZoneInfo(zone), length=length, skip_taken=skip_taken
    )


def reach(backend: Backend, instance: Instance | None, now: datetime) -> datetime:
    """Up to when windows of a series are made."""
    policy = policy_for(backend, instance)
    days = timedelta(days=policy.ahead_days) if policy and policy.ahead_days else HORIZON
    return now + min(days, HORIZON)


def fit(
    pattern: Pattern,
    *,
    by: User,
    now: datetime,
    since: datetime,
    before: datetime,
    without: Collection[str] = (),
) -> Fit:
    """Check every occurrence in ``[since, before)`` against the rules and against those before it."""
    found = _occurrences(pattern, since, before)
    whole = replace(pattern.wish, span=Span(since, before + pattern.length))
    base = plan(whole, by=by, now=now, without=without)
    overridden = by.is_operator and bool(pattern.wish.override_reason)
    free: list[Occurrence] = []
    taken: list[Occurrence] = []
    broken: list[Violation] = []
    for each in found:
        made = [Span(one.at, one.at + pattern.length) for one in free]
        mine = made if base.policy else []
        asked = replace(
            base,
            span=Span(each.at, each.at + pattern.length),
            taken=[*base.taken, *made],
            own=[*base.own, *mine],
            ahead=[*base.ahead, *mine],
        )
        against = [one for one in violations(asked) if not (overridden and one.rule.overridable)]
        if pattern.skip_taken and any(one.rule is Rule.TAKEN for one in against):
            taken.append(each)
            continue
        broken += [Violation(one.rule, f"{each.key}: {one.sentence}") for one in against]
        free.append(each)
    return Fit(free, taken, broken)


def _occurrences(pattern: Pattern, since: datetime, before: datetime) -> list[Occurrence]:
    found = recurrence.occurrences(
        pattern.rule,
        pattern.first,
        pattern.zone,
        since=since,
        before=before,
        skipped=pattern.skipped,
        most=MOST + 1,
    )
    if len(found) > MOST:
        raise BadRequest(f"rule: It has more than {MOST} occurrences in the time that can be booked.")
    return found
