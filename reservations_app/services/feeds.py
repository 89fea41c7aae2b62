"""Secret addresses of calendars."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from reservations_app.models import CalendarFeed


def rotate(
    *, user: User, instance: Instance | None = None, backend: Backend | None = None, now: datetime
) -> str:
    """A new secret for the user's calendar of an instance or of a backend; the old address is useless.

    It is told this once and not stored.
    """
    if (instance is None) == (backend is None):
        raise BadRequest("A calendar is of an instance or of a backend.")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        CalendarFeed.objects.filter(user=user, instance=instance, backend=backend).delete()
        feed = CalendarFeed.objects.create(
            user=user, instance=instance, backend=backend, digest=_digest(secret), created_at=now
        )
        audit.note("feed.rotated", feed, actor=user, now=now)
    return secret


def withdraw(feed: CalendarFeed, *, now: datetime, by: User | None = None, reason: str = "") -> None:
    """Make the address useless. ``by`` is its owner if nobody is named."""
    with transaction.atomic():
        audit.note("feed.withdrawn", feed, actor=by or feed.user, now=now, reason=reason)
        feed.delete()


def feed_at(secret: str) -> CalendarFeed | None:
    """The feed with this secret, while its owner may use the service."""
    rows = CalendarFeed.objects.filter(digest=_digest(secret), user__is_active=True)
    return rows.select_related("user", "instance", "backend").first()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
