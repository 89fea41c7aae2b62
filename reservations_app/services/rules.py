"""What a booking must keep to: one pure check that finds everything that is wrong at once (W6).

The same check is the dry run, the form and the booking. Rules of form and overlap bind everybody; an
operator may override the others with a reason, which is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from reservations_app.models import ReservationPolicy

USAGE_WINDOW = timedelta(days=28)


class Rule(Enum):
    """Each rule with its stable code, and whether an operator may override it."""

    ORDER = (9001, False)
    PAST = (9002, False)
    TAKEN = (9003, False)
    SHORTEST = (9004, True)
    LONGEST = (9005, True)
    GRANULARITY = (9006, True)
    AHEAD = (9007, True)
    FREEZE = (9008, True)
    WINDOWS_AHEAD = (9009, True)
    TIME_AHEAD = (9010, True)
    TIME_PER_28_DAYS = (9011, True)
    BUFFER = (9012, True)
    HOURS = (9013, True)
    WEEKDAYS = (9014, True)
    SELF_SERVICE = (9015, True)

    @property
    def code(self) -> int:
        """The code on the wire."""
        return self.value[0]

    @property
    def overridable(self) -> bool:
        """Whether an operator may book all the same, with a reason."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule and the sentence that says how."""

    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Span:
    """The time ``[start, end)``."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def meets(self, other: "Span") -> bool:
        """Whether they share time."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A wish to book ``span``, and all that the rules ask about the rest of the world.

    ``taken`` is what stands on the backend; ``own`` what the instance has there, past and future, and
    ``ahead`` of it what has not ended. ``policy`` is ``None`` for the operator's own windows, which no policy
    limits. ``frozen_from`` is the start of the window that is to be moved, if one is.
    """

    now: datetime
    span: Span
    policy: ReservationPolicy | None
    taken: Sequence[Span] = ()
    own: Sequence[Span] = ()
    ahead: Sequence[Span] = field(default=())
    by_operator: bool = False
    running: bool = False
    frozen_from: datetime | None = None


def violations(plan: Plan) -> list[Violation]:
    """Every rule that the plan breaks, in the order of the codes; nothing when it may be booked."""
    found = list(_form(plan))
    if any(each.rule is Rule.ORDER for each in found):
        return found
    found += _overlap(plan)
    if plan.policy is not None:
        for check in (_lengths, _distance, _amounts, _calendar):
            found += check(plan, plan.policy)
    return sorted(found, key=lambda each: each.rule.code)


def _form(plan: Plan) -> Iterator[Violation]:
    if plan.span.start >= plan.span.end:
        yield Violation(Rule.ORDER, "A window must end after it starts.")
    elif plan.span.end <= plan.now:
        yield Violation(Rule.PAST, "The window would have ended already.")
    elif plan.span.start < plan.now and not plan.running:
        yield Violation(Rule.PAST, "The window would start in the past.")


def _overlap(plan: Plan) -> Iterator[Violation]:
    met = sorted((each for each in plan.taken if each.meets(plan.span)), key=lambda each: each.start)
    if met:
        more = f" and {len(met) - 1} more" if len(met) > 1 else ""
        yield Violation(Rule.TAKEN, f"The backend is taken from {_told(met[0])}{more}.")


def _lengths(plan: Plan, policy: ReservationPolicy) -> Iterator[Violation]:
    length = plan.span.length
    if length < timedelta(minutes=policy.shortest_minutes):
        yield Violation(Rule.SHORTEST, f"A window lasts at least {_minutes(policy.shortest_minutes)}.")
    if policy.longest_minutes and length > timedelta(minutes=policy.longest_minutes):
        yield Violation(Rule.LONGEST, f"A window lasts at most {_minutes(policy.longest_minutes)}.")
    step = policy.granularity_minutes
    if step and not all(_on_grid(edge, step, policy) for edge in (plan.span.start, plan.span.end)):
        yield Violation(Rule.GRANULARITY, f"A window starts and ends on a multiple of {_minutes(step)}.")


def _on_grid(edge: datetime, step: int, policy: ReservationPolicy) -> bool:
    local = edge.astimezone(ZoneInfo(policy.time_zone))
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    return not (since_midnight + timedelta(microseconds=local.microsecond)) % timedelta(minutes=step)


def _distance(plan: Plan, policy: ReservationPolicy) -> Iterator[Violation]:
    if not policy.self_service and not plan.by_operator:
        yield Violation(Rule.SELF_SERVICE, "Only operators book time for this instance on this backend.")
    horizon = timedelta(days=policy.ahead_days)
    if policy.ahead_days and plan.span.start > plan.now + horizon:
        yield Violation(Rule.AHEAD, f"A window starts at most {policy.ahead_days} days ahead.")
    freeze = timedelta(minutes=policy.freeze_minutes)
    begins = min(plan.span.start, plan.frozen_from or plan.span.start)
    if freeze and begins < plan.now + freeze:
        told = _minutes(policy.freeze_minutes)
        yield Violation(Rule.FREEZE, f"In the {told} before its start a window can't be booked or changed.")
    buffer = timedelta(minutes=policy.buffer_minutes)
    near = Span(plan.span.start - buffer, plan.span.end + buffer)
    if buffer and any(near.meets(each) and not plan.span.meets(each) for each in plan.taken):
        yield Violation(
            Rule.BUFFER, f"Between two windows there are at least {_minutes(policy.buffer_minutes)}."
        )


def _amounts(plan: Plan, policy: ReservationPolicy) -> Iterator[Violation]:
    most = policy.most_windows_ahead
    if most and len(plan.ahead) + 1 > most:
        yield Violation(Rule.WINDOWS_AHEAD, f"An instance has at most {most} windows ahead on a backend.")
    left = [Span(max(each.start, plan.now), each.end) for each in [*plan.ahead, plan.span]]
    if policy.most_minutes_ahead and _total(left) > timedelta(minutes=policy.most_minutes_ahead):
        told = _minutes(policy.most_minutes_ahead)
        yield Violation(Rule.TIME_AHEAD, f"An instance has at most {told} ahead on a backend.")
    allowed = timedelta(minutes=policy.most_minutes_per_28_days)
    if allowed and _fullest(plan) > allowed:
        told = _minutes(policy.most_minutes_per_28_days)
        yield Violation(
            Rule.TIME_PER_28_DAYS, f"An instance reserves at most {told} in any 28 days on a backend."
        )


def _fullest(plan: Plan) -> timedelta:
    """The most that is booked in any 28 days that hold some of the planned window."""
    booked = [*plan.own, plan.span]
    ends = {each.end for each in booked if plan.span.start < each.end <= plan.span.end + USAGE_WINDOW}
    return max(_total(_within(booked, Span(end - USAGE_WINDOW, end))) for end in ends)


def _within(spans: Iterable[Span], bounds: Span) -> list[Span]:
    return [
        Span(max(each.start, bounds.start), min(each.end, bounds.end)) for each in spans if each.meets(bounds)
    ]


def _total(spans: Iterable[Span]) -> timedelta:
    return sum((each.length for each in spans), timedelta())


def _calendar(plan: Plan, policy: ReservationPolicy) -> Iterator[Violation]:
    zone = ZoneInfo(policy.time_zone)
    if policy.opens_at != policy.closes_at and not _in_hours(plan.span, policy, zone):
        hours = f"{policy.opens_at:%H:%M} to {policy.closes_at:%H:%M} {policy.time_zone}"
        yield Violation(Rule.HOURS, f"A window lies within the hours {hours}.")
    if not _days(plan.span, zone) <= set(policy.weekdays):
        yield Violation(Rule.WEEKDAYS, f"The days on which time can be booked are {_named(policy.weekdays)}.")


def _in_hours(span: Span, policy: ReservationPolicy, zone: ZoneInfo) -> bool:
    """Whether it lies in one stretch of open hours, which may go past midnight."""
    today = span.start.astimezone(zone).date()
    overnight = timedelta(days=1 if policy.closes_at <= policy.opens_at else 0)
    for day in (today - overnight, today):
        opens = datetime.combine(day, policy.opens_at, zone)
        closes = datetime.combine(day + overnight, policy.closes_at, zone)
        if opens <= span.start and span.end <= closes:
            return True
    return False


def _days(span: Span, zone: ZoneInfo) -> set[int]:
    """The days of the week that it touches."""
    first = span.start.astimezone(zone).date()
    last = (span.end - timedelta(microseconds=1)).astimezone(zone).date()
    return {(first.weekday() + day) % 7 for day in range(min((last - first).days, 6) + 1)}


_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _named(weekdays: Iterable[int]) -> str:
    return ", ".join(_DAY_NAMES[day] for day in sorted(weekdays)) or "none"


def _minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join(parts + ([f"{rest} min"] if rest or not parts else []))


def _told(span: Span) -> str:
    return f"{span.start:%Y-%m-%d %H:%M:%S} to {span.end:%Y-%m-%d %H:%M:%S} UTC"
