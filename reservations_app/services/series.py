"""Windows that recur (W8): each occurrence is a window of its own, made ahead of time.

Windows exist as far ahead as may be booked; a daily round makes those that have come into reach.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from quantumsvc import recurrence
from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.errors import BadRequest, Conflict, NotAllowed
from quantumsvc.recurrence import Occurrence
from quantumsvc.scheduling.states import WindowState
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import Series, Window, WindowCause, WindowKind
from reservations_app.services import life
from reservations_app.services.booking import (
    Place,
    Wish,
    lock_calendar,
    refuse,
    require_sound,
    take,
)
from reservations_app.services.patterns import Fit, Pattern, fit, pattern_of, reach
from reservations_app.services.policies import manages
from reservations_app.services.rules import Span

# A refusal names so many occurrences; one who must change the rule needs no more.
TOLD = 20


def book_series(pattern: Pattern, *, by: User, now: datetime) -> Series:
    """Book every occurrence within reach, or raise all that stands against it and book nothing."""
    require_sound(pattern.wish, by)
    with transaction.atomic():
        lock_calendar(pattern.wish.backend)
        series = _make(pattern, by=by, now=now, since=now)
        audit.note("series.booked", series, actor=by, now=now, after=told(series))
    return series


def _make(
    pattern: Pattern, *, by: User, now: datetime, since: datetime, without: Collection[str] = ()
) -> Series:
    before = reach(pattern.wish.backend, pattern.wish.instance, now)
    found = fit(pattern, by=by, now=now, since=since, before=before, without=without)
    refuse(list(found.broken[:TOLD]), by)
    if not found.free:
        raise BadRequest("rule: It has no occurrence in the time that can be booked.")
    skipped = [*pattern.skipped, *(each.key for each in found.taken)]
    series = _store(pattern, by, now, before, skipped)
    _take_all(series, pattern, found.free, by=by, now=now)
    return series


def _store(pattern: Pattern, by: User, now: datetime, made_until: datetime, skipped: list[str]) -> Series:
    wish = pattern.wish
    series = Series.objects.create(
        backend=wish.backend,
        instance=wish.instance,
        mode=wish.mode,
        kind=wish.kind,
        end_policy=wish.end_policy,
        note=wish.note,
        override_reason=wish.override_reason,
        rule=pattern.rule,
        time_zone=pattern.zone.key,
        starts_local=pattern.first.isoformat(),
        length_seconds=int(pattern.length.total_seconds()),
        skipped=skipped,
        created_by=by,
        created_at=now,
        made_until=made_until,
    )
    series.users.set(wish.users)
    return series


def _take_all(
    series: Series, pattern: Pattern, free: Sequence[Occurrence], *, by: User, now: datetime
) -> None:
    for each in free:
        wish = replace(pattern.wish, span=Span(each.at, each.at + pattern.length))
        take(wish, by=by, now=now, place=Place(series=series, occurrence=each.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChange:
    """What is to be different from an occurrence on; ``None`` leaves it as it is.

    ``first`` is the start, on the wall's clock, of the first occurrence that changes.
    """

    rule: str | None = None
    first: datetime | None = None
    length: timedelta | None = None
    mode: WindowMode | None = None
    end_policy: EndPolicy | None = None
    users: tuple[User, ...] | None = None
    note: str | None = None
    override_reason: str = ""
    skip_taken: bool = False


def edit(series_id: str, change: SeriesChange, *, since: datetime | None, by: User, now: datetime) -> Series:
    """Change the occurrence at ``since`` and all that follow, or all that have not begun when it is ``None``.

    The series ends there and a new one takes its place; its windows are cancelled and name their successors.
    What was moved by itself goes back into the pattern; what was cancelled by itself stays out.
    """
    with transaction.atomic():
        planned = _planned(series_id, change, since, by=by, now=now)
        old, gone = planned.old, planned.gone
        _give_up(planned.going, cause=WindowCause.MOVED, reason="series changed", by=by, now=now)
        new = _make(planned.pattern, by=by, now=now, since=now, without=gone)
        _link(gone, new)
        _end(old, planned.begins, by, successor=new)
        audit.note("series.changed", old, actor=by, now=now, before=told(old), after=told(new))
    return new


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit would do: ``going`` would be given up for the occurrences of ``pattern``."""

    old: Series
    going: Sequence[Window]
    begins: datetime
    pattern: Pattern

    @property
    def gone(self) -> list[str]:
        """The ids of what would be given up."""
        return [window.pk for window in self.going]


