"""The bodies of requests: every field that is wrong is told at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from rest_framework import serializers
from rest_framework.request import Request

from quantumsvc import errors
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.selectors import instance_by_crn
from quantumsvc.api import Caller, caller_of
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import WindowKind
from reservations_app.services.booking import Wish
from reservations_app.services.changing import Change
from reservations_app.services.patterns import Pattern, pattern_of
from reservations_app.services.rules import Span
from reservations_app.services.series import SeriesChange

LONGEST = timedelta(days=366)
MOST_USERS = 500
# Of every time that is given: the first year, and the first that is too late.
YEARS = (2000, 2200)


def _choice(kind: Any) -> list[str]:
    return [each.value for each in kind]


def _within_reason(at: datetime) -> datetime:
    """Years that can be counted with. Raises DRF's ValidationError for others."""
    if not YEARS[0] <= at.year < YEARS[1]:
        raise serializers.ValidationError(f"Must lie between the years {YEARS[0]} and {YEARS[1]}.")
    return at


class _Instant(serializers.DateTimeField):
    """An instant; without a zone it is in UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        return _within_reason(super().to_internal_value(value))


class _LocalTime(serializers.DateTimeField):
    """A time as the clock on the wall shows it, without a zone."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise serializers.ValidationError("Must be like 2026-11-30T08:00.") from None
        if found.tzinfo is not None:
            raise serializers.ValidationError("Goes by the clock of time_zone and names no zone of its own.")
        return _within_reason(found).replace(microsecond=0)


class _Booked(serializers.Serializer[Any]):
    """What a window and a series have in common."""

    end_policy = serializers.ChoiceField(_choice(EndPolicy), required=False)
    users = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=MOST_USERS
    )
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)
    override_reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    mode = serializers.ChoiceField(_choice(WindowMode), required=False)


class _Placed(_Booked):
    backend = serializers.CharField(max_length=100)
    instance = serializers.CharField(max_length=255, required=False)
    kind = serializers.ChoiceField(_choice(WindowKind), default=WindowKind.RESERVATION.value)


