"""The runtime API's calls about the interface itself and about accounts."""

from collections import defaultdict
from typing import Any, Literal, TypedDict

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc.accounts.models import Instance
from quantumsvc.api import caller_of
from quantumsvc.backends.models import Backend
from quantumsvc.errors import NotFound
from quantumsvc.openapi.operations import described, text
from quantumsvc.wire.versions import VERSIONS, ApiVersion


class Version(TypedDict):
    """A version of the interface, as ``IBM-API-Version`` names it."""

    version: str
    status: Literal["live", "deprecated"]
    sunset_date: str | None


class Versions(TypedDict):
    """The versions that are answered, the newest first."""

    versions: list[Version]


class Plan(TypedDict):
    """What the instances of one plan may use together; null is without limit. Times are seconds."""

    plan_id: str
    subscription_id: str | None
    subscription_name: str | None
    backends: list[str]
    usage_allocation_seconds: int | None
    usage_limit_seconds: int | None
    unallocated_usage_seconds: int | None
    max_ttl: int | None
    active_ttl: int | None
    interactive_ttl: int | None
    start_time: str | None
    end_time: str | None
    functions: list[str]


class Account(TypedDict):
    """The plans of an account."""

    plans: list[Plan]


class VersionsView(APIView):
    """``GET /versions``"""

    authentication_classes = ()
    permission_classes = ()

    @described("List the versions of the interface", answer=Versions, open_to_all=True)
    def get(self, request: Request) -> Response:
        """What ``IBM-API-Version`` may say; a client that says nothing counts as older than all of them."""
        return Response({"versions": [version_body(each) for each in reversed(VERSIONS)]})


def version_body(version: ApiVersion) -> dict[str, Any]:
    """One version; none is going to end."""
    return {"version": version.name, "status": version.status, "sunset_date": None}


class AccountView(APIView):
    """``GET /accounts/{id}``"""

    @described(
        "Read an account's plans",
        query=(text("plan_id", "Only this plan."),),
        answer=Account,
        without_instance=True,
    )
    def get(self, request: Request, ident: str) -> Response:
        """By plan, what those instances of the account may use that the caller can see."""
        rows = Instance.objects.visible_to(caller_of(request).user).filter(is_active=True)
        found = list(rows.filter(account=ident).order_by("pk")) if "\0" not in ident else []
        if not found:
            raise NotFound("There is no such account.")
        plans: defaultdict[str, list[Instance]] = defaultdict(list)
        for each in found:
            plans[each.catalogue_entry.id].append(each)
        wanted = request.query_params.get("plan_id")
        return Response(
            {"plans": [plan_body(ident, plans[ident]) for ident in sorted(plans) if wanted in (None, ident)]}
        )


def plan_body(ident: str, instances: list[Instance]) -> dict[str, Any]:
    """What the instances may use together; sessions as long as on the backend where they may be longest."""
    rows = Backend.objects.none()
    for each in instances:
        rows |= Backend.objects.usable_by(each)
    backends = list(rows.distinct().order_by("name").defer("configuration"))
    longest = max((each.session_max_ttl for each in backends), default=None)
    allocated = together([each.usage_allocation_seconds for each in instances])
    limit = together([each.usage_limit_seconds for each in instances])
    given = None if allocated is None or limit is None else max(allocated - limit, 0)
    return {
        "plan_id": ident,
        "subscription_id": None,
        "subscription_name": None,
        "backends": [each.name for each in backends],
        "usage_allocation_seconds": allocated,
        "usage_limit_seconds": limit,
        "unallocated_usage_seconds": given,
        "max_ttl": longest,
        "active_ttl": longest,
        "interactive_ttl": max((each.dedicated_interactive_ttl for each in backends), default=None),
        "start_time": None,
        "end_time": None,
        "functions": [],
    }


def together(limits: list[int | None]) -> int | None:
    """The sum; without limit if one of them is."""
    known = [each for each in limits if each is not None]
    return sum(known) if len(known) == len(limits) else None
