"""The runtime API's calls that look at all work of an instance: workloads, and the tags in use."""

from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import urlencode

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.api import (
    bool_parameter,
    caller_of,
    int_parameter,
    require_instance,
    time_parameter,
    word_parameter,
)
from quantumsvc.errors import BadRequest
from quantumsvc.openapi.operations import described, moment, number, one_of, text, yes_no
from quantumsvc.openapi.words import Instant, Seconds
from quantumsvc.wire.times import iso_z
from sessions_app.bodies import instant
from sessions_app.models import Job
from sessions_app.services.lives import settle_overdue
from sessions_app.services.workloads import (
    Mode,
    Part,
    Place,
    Question,
    Status,
    Workload,
    count_of,
    part_of,
    tags_in_use,
)

W = TypeVar("W", Mode, Status)

SORTS = {"createdAt": True, "-createdAt": False}
MOST_TAGS = 100


class UsageOfWorkload(TypedDict):
    """What it has used, and whether that is the last word."""

    qpu_charge_time_seconds: Seconds
    status: Literal["pending", "complete"]


class WorkloadBody(TypedDict):
    """A session with all its jobs, or a job in no session."""

    id: str
    mode: Literal["job", "session", "batch"]
    status: Literal["pending", "in_progress", "completed", "canceled", "failed"]
    status_reason: str | None
    created: Instant
    ended: Instant | None
    backend: str
    instance: str
    user_id: str
    accepting_jobs: bool
    tags: list[str]
    usage: UsageOfWorkload
    estimated_running_time_seconds: float | None


class Link(TypedDict):
    """The address of another part of the list, relative to the one that was asked."""

    href: str


class Workloads(TypedDict):
    """A part of the list; ``previous`` and ``next`` are null where there is nothing more."""

    workloads: list[WorkloadBody]
    total_count: int
    limit: int
    previous: Link | None
    next: Link | None


class Tags(TypedDict):
    """Tags in use, in the order of the alphabet."""

    tags: list[str]


class WorkloadsView(APIView):
    """``GET /workloads``"""

    @described(
        "List workloads",
        query=(
            one_of("sort", "By the time of creation; `-` puts the newest first.", [*SORTS]),
            number("limit", "How many at most.", minimum=1, maximum=50, default=10),
            text("next", "What the last part's `next` says."),
            text("previous", "What the last part's `previous` says."),
            one_of("user", "Only one's own.", ["me"]),
            text("backend", "Only those on the backend of this name."),
            text("search", "Only those with this text in their id or a tag."),
            one_of("status", "Only those in this state; may be repeated.", [*Status], many=True),
            one_of("mode", "Only those of this kind; may be repeated.", [*Mode], many=True),
            text("tags", "Only those that have this tag; of several, all of them.", many=True),
            moment("created_after", "Only those made then or later."),
            moment("created_before", "Only those made then or earlier."),
            yes_no("include_mocks", "Also those of dry runs."),
        ),
        answer=Workloads,
    )
    def get(self, request: Request) -> Response:
        """Sessions, and jobs that are in none, of the instance; a session stands for all its jobs."""
        now = clock.now()
        settle_overdue(now)
        asked = question_of(request)
        limit = int_parameter(request, "limit", 10, minimum=1, maximum=50)
        place, back = place_of(request)
        part = part_of(
            asked, limit=limit, now=now, oldest_first=oldest_first(request), place=place, back=back
        )
        body = {
            "workloads": [workload_body(each, asked.instance.crn) for each in part.found],
            "total_count": count_of(asked),
            "limit": limit,
            **links(request, part),
        }
        return Response(body)


