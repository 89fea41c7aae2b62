"""Where there is room: the free time of a backend."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.models import ReservationPolicy
from reservations_app.services.booking import Wish
from reservations_app.services.booking import plan as booking_plan
from reservations_app.services.rules import Span, violations

# In a free stretch, starts are tried this far apart until the rules allow one, and so many in all.
_STEP = timedelta(minutes=15)
_TRIED = 20_000


def gaps(taken: Iterable[Span], within: Span) -> Iterator[Span]:
    """The stretches of ``within`` that none of ``taken`` meets, in order."""
    start = within.start
    for each in sorted(taken, key=lambda span: span.start):
        if start < each.start:
            yield Span(start, min(each.start, within.end))
        start = max(start, each.end)
        if start >= within.end:
            return
    if start < within.end:
        yield Span(start, within.end)


def free_slots(
    backend: Backend,
    instance: Instance | None,
    length: timedelta,
    within: Span,
    *,
    by: User,
    now: datetime,
    most: int,
) -> list[Span]:
    """The earliest time of that length in each free stretch, as far as the rules allow; at most ``most``."""
    bounds = Span(max(within.start, now), within.end)
    if bounds.start >= bounds.end:
        return []
    plan = booking_plan(Wish(backend=backend, instance=instance, span=bounds), by=by, now=now)
    slots = (
        next(
            (slot for slot in _slots(gap, length, plan.policy) if not violations(replace(plan, span=slot))),
            None,
        )
        for gap in gaps(plan.taken, bounds)
    )
    return list(islice((slot for slot in slots if slot is not None), most))


def _slots(gap: Span, length: timedelta, policy: ReservationPolicy | None) -> Iterator[Span]:
    """What to try in a gap: its beginning, then every quarter of an hour; on the policy's grid."""
    grid = timedelta(minutes=policy.granularity_minutes if policy else 0)
    buffer = timedelta(minutes=policy.buffer_minutes if policy else 0)
    zone = ZoneInfo(policy.time_zone if policy else "UTC")
    for start in (gap.start, gap.start + buffer):
        first = _rounded(start, grid, zone)
        if first + length <= gap.end:
            yield Span(first, first + length)
    step = max(grid, _STEP)
    start = _rounded(gap.start, step, zone)
    for _ in range(_TRIED):
        if start + length > gap.end:
            return
        yield Span(start, start + length)
        start += step


def _rounded(instant: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    """The next instant on the grid that begins at midnight."""
    if not step:
        return instant
    local = instant.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    return midnight - (midnight - instant) // step * step
