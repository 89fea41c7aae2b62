"""Addresses of the control plane, below the root of the host. None ends with a slash.

The catalogue's entries are found in three places, because clients derive the address in as many ways:
below a host of its own, below that host's ``api/v1``, and below ``catalog`` of this one.
"""

from django.urls import path, re_path

from quantumsvc.accounts.api.tokens import exchange_token
from quantumsvc.accounts.api.views import CatalogueItem, ResourceItem, ResourceList, ResourceSearch

plan = CatalogueItem.as_view()

urlpatterns = [
    path("identity/token", exchange_token, name="identity-token"),
    path("v3/resources/search", ResourceSearch.as_view(), name="resource-search"),
    path("v2/resource_instances", ResourceList.as_view(), name="resource-list"),
    path("v2/resource_instances/<path:crn>", ResourceItem.as_view(), name="resource-item"),
    path("catalog/<str:plan_id>", plan, name="catalogue-item"),
    re_path(r"^(?:api/v1/)?(?P<plan_id>plan-[^/]*)$", plan, name="catalogue-item-of-host"),
]
