"""What the answers about notifications hold."""

from typing import Literal, NotRequired, TypedDict

from quantumsvc.openapi.words import Instant


class Subscription(TypedDict):
    """What somebody wants to be told of, and where."""

    id: str
    of: Literal["user", "instance"]
    channel: Literal["mail", "webhook"]
    address: str
    kinds: list[str]
    active: bool
    created_at: Instant


class SubscriptionMade(Subscription):
    """A webhook's holds the secret that signs what is sent, this once."""

    secret: NotRequired[str]


class Subscriptions(TypedDict):
    """A part of the subscriptions that the caller may see."""

    subscriptions: list[Subscription]
    count: int
    limit: int
    offset: int
    next: str | None


class TestSent(TypedDict):
    """A test is on its way."""

    delivery: str


class Delivery(TypedDict):
    """How one notice got there; ``status`` is what the receiver answered."""

    id: str
    type: str
    subject: str
    message: str
    at: Instant
    state: Literal["pending", "sent", "failed"]
    attempts: int
    tried_at: Instant | None
    next_at: Instant | None
    status: int | None
    error: str | None


class Deliveries(TypedDict):
    """A part of the log."""

    deliveries: list[Delivery]
    count: int
    limit: int
    offset: int
    next: str | None
