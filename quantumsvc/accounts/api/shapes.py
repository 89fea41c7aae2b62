"""What the calls with which clients start take and answer."""

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta, Struct

from quantumsvc.openapi.words import Instant


class TokenRequest(TypedDict):
    """A form with an API key."""

    grant_type: Literal["urn:ibm:params:oauth:grant-type:apikey"]
    apikey: str


class Token(TypedDict):
    """An access token; its times are in seconds, ``expiration`` since 1970."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    expiration: int
    scope: str


class TokenRefusal(TypedDict):
    """Why there is no token."""

    errorCode: str
    errorMessage: str
    context: dict[str, Any]


class Search(Struct, omit_defaults=True):
    """A search; of its language, ``service_name:``, ``name:`` and ``crn:`` narrow the answer."""

    query: str | None = None
    fields: list[str] | None = None
    search_cursor: str | None = None


class Extensions(TypedDict):
    """What clients look for to see that the instance is there."""

    allocations: int


class InstanceDocument(TypedDict):
    """More about a hit."""

    extensions: Extensions


class InstanceHit(TypedDict):
    """One instance that was found."""

    crn: str
    name: str
    service_plan_unique_id: str
    tags: list[str]
    doc: InstanceDocument


class _Hits(TypedDict):
    items: list[InstanceHit]
    limit: int


class Hits(_Hits, total=False):
    """Instances that were found; ``search_cursor`` where there are more."""

    search_cursor: str


class CataloguePlan(TypedDict):
    """One plan of the catalogue."""

    id: str
    kind: Literal["plan"]
    name: str
    overview_ui: dict[str, Any]
    metadata: dict[str, Any]


class Resource(TypedDict):
    """An instance as the list of resources describes it."""

    id: str
    guid: str
    crn: str
    name: str
    account_id: str
    region_id: str
    resource_plan_id: str
    state: Literal["active", "inactive"]
    created_at: Instant


class Resources(TypedDict):
    """The caller's instances."""

    rows_count: int
    next_url: str | None
    resources: list[Resource]


class OldLogin(TypedDict):
    """An API key."""

    apiToken: Annotated[str, Meta(description="the API key")]


class OldToken(TypedDict):
    """An access token for old clients, and for how many seconds it holds."""

    id: str
    ttl: int
    created: Instant
    userId: str


class OldRefusal(TypedDict):
    """What went wrong."""

    statusCode: int
    name: str
    message: str
    code: str


class OldError(TypedDict):
    """Errors as old clients read them."""

    error: OldRefusal


class OldServices(TypedDict):
    """Where the runtime API is."""

    runtime: str


class OldAddresses(TypedDict):
    """Where the services are."""

    http: str
    ws: str
    services: OldServices


class OldUser(TypedDict):
    """Who the caller is, and where the services are."""

    id: str
    urls: OldAddresses