class WindowBody(_Placed):
    """``POST /reservations``: an end, or a ``duration`` in seconds; without a start it begins now."""

    start = _Instant(required=False)
    end = _Instant(required=False)
    duration = serializers.IntegerField(min_value=1, max_value=int(LONGEST.total_seconds()), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("end" in attrs) == ("duration" in attrs):
            raise serializers.ValidationError("Give either end or duration.")
        return attrs


class MoveBody(_Booked):
    """``PATCH /reservations/{id}``: what is to be different."""

    start = _Instant(required=False)
    end = _Instant(required=False)


class SeriesBody(_Placed):
    """``POST /reservation-series``: ``first`` is the first start on the clock of ``time_zone``."""

    rule = serializers.CharField(max_length=500)
    first = _LocalTime()
    time_zone = serializers.CharField(max_length=64, required=False)
    duration = serializers.IntegerField(min_value=1, max_value=int(LONGEST.total_seconds()))
    skip_taken = serializers.BooleanField(default=False)

    def validate_time_zone(self, value: str) -> str:
        if value not in available_timezones():
            raise serializers.ValidationError("There is no time zone of that name.")
        return value


class SeriesEditBody(_Booked):
    """``PATCH /reservation-series/{id}``: ``since`` names the first occurrence that changes; none: all."""

    since = _Instant(required=False)
    rule = serializers.CharField(max_length=500, required=False)
    first = _LocalTime(required=False)
    duration = serializers.IntegerField(min_value=1, max_value=int(LONGEST.total_seconds()), required=False)
    skip_taken = serializers.BooleanField(default=False)


class ReasonBody(serializers.Serializer[Any]):
    """Why something is done."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    override_reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class SkipBody(ReasonBody):
    """``POST /reservation-series/{id}/skip``: the local start of the occurrence that is left out."""

    occurrence = _LocalTime()


class FeedBody(serializers.Serializer[Any]):
    """``POST /calendar-feeds``: a backend's name, or nothing for the instance of the request."""

    backend = serializers.CharField(max_length=100, required=False)


def read(request: Request, body: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The checked fields. Raises DRF's ValidationError with all that is wrong."""
    found = body(data=request.data)
    found.is_valid(raise_exception=True)
    fields: dict[str, Any] = found.validated_data
    return fields


def backend_named(caller: Caller, name: str) -> Backend:
    """A backend that the caller may see. Raises :class:`UnknownBackend`."""
    found = Backend.objects.visible_to(caller.user).filter(name=name).first() if "\0" not in name else None
    if found is None:
        raise errors.UnknownBackend("There is no backend of that name that you may use.")
    return found


def wish_of(request: Request, fields: dict[str, Any], now: datetime) -> Wish:
    """What a booking asks for."""
    start = fields.get("start") or now
    end = fields["end"] if "end" in fields else start + timedelta(seconds=fields["duration"])
    return _wish(request, fields, Span(start, end))


def pattern(request: Request, fields: dict[str, Any], now: datetime) -> Pattern:
    """What a booking of a series asks for; times are in the caller's zone unless another one is named."""
    length = timedelta(seconds=fields["duration"])
    return pattern_of(
        _wish(request, fields, Span(now, now + length)),
        rule=fields["rule"],
        first=fields["first"],
        zone=fields.get("time_zone") or caller_of(request).user.time_zone,
        length=length,
        skip_taken=fields["skip_taken"],
    )


def _wish(request: Request, fields: dict[str, Any], span: Span) -> Wish:
    caller = caller_of(request)
    kind = WindowKind(fields["kind"])
    return Wish(
        backend=backend_named(caller, fields["backend"]),
        instance=_instance(caller, fields) if kind is WindowKind.RESERVATION else None,
        span=span,
        mode=WindowMode(fields.get("mode", WindowMode.DEDICATED)),
        kind=kind,
        end_policy=EndPolicy(fields.get("end_policy", EndPolicy.RELEASE)),
        users=users_named(caller, fields.get("users", [])),
        note=fields.get("note", ""),
        override_reason=fields.get("override_reason", ""),
    )


def _instance(caller: Caller, fields: dict[str, Any]) -> Instance:
    """The instance that the body names, else that of the request."""
    if "instance" in fields:
        return instance_by_crn(caller.user, fields["instance"])
    return caller.require_instance()


def users_named(caller: Caller, idents: list[int]) -> tuple[User, ...]:
    """Users that the caller may know of. Raises BadRequest when one is missing."""
    found = tuple(User.objects.visible_to(caller.user).filter(pk__in=idents).distinct())
    if len(found) != len(set(idents)):
        raise errors.BadRequest("users: Some of the users do not exist.")
    return found


def _shared(caller: Caller, fields: dict[str, Any]) -> dict[str, Any]:
    """What a change of a window and of a series have in common."""
    return {
        "mode": WindowMode(fields["mode"]) if "mode" in fields else None,
        "end_policy": EndPolicy(fields["end_policy"]) if "end_policy" in fields else None,
        "users": users_named(caller, fields["users"]) if "users" in fields else None,
        "note": fields.get("note"),
        "override_reason": fields.get("override_reason", ""),
    }


def change_of(request: Request, fields: dict[str, Any]) -> Change:
    """What a move asks for."""
    shared = _shared(caller_of(request), fields)
    return Change(starts_at=fields.get("start"), ends_at=fields.get("end"), **shared)


def series_change_of(request: Request, fields: dict[str, Any]) -> SeriesChange:
    """What an edit of a series asks for."""
    length = timedelta(seconds=fields["duration"]) if "duration" in fields else None
    return SeriesChange(
        rule=fields.get("rule"),
        first=fields.get("first"),
        length=length,
        skip_taken=fields["skip_taken"],
        **_shared(caller_of(request), fields),
    )


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of the calendar."""

    start: datetime
    end: datetime


def range_of(start: datetime | None, end: datetime | None, now: datetime) -> Range:
    """``start`` defaults to now, ``end`` to four weeks later. Raises BadRequest for an odd or a long one."""
    begins = start or now
    if not YEARS[0] <= begins.year < YEARS[1]:
        raise errors.BadRequest(f"start must lie between the years {YEARS[0]} and {YEARS[1]}.")
    ends = end or begins + timedelta(days=28)
    if not begins < ends <= begins + LONGEST:
        raise errors.BadRequest(f"end must be after start, and at most {LONGEST.days} days after it.")
    return Range(begins, ends)
