"""What an instance may use (S10): time in the rolling window, waiting and running jobs, open sessions.

An instance that has used up its time keeps its place: its jobs are accepted and wait until enough of
what was used has left the window. With ``over_limit`` set to ``refuse``, and at the limits of jobs and
sessions, a submission is refused with the time to come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from django.db.models import Sum

from quantumsvc.accounts.models import Instance, OverLimit
from quantumsvc.errors import LimitReached, TooManyPending
from quantumsvc.scheduling.states import PENDING_JOB_STATES, SessionMode, SessionState
from quantumsvc.statements import Statement, run
from sessions_app.models import Job, Session, UsageBucket
from sessions_app.services.ledger import WINDOW
from sessions_app.services.usage import OPEN_CHARGES, Use, use_of

# When one of the instance's jobs or sessions ends can't be known; clients look again after a minute.
LOOK_AGAIN = 60
# Whether the instance ``i`` has used what it may, with what runs counted from its start (F4). Takes the time.
IS_OVER = f"""(i.usage_limit_seconds IS NOT NULL AND i.usage_limit_seconds * 1000000::numeric <= (
    SELECT coalesce(sum(b.microseconds), 0) FROM sessions_app_instanceusage b WHERE b.instance_id = i.id
) + (
    SELECT coalesce(sum(greatest(extract(epoch FROM %s::timestamptz - o.since), 0)), 0) * 1000000
    FROM ({OPEN_CHARGES}) o WHERE o.instance_id = i.id
))"""
_OVER = f"SELECT i.id FROM accounts_instance i WHERE {IS_OVER}"


# Of instances that have used up their time: when they have time again, if that is known.
Resumptions = Mapping[int, datetime | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an instance stands with its time. ``resumes_at`` is set while it has used up its limit.

    It is when its jobs may start again if nothing more is charged until then; None when that can't be
    known because what is being used at the moment is too much by itself.
    """

    used: float
    limit: int | None
    resumes_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Nothing is left."""
        return self.limit is not None and self.used >= self.limit

    @property
    def left(self) -> float | None:
        """Seconds left; None without a limit."""
        return None if self.limit is None else max(self.limit - self.used, 0.0)


def standing_of(instance: Instance, now: datetime, use: Use | None = None) -> Standing:
    """Where it stands, with its ``use`` if that is known already; sessions must have been settled."""
    used = (use or use_of(instance, now)).total(now)
    standing = Standing(used, instance.usage_limit_seconds)
    if not standing.is_over:
        return standing
    return Standing(standing.used, standing.limit, _resumes_at(instance, standing, now))


def _resumes_at(instance: Instance, standing: Standing, now: datetime) -> datetime | None:
    """Use leaves the window by the hour in which it was charged, the oldest first."""
    assert standing.limit is not None
    left = standing.used
    hours = UsageBucket.objects.filter(instance=instance, hour__gt=now - WINDOW).order_by("hour")
    for hour, amount in hours.values_list("hour").annotate(total=Sum("microseconds")):
        left -= amount / 1_000_000
        if left < standing.limit:
            at: datetime = hour + WINDOW
            return at
    return None


def over_limit(now: datetime) -> Resumptions:
    """The instances that have used up their time, as decisions see it, and when they have time again."""
    idents = [row[0] for row in run(Statement(_OVER, [now]))[0]]
    over = Instance.objects.filter(pk__in=idents) if idents else ()
    return {each.pk: standing_of(each, now).resumes_at for each in over}


def must_give_way(session: Session, now: datetime) -> bool:
    """Whether an active session that runs nothing must leave its backend because the time is used up."""
    pays = session.state == SessionState.ACTIVE and session.mode == SessionMode.DEDICATED
    return pays and session.instance_id in over_limit(now)


def check_job(instance: Instance, now: datetime) -> None:
    """Whether the instance may submit one more job. Call inside the transaction that stores it.

    Raises :class:`LimitReached` or :class:`TooManyPending`.
    """
    if instance.over_limit == OverLimit.REFUSE:
        _refuse_without_time(instance, now)
    if instance.max_pending_jobs is None:
        return
    _one_at_a_time(instance)
    # One count for each state, so that each finds its index.
    pending = sum(
        Job.objects.filter(instance=instance, state=each.value).count() for each in PENDING_JOB_STATES
    )
    if pending >= instance.max_pending_jobs:
        raise TooManyPending(
            f"The instance has {pending} jobs that wait or run, the most it may have.",
            solution="Wait for one to end, or cancel one.",
            retry_after=LOOK_AGAIN,
        )


def check_session(instance: Instance, now: datetime) -> None:
    """The same for one more session."""
    if instance.over_limit == OverLimit.REFUSE:
        _refuse_without_time(instance, now)
    if instance.max_open_sessions is None:
        return
    _one_at_a_time(instance)
    count = Session.objects.filter(instance=instance).exclude(state=SessionState.CLOSED.value).count()
    if count >= instance.max_open_sessions:
        raise TooManyPending(
            f"The instance has {count} sessions that are not closed, the most it may have.",
            solution="Close one.",
            code=10013,
            retry_after=LOOK_AGAIN,
        )


def _refuse_without_time(instance: Instance, now: datetime) -> None:
    standing = standing_of(instance, now)
    if not standing.is_over:
        return
    wait = None if standing.resumes_at is None else ceil((standing.resumes_at - now).total_seconds())
    when = f" It has time again at {standing.resumes_at:%Y-%m-%d %H:%M} UTC." if standing.resumes_at else ""
    raise LimitReached(
        f"The instance has used all of the {standing.limit} seconds that it may use in 28 days.{when}",
        solution="Ask an operator for a higher limit, or wait.",
        retry_after=wait,
    )


def _one_at_a_time(instance: Instance) -> None:
    """Two submissions at once must not both take the last place."""
    Instance.objects.select_for_update(no_key=True).filter(pk=instance.pk).values_list("pk").get()
