"""What an instance has used (L17): dedicated sessions by the clock, everything else by its jobs."""

from datetime import datetime, timedelta

from django.db.models import Q, Sum

from quantumsvc.accounts.models import Instance
from quantumsvc.scheduling.states import SessionMode, SessionState
from sessions_app.models import Job, Session

WINDOW = timedelta(days=28)


def used_seconds(instance: Instance, now: datetime) -> float:
    """Seconds charged to the instance for what began in the last 28 days; sessions must be settled."""
    since = now - WINDOW
    return _by_jobs(instance, since) + _by_sessions(instance, since, now)


def _by_jobs(instance: Instance, since: datetime) -> float:
    outside = Q(session__isnull=True) | Q(session__mode=SessionMode.BATCH.value)
    jobs = Job.objects.filter(outside, instance=instance, created_at__gte=since)
    return float(jobs.aggregate(total=Sum("quantum_seconds"))["total"] or 0.0)


def _by_sessions(instance: Instance, since: datetime, now: datetime) -> float:
    sessions = Session.objects.filter(
        instance=instance, mode=SessionMode.DEDICATED.value, started_at__gte=since
    )
    past = float(sessions.aggregate(total=Sum("active_seconds"))["total"] or 0.0)
    active = sessions.filter(state=SessionState.ACTIVE.value).values_list("activated_at", flat=True)
    return past + sum((now - began).total_seconds() for began in active if began is not None)
