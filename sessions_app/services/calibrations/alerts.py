"""Alerts that somebody has seen."""

from datetime import datetime

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.errors import Conflict
from sessions_app.models import BackendAlert


@transaction.atomic
def note_seen(*, alert: BackendAlert, by: User, now: datetime) -> None:
    """Take an alert off those that wait for somebody. Raises :class:`Conflict` the second time."""
    fresh = BackendAlert.objects.filter(pk=alert.pk, seen_at__isnull=True)
    if not fresh.update(seen_at=now, seen_by=by):
        raise Conflict("The alert has been seen already.")
    alert.seen_at, alert.seen_by = now, by
    audit.note("alert.seen", alert, actor=by, now=now)
