"""The runtime API's calls about what an instance may use, and what it has used."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.limits import LimitChange, change_limits
from quantumsvc.accounts.models import Instance
from quantumsvc.api import (
    bool_parameter,
    caller_of,
    chosen_order,
    listed,
    page_of,
    require_instance,
    require_manager,
    time_parameter,
    word_parameter,
)
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from quantumsvc.openapi.operations import described, moment, one_of, paged, sortable, text, yes_no
from quantumsvc.wire.envelope import read
from quantumsvc.wire.times import iso_z
from sessions_app.models import LedgerLine
from sessions_app.models.usage import ChargeKind
from sessions_app.services.analytics import Grouping, Question, Sort, Summary, summaries, total
from sessions_app.services.ledger import WINDOW
from sessions_app.services.limits import standing_of
from sessions_app.services.lives import settle_overdue
from sessions_app.shapes import usage as shapes

KINDS = [each.value for each in ChargeKind]
LEDGER_ORDERS = {"charged_at": ("at", "id"), "seconds": ("microseconds", "id")}
MAX_SPAN = timedelta(days=400)
QUESTION = (
    moment("interval_start", "From when on; 28 days before the end if left out."),
    moment("interval_end", "Until when; now if left out."),
    text("backend", "Only charges of backends of these names.", many=True),
    text("user_id", "Only charges of these users.", many=True),
    yes_no("simulators", "Also charges of simulators; true if left out."),
)
GROUPINGS = [each.value for each in Grouping]
GROUPED = one_of("group_by", "By what; instance if left out.", GROUPINGS)


class InstanceView(APIView):
    """``GET /instance``"""

    @described("Read the instance", answer=shapes.InstanceDescription)
    def get(self, request: Request) -> Response:
        """The instance's plan, backends and limits; limits that don't exist are null."""
        instance = require_instance(request)
        names = Backend.objects.usable_by(instance).order_by("name").values_list("name", flat=True)
        return Response(
            {
                "instance_id": instance.crn,
                "name": instance.name,
                "plan_id": instance.catalogue_entry.id,
                "backends": list(names),
                "instance_limit_seconds": instance.usage_limit_seconds,
                "usage_allocation_seconds": instance.usage_allocation_seconds,
                **limits_body(instance),
            }
        )


def limits_body(instance: Instance) -> dict[str, Any]:
    """The limits of an instance as its configuration names them; seconds in 28 days, and numbers."""
    return {
        "instance_limit": instance.usage_limit_seconds,
        "over_limit": instance.over_limit,
        "max_pending_jobs": instance.max_pending_jobs,
        "max_open_sessions": instance.max_open_sessions,
    }


class InstanceConfigurationView(APIView):
    """``/instances/configuration``"""

    @described("Read the limits", answer=shapes.InstanceConfiguration)
    def get(self, request: Request) -> Response:
        """The limits, and where the instance stands with its time."""
        instance, now = require_instance(request), clock.now()
        settle_overdue(now)
        standing = standing_of(instance, now)
        resumes = iso_z(standing.resumes_at) if standing.resumes_at else None
        return Response(
            {
                **limits_body(instance),
                "usage_consumed_seconds": round(standing.used, 6),
                "usage_remaining_seconds": None if standing.left is None else round(standing.left, 6),
                "resumes_at": resumes,
            }
        )

    @described("Change the limits", body=LimitChange, status=204, refuses=(1409,))
    def put(self, request: Request) -> HttpResponse:
        """Change the limits that the body names; null takes one away.

        A manager may change ``instance_limit``, up to the allocation, and ``over_limit``; the rest
        is the operator's.
        """
        instance = require_manager(request)
        change = read(request._request.body, LimitChange)
        change_limits(instance=instance, change=change, actor=caller_of(request).user, now=clock.now())
        return HttpResponse(status=204)


class LedgerView(APIView):
    """``GET /instances/ledger``"""

    @described(
        "Read the ledger",
        query=(
            *paged(50),
            one_of("kind", "Only charges for this.", KINDS),
            text("backend", "Only charges of the backend of this name."),
            text("session_id", "Only charges of this session."),
            moment("charged_after", "Only charges made then or later."),
            moment("charged_before", "Only charges made then or earlier."),
            sortable(*LEDGER_ORDERS),
        ),
        answer=shapes.Ledger,
    )
    def get(self, request: Request) -> Response:
        """The instance's charges, the newest first."""
        settle_overdue(clock.now())
        page = page_of(request, default=50)
        rows = chosen_order(request, _asked_of_ledger(request), LEDGER_ORDERS)
        part = page.of(rows.select_related("backend").defer("backend__configuration"))
        found = [line_body(line) for line in part.rows]
        return Response(listed("lines", found, rows.count(), page, part))


def _asked_of_ledger(request: Request) -> QuerySet[LedgerLine]:
    visible = LedgerLine.objects.visible_to(caller_of(request).user)
    words = {
        "kind": word_parameter(request, "kind", KINDS),
        "backend__name": request.query_params.get("backend", "").replace("\0", ""),
        "session_id": request.query_params.get("session_id", "").replace("\0", ""),
        "at__gte": time_parameter(request, "charged_after"),
        "at__lte": time_parameter(request, "charged_before"),
    }
    return visible.filter(
        instance=require_instance(request), **{name: value for name, value in words.items() if value}
    )


