"""What a window would delay, in sentences, before it is booked (E2)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from django.utils.timezone import localtime

from reservations_app.impact import impact_of
from reservations_app.services.booking import Wish
from reservations_app.services.rules import Violation
from sessions_app.services.delays import Delay, Delays

MAY, MAY_NOT = "You may override this.", "This holds for everybody."
# So many jobs are named, and so many windows of a series are run forward.
SHOWN = 20


def told(broken: Sequence[Violation]) -> list[str]:
    """The broken rules in sentences, with what an operator can do about each."""
    if not broken:
        return ["Nothing speaks against it."]
    return [f"{each.sentence} {MAY if each.rule.overridable else MAY_NOT}" for each in broken]


def foretold(
    broken: Sequence[Violation], wishes: Sequence[Wish], *, now: datetime, without: Collection[str] = ()
) -> list[str]:
    """The broken rules, and unless the time can't be had, what the windows would do to the present queue."""
    lines = told(broken)
    if wishes and all(each.rule.overridable for each in broken):
        lines += _sentences(impact_of(wishes[:SHOWN], now=now, without=without))
    return lines


def _sentences(found: Delays) -> Iterator[str]:
    if found.stopped:
        yield f"Job {found.stopped.job} would be stopped at {_clock(found.stopped.at)}."
    if found.paused:
        yield f"Session {found.paused.session} would be paused at {_clock(found.paused.at)}."
    yield from (f"A calibration would slip: {_course(each)}." for each in found.calibrations)
    if not found.later:
        yield "No waiting job would start later."
    yield from (f"Job {each.job} would start later: {_course(each)}." for each in found.later[:SHOWN])
    if len(found.later) > SHOWN:
        yield f"{len(found.later) - SHOWN} more jobs would start later."
    if found.sooner:
        yield f"Waiting jobs that would start sooner: {len(found.sooner)}."
    if found.is_cut:
        yield "The queue is long: only its oldest jobs were looked at."


def _course(delay: Delay) -> str:
    by = "" if delay.seconds is None else f", by {delay.seconds:.0f} s"
    return f"{_clock(delay.before)} becomes {_clock(delay.after)}{by}"


def _clock(instant: datetime | None) -> str:
    return f"{localtime(instant):%Y-%m-%d %H:%M:%S}" if instant else "at a time that can't be foreseen"
