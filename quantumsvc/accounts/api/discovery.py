"""How a client finds its user's instances and what it is told of their plans."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quantumsvc import errors
from quantumsvc.accounts.crns import guid_of
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.plans import CatalogueEntry
from quantumsvc.wire.times import iso_z

SERVICE_NAME = "quantum-computing"
DEFAULT_LIMIT = 10
MAX_LIMIT = 1000
_TERM = re.compile(r'\b(service_name|name|crn):"?([^\s"]+)"?')


@dataclass(frozen=True)
class Search:
    """What a client searches for. ``None`` fields match everything."""

    service: str | None
    name: str | None
    crn: str | None
    offset: int
    limit: int


def read_search(body: Mapping[str, Any], limit: str) -> Search:
    """The search in a request's body and its ``limit``. Raises BadRequest.

    Of the query language of resource searches, the terms ``service_name:``, ``name:`` and ``crn:``
    narrow the answer; others are no property of an instance and are passed over.
    """
    query = body.get("query") or ""
    if not isinstance(query, str):
        raise errors.BadRequest("query must be a text.")
    terms = dict(_TERM.findall(query))
    return Search(
        service=terms.get("service_name"),
        name=terms.get("name"),
        crn=terms.get("crn"),
        offset=_read_cursor(body.get("search_cursor")),
        limit=_read_limit(limit),
    )


def write_cursor(offset: int) -> str:
    """Where the next page begins, in a form that invites nobody to calculate with it."""
    return urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _read_cursor(cursor: Any) -> int:
    if cursor is None:
        return 0
    try:
        mark, _, offset = urlsafe_b64decode(str(cursor).encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        mark = offset = ""
    if mark != "from" or not offset.isdecimal() or len(offset) > 9:
        raise errors.BadRequest("search_cursor is not one that this service gave.")
    return int(offset)


def _read_limit(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= 9 else 0
    if not 1 <= number <= MAX_LIMIT:
        raise errors.BadRequest(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return number


def search_item(instance: Instance) -> dict[str, Any]:
    """One hit. Clients pass over instances whose ``extensions`` are empty."""
    return {
        "crn": instance.crn,
        "name": instance.name,
        "service_plan_unique_id": instance.catalogue_entry.id,
        "tags": instance.tags,
        "doc": {"extensions": {"allocations": instance.usage_allocation_seconds or 1}},
    }


def catalogue_item(entry: CatalogueEntry) -> dict[str, Any]:
    """One plan; clients show the name in small letters and sort by the pricing type."""
    return {
        "id": entry.id,
        "kind": "plan",
        "name": entry.id,
        "overview_ui": {"en": {"display_name": entry.display_name}},
        "metadata": {"pricing": {"type": entry.pricing}},
    }


def resource_item(instance: Instance) -> dict[str, Any]:
    """The instance as the list of resources describes it."""
    return {
        "id": instance.crn,
        "guid": guid_of(instance.crn),
        "crn": instance.crn,
        "name": instance.name,
        "account_id": instance.account,
        "region_id": instance.region,
        "resource_plan_id": instance.catalogue_entry.id,
        "state": "active" if instance.is_active else "inactive",
        "created_at": iso_z(instance.created_at),
    }