def line_body(line: LedgerLine) -> dict[str, Any]:
    """One charge; ``subject`` is the id of what was paid for."""
    return {
        "id": line.pk,
        "kind": line.kind,
        "subject": line.subject,
        "session_id": line.session_id or None,
        "backend": line.backend.name,
        "user_id": str(line.user_id),
        "since": iso_z(line.since),
        "charged_at": iso_z(line.at),
        "seconds": line.seconds,
    }


class AnalyticsView(APIView):
    """``GET /analytics/usage``"""

    @described("Add up the usage", query=QUESTION, answer=shapes.UsageNumbers)
    def get(self, request: Request) -> Response:
        """The charges of an interval, added up; amounts in milliseconds."""
        return Response(numbers_of(total(question_of(request))))


class GroupedAnalyticsView(APIView):
    """``GET /analytics/usage_grouped``"""

    @described("Add up the usage by group", query=(*QUESTION, GROUPED), answer=shapes.UsageByGroup)
    def get(self, request: Request) -> Response:
        """The same by ``group_by``: instance, backend, user_id or plan."""
        found = summaries(question_of(request), grouping_of(request))
        return Response({"data": [{"key": each.key, **numbers_of(each)} for each in found]})


class DailyAnalyticsView(APIView):
    """``GET /analytics/usage_grouped_by_date``"""

    @described("Add up the usage by day", query=(*QUESTION, GROUPED), answer=shapes.UsageByDay)
    def get(self, request: Request) -> Response:
        """The same by day, in UTC."""
        asked = question_of(request)
        found = summaries(asked, grouping_of(request), by_day=True)
        return Response(
            {
                "interval_start": iso_z(asked.since),
                "interval_end": iso_z(asked.until),
                "data": [day_body(each) for each in found],
            }
        )


def day_body(summary: Summary) -> dict[str, Any]:
    """One group's day."""
    assert summary.day is not None
    ends = summary.day + timedelta(days=1)
    interval = {"interval_start": iso_z(summary.day), "interval_end": iso_z(ends)}
    return {"key": summary.key, **interval, **numbers_of(summary)}


class AnalyticsFiltersView(APIView):
    """``GET /analytics/filters``"""

    @described("List what to filter by", answer=shapes.UsageFilters)
    def get(self, request: Request) -> Response:
        """What there is to filter by: whatever has a line in the ledger."""
        instance = require_instance(request)
        lines = LedgerLine.objects.visible_to(caller_of(request).user).filter(instance=instance).order_by()
        backends = lines.values_list("backend__name", flat=True).distinct()
        users = lines.values_list("user_id", flat=True).distinct()
        return Response(
            {
                "backends": [{"name": name} for name in sorted(backends)],
                "instances": [{"id": instance.crn, "deleted": not instance.is_active}],
                "users": [{"id": str(ident)} for ident in sorted(users)],
                "plans": [{"name": instance.plan}],
                "subscriptions": [],
            }
        )


def question_of(request: Request) -> Question:
    """What a request asks of the ledger; the last 28 days when it names no interval."""
    now = clock.now()
    settle_overdue(now)
    until = time_parameter(request, "interval_end") or now
    since = time_parameter(request, "interval_start") or until - WINDOW
    if not timedelta() < until - since <= MAX_SPAN:
        raise BadRequest(f"interval_end must come after interval_start, within {MAX_SPAN.days} days.")
    words = request.query_params
    return Question(
        instance=require_instance(request),
        since=since,
        until=until,
        backends=[name for name in words.getlist("backend") if "\0" not in name],
        users=user_ids(words.getlist("user_id")),
        simulators=bool_parameter(request, "simulators") is not False,
    )


def user_ids(texts: list[str]) -> list[int]:
    """The numbers of users. Raises BadRequest."""
    if not all(text.isascii() and text.isdecimal() and len(text) < 16 for text in texts):
        raise BadRequest("user_id must be a whole number.")
    return [int(text) for text in texts]


def grouping_of(request: Request) -> Grouping:
    """``group_by`` of the query, ``instance`` when it is left out. Raises BadRequest."""
    return Grouping(word_parameter(request, "group_by", GROUPINGS) or Grouping.INSTANCE)


# Under which names the sums of which sorts are told.
_NAMED: dict[str, tuple[Sort, ...]] = {
    "sessions": (Sort.DEDICATED, Sort.BATCH),
    "batch_sessions": (Sort.BATCH,),
    "dedicated_sessions": (Sort.DEDICATED,),
    "individual_jobs": (Sort.INDIVIDUAL,),
    "reservations": (Sort.RESERVATION,),
}


def numbers_of(summary: Summary) -> dict[str, Any]:
    """Counts, and amounts in milliseconds; ``jobs`` are those that paid for themselves."""
    everything = summary.of()
    told: dict[str, Any] = {"usage": everything.microseconds / 1000, "jobs": everything.jobs}
    for name, sorts in _NAMED.items():
        part = summary.of(*sorts)
        told |= {
            name: part.units,
            f"{name}_usage": part.microseconds / 1000,
            f"avg_{name}_usage": round(part.microseconds / 1000 / part.units, 3) if part.units else 0,
            f"max_{name}_usage": part.most / 1000,
        }
    return told