def _planned(
    series_id: str, change: SeriesChange, since: datetime | None, *, by: User, now: datetime
) -> Edit:
    old = _locked(series_id, by)
    going = _standing(old, since, now)
    if not going:
        raise Conflict("No occurrence is left to change.")
    begins = min(window.occurrence for window in going if window.occurrence is not None)
    pattern = _changed(old, change, begins)
    require_sound(pattern.wish, by)
    return Edit(old, going, begins, pattern)


@transaction.atomic
def try_edit(
    series_id: str, change: SeriesChange, *, since: datetime | None, by: User, now: datetime
) -> tuple[Edit, Fit]:
    """The dry run of :func:`edit`: what would go, and what could be booked in its place."""
    planned = _planned(series_id, change, since, by=by, now=now)
    before = reach(planned.old.backend, planned.old.instance, now)
    return planned, fit(planned.pattern, by=by, now=now, since=now, before=before, without=planned.gone)


def _link(gone: Sequence[str], new: Series) -> None:
    """Each window that was given up names the one that came for it, in their order."""
    came = new.windows.order_by("occurrence").values_list("pk", flat=True)
    for before, after in zip(gone, came, strict=False):
        Window.objects.filter(pk=before).update(successor=after)


def _changed(old: Series, change: SeriesChange, begins: datetime) -> Pattern:
    zone = ZoneInfo(old.time_zone)
    local = begins.astimezone(zone).replace(tzinfo=None)
    first = change.first or local
    length = change.length or timedelta(seconds=old.length_seconds)
    start = recurrence.instant_of(first, zone)
    wish = Wish(
        backend=old.backend,
        instance=old.instance,
        span=Span(start, start + length),
        mode=change.mode or WindowMode(old.mode),
        kind=WindowKind(old.kind),
        end_policy=change.end_policy or EndPolicy(old.end_policy),
        users=tuple(old.users.all()) if change.users is None else change.users,
        note=old.note if change.note is None else change.note,
        override_reason=change.override_reason or old.override_reason,
    )
    rule = change.rule or recurrence.rest_of(old.rule, old.first_start(), zone, begins)
    pattern = pattern_of(
        wish, rule=rule, first=first, zone=old.time_zone, length=length, skip_taken=change.skip_taken
    )
    return replace(pattern, skipped=_left_out(old, first))


def _left_out(old: Series, first: datetime) -> tuple[str, ...]:
    """The dates that were skipped or cancelled one by one, at the hour that the pattern has from now on."""
    zone = ZoneInfo(old.time_zone)
    cancelled = old.windows.filter(state=WindowState.CANCELLED, successor=None, occurrence__isnull=False)
    alone = cancelled.exclude(events__cause=WindowCause.MOVED)
    dates = [at.astimezone(zone).date() for at in alone.values_list("occurrence", flat=True) if at]
    dates += [datetime.fromisoformat(key).date() for key in old.skipped]
    return tuple(datetime.combine(date, first.time()).isoformat() for date in sorted(set(dates)))


def skip(series_id: str, local: datetime, *, by: User, now: datetime, reason: str = "") -> Series:
    """Leave out one date: its window is cancelled, or never made."""
    with transaction.atomic():
        series = _locked(series_id, by)
        at = recurrence.instant_of(local, ZoneInfo(series.time_zone))
        known = _known(series, at)
        if not known:
            raise BadRequest("The series has no occurrence at that time.")
        going = [window for window in _standing(series, at, now) if window.occurrence == at]
        _give_up(going, cause=WindowCause.CANCELLED, reason=reason or "skipped", by=by, now=now)
        if local.isoformat() not in series.skipped:
            series.skipped = [*series.skipped, local.isoformat()]
            series.save(update_fields=["skipped"])
        audit.note(
            "series.skipped",
            series,
            actor=by,
            now=now,
            after={"occurrence": local.isoformat()},
            reason=reason,
        )
    return series


