"""The calls with which a client starts: find the instances, read the plans."""

from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import errors
from quantumsvc.accounts.api import discovery, shapes
from quantumsvc.accounts.callers import caller_of
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.plans import CATALOGUE
from quantumsvc.accounts.selectors import instance_by_crn, instances_by_preference
from quantumsvc.openapi.operations import described, number, text


class ResourceSearch(APIView):
    """``POST /v3/resources/search``: the caller's instances, the preferred first, archived ones last."""

    @described(
        "Search instances",
        body=shapes.Search,
        query=(number("limit", "How many at most.", minimum=1, maximum=discovery.MAX_LIMIT, default=10),),
        answer=shapes.Hits,
        without_instance=True,
    )
    def post(self, request: Request) -> Response:
        limit = request.query_params.get("limit") or str(discovery.DEFAULT_LIMIT)
        body = request.data if isinstance(request.data, dict) else {}
        search = discovery.read_search(body, limit)
        found = self._instances(request, search)
        answer: dict[str, Any] = {
            "items": list(map(discovery.search_item, found[: search.limit])),
            "limit": search.limit,
        }
        if len(found) > search.limit:
            answer["search_cursor"] = discovery.write_cursor(search.offset + search.limit)
        return Response(answer)

    def _instances(self, request: Request, search: discovery.Search) -> list[Instance]:
        """The page and one more, which tells that there is another page."""
        if search.service not in {None, discovery.SERVICE_NAME}:
            return []
        wanted = {field: value for field, value in (("name", search.name), ("crn", search.crn)) if value}
        instances = instances_by_preference(caller_of(request).user).filter(**wanted)
        return list(instances[search.offset : search.offset + search.limit + 1])


class CatalogueItem(APIView):
    """``GET /{plan_id}``: a plan. Plans are no secret, and one client or another asks without a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @described("Read a plan", answer=shapes.CataloguePlan, open_to_all=True)
    def get(self, request: Request, plan_id: str) -> Response:
        entry = CATALOGUE.get(plan_id)
        if entry is None:
            raise errors.NotFound("There is no such plan.")
        return Response(discovery.catalogue_item(entry))


class ResourceList(APIView):
    """``GET /v2/resource_instances?name=``: the caller's instances of that name, or all."""

    @described(
        "List instances",
        query=(text("name", "Only those of this name."),),
        answer=shapes.Resources,
        without_instance=True,
    )
    def get(self, request: Request) -> Response:
        instances = instances_by_preference(caller_of(request).user)
        if name := request.query_params.get("name"):
            instances = instances.filter(name=name)
        resources = list(map(discovery.resource_item, instances[: discovery.MAX_LIMIT]))
        return Response({"rows_count": len(resources), "next_url": None, "resources": resources})


class ResourceItem(APIView):
    """``GET /v2/resource_instances/{crn}``: one of them."""

    @described("Read an instance by its CRN", answer=shapes.Resource, without_instance=True)
    def get(self, request: Request, crn: str) -> Response:
        return Response(discovery.resource_item(instance_by_crn(caller_of(request).user, crn)))