def workload_body(workload: Workload, crn: str) -> dict[str, Any]:
    """One workload as the list tells it."""
    row = workload.row
    ended = row.finished_at if isinstance(row, Job) else row.closed_at
    reason = row.reason if isinstance(row, Job) else row.close_cause
    return {
        "id": row.pk,
        "mode": workload.mode.value,
        "status": workload.status.value,
        "status_reason": (reason or None) if ended else None,
        "created": iso_z(row.created_at),
        "ended": instant(ended),
        "backend": row.backend.name,
        "instance": crn,
        "user_id": str(row.user_id),
        "accepting_jobs": not isinstance(row, Job) and row.accepting_jobs,
        "tags": list(workload.tags),
        "usage": {
            "qpu_charge_time_seconds": round(workload.seconds, 6),
            "status": "complete" if ended else "pending",
        },
        "estimated_running_time_seconds": row.estimated_seconds if isinstance(row, Job) else None,
    }


def question_of(request: Request) -> Question:
    """The filters of the query. Raises BadRequest."""
    words = request.query_params
    if any("\0" in value for values in words.lists() for value in values[1]):
        raise BadRequest("The query holds a NUL character.")
    word_parameter(request, "user", ["me"])
    return Question(
        instance=require_instance(request),
        reader=caller_of(request).user,
        mine=bool(words.get("user")),
        statuses=chosen(request, "status", Status),
        modes=chosen(request, "mode", Mode),
        tags=words.getlist("tags"),
        backend=words.get("backend", ""),
        search=words.get("search", ""),
        since=time_parameter(request, "created_after"),
        until=time_parameter(request, "created_before"),
        mocks=bool(bool_parameter(request, "include_mocks")),
    )


def chosen(request: Request, name: str, known: type[W]) -> list[W]:
    """Words of the query that may be repeated. Raises BadRequest for one that is not known."""
    try:
        return [known(word) for word in request.query_params.getlist(name)]
    except ValueError:
        raise BadRequest(f"{name} must be one of {', '.join(known)}.") from None


def oldest_first(request: Request) -> bool:
    """The order of the list. Raises BadRequest."""
    return SORTS[word_parameter(request, "sort", SORTS) or "-createdAt"]


def place_of(request: Request) -> tuple[Place | None, bool]:
    """From where to read on, and whether that is backwards. Raises BadRequest."""
    after, before = (request.query_params.get(name) for name in ("next", "previous"))
    if after and before:
        raise BadRequest("Name either next or previous.")
    cursor = after or before
    try:
        return (Place.read(cursor) if cursor else None), bool(before)
    except (ValueError, OverflowError):
        raise BadRequest("next and previous must be what an answer of this call held.") from None


def links(request: Request, part: Part) -> dict[str, Any]:
    """Where the list goes on, on both sides, with the same filters."""
    found = {"previous": part.more_before, "next": part.more_after}
    if not part.found:
        return dict.fromkeys(found)
    ends = {"previous": part.found[0], "next": part.found[-1]}
    return {
        name: {"href": address(request, name, ends[name].place.cursor)} if more else None
        for name, more in found.items()
    }


def address(request: Request, name: str, cursor: str) -> str:
    """The call again, at another place."""
    kept = [
        (word, value)
        for word, values in request.query_params.lists()
        for value in values
        if word not in {"next", "previous"}
    ]
    return f"{request.path}?{urlencode([*kept, (name, cursor)])}"


class TagsInUseView(APIView):
    """``GET /tags``"""

    @described(
        "Search tags",
        query=(
            one_of("type", "Of what; there are tags of jobs only.", ["job"]),
            text("search", "A part of the tag, 3 to 100 characters; upper and lower case are the same."),
        ),
        answer=Tags,
    )
    def get(self, request: Request) -> Response:
        """Tags of the instance's jobs that hold a text, a hundred at most."""
        words = request.query_params
        word_parameter(request, "type", ["job"])
        search = words.get("search", "")
        if "\0" in search or (search and not 3 <= len(search) <= 100):
            raise BadRequest("search must have 3 to 100 characters.")
        jobs = Job.objects.visible_to(caller_of(request).user).filter(instance=require_instance(request))
        return Response({"tags": tags_in_use(jobs, search, MOST_TAGS)})
