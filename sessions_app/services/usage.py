"""What an instance has used (L17): the sums, and what its active sessions use at this moment."""

from datetime import datetime

from django.db.models import Sum

from quantumsvc.accounts.models import Instance
from quantumsvc.scheduling.states import SessionMode, SessionState
from sessions_app.models import InstanceUsage, Session


def used_seconds(instance: Instance, now: datetime) -> float:
    """Seconds charged in the rolling window on all backends; sessions must have been settled."""
    kept = InstanceUsage.objects.filter(instance=instance).aggregate(total=Sum("microseconds"))["total"]
    return (kept or 0) / 1_000_000 + _active(instance, now)


def _active(instance: Instance, now: datetime) -> float:
    active = Session.objects.filter(
        instance=instance, state=SessionState.ACTIVE.value, mode=SessionMode.DEDICATED.value
    )
    began = active.values_list("activated_at", flat=True)
    return sum((now - each).total_seconds() for each in began if each is not None)