def _known(series: Series, at: datetime) -> bool:
    zone = ZoneInfo(series.time_zone)
    day = timedelta(days=1)
    found = recurrence.occurrences(series.rule, series.first_start(), zone, since=at, before=at + day, most=1)
    return bool(found) and found[0].at == at


def end(series_id: str, *, by: User, now: datetime, reason: str = "") -> Series:
    """Cancel every occurrence that has not begun, and make no more."""
    with transaction.atomic():
        series = _locked(series_id, by)
        going = _standing(series, None, now)
        _give_up(going, cause=WindowCause.CANCELLED, reason=reason or "series ended", by=by, now=now)
        _end(series, now, by)
        audit.note("series.ended", series, actor=by, now=now, before=told(series), reason=reason)
    return series


def extend_all(now: datetime) -> int:
    """Make the windows that have come into reach; how many. What can't be booked is skipped, and noted."""
    made = 0
    for ident in Series.objects.filter(ends_before=None).values_list("pk", flat=True):
        with transaction.atomic():
            made += _extend(ident, now)
    return made


def _extend(ident: str, now: datetime) -> int:
    series = Series.objects.select_related("backend", "instance", "created_by").get(pk=ident)
    booker = series.created_by
    lock_calendar(series.backend)
    series.refresh_from_db(fields=["ends_before", "made_until", "skipped"])
    before = reach(series.backend, series.instance, now)
    if series.ends_before is not None or before <= series.made_until:
        return 0
    pattern = replace(_as_it_is(series), skip_taken=True)
    since = max(series.made_until, now)
    found = fit(pattern, by=booker, now=now, since=since, before=before)
    barred = {one.sentence.split(": ")[0] for one in found.broken}
    free = [each for each in found.free if each.key not in barred]
    _take_all(series, pattern, free, by=booker, now=now)
    missed = sorted({*barred, *(each.key for each in found.taken)})
    Series.objects.filter(pk=ident).update(made_until=before, skipped=[*series.skipped, *missed])
    if missed:
        audit.note(
            "series.skipped", series, actor=None, now=now, after={"occurrences": missed}, reason="taken"
        )
    return len(free)


def _as_it_is(series: Series) -> Pattern:
    return replace(
        _changed(
            series, SeriesChange(), recurrence.instant_of(series.first_start(), ZoneInfo(series.time_zone))
        ),
        skipped=tuple(series.skipped),
        rule=series.rule,
    )


def told(series: Series) -> dict[str, object]:
    """What the audit keeps of a series."""
    names = ("rule", "time_zone", "starts_local", "length_seconds", "mode", "kind", "end_policy", "note")
    return {"backend": series.backend.name, **audit.values(series, names)}


def _standing(series: Series, since: datetime | None, now: datetime) -> list[Window]:
    rows: QuerySet[Window] = series.windows.filter(state=WindowState.SCHEDULED, starts_at__gt=now)
    if since is not None:
        rows = rows.filter(occurrence__gte=since)
    return list(rows.order_by("occurrence"))


def _give_up(windows: Sequence[Window], *, cause: WindowCause, reason: str, by: User, now: datetime) -> None:
    for window in windows:
        life.move(
            window.pk,
            WindowState.CANCELLED,
            at=now,
            cause=cause,
            by=by,
            cancelled_at=now,
            cancelled_by=by,
            cancel_reason=reason,
        )


def _end(series: Series, at: datetime, by: User, successor: Series | None = None) -> None:
    series.ends_before, series.ended_by, series.successor = at, by, successor
    series.save(update_fields=["ends_before", "ended_by", "successor"])


def _locked(ident: str, by: User) -> Series:
    series = Series.objects.select_related("backend", "instance").get(pk=ident)
    if not manages(by, series.instance):
        raise NotAllowed("Only managers of the instance and operators may change this series.")
    lock_calendar(series.backend)
    series.refresh_from_db(fields=["ends_before", "successor", "skipped"])
    if series.ends_before is not None:
        where = f" Its successor is {series.successor_id}." if series.successor_id else ""
        raise Conflict(f"The series has ended.{where}")
    return series
