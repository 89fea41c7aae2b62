"""What an instance has used (L17, F4): what is in the books, and what is being charged at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from quantumsvc.accounts.models import Instance
from quantumsvc.scheduling.windows import WindowMode
from quantumsvc.statements import Statement, run
from reservations_app.models import Window
from reservations_app.models.windows import STANDING
from sessions_app.models import ChargeKind
from sessions_app.services.columns import PAID_UNTIL
from sessions_app.services.ledger import WINDOW

# A dedicated session pays from its activation, any other job from its start, and a job that outlived its
# session's activation from the end of that.
OPEN_CHARGES = f"""
SELECT 'session' AS kind, s.id AS subject, s.id AS session_id, s.backend_id, s.instance_id, s.user_id,
    s.activated_at AS since
FROM sessions_app_session s WHERE s.state = 'active' AND s.mode = 'dedicated'
UNION ALL
SELECT 'job', j.id, coalesce(j.session_id, ''), j.backend_id, j.instance_id, j.user_id,
    greatest(j.started_at, {PAID_UNTIL.format(session="d")})
FROM sessions_app_job j LEFT JOIN sessions_app_session d ON d.id = j.session_id AND d.mode = 'dedicated'
WHERE j.state = 'running' AND NOT j.is_system AND (d.id IS NULL OR d.state <> 'active')
"""
_OF_INSTANCE = f"SELECT * FROM ({OPEN_CHARGES}) o WHERE o.instance_id = %s ORDER BY o.since, o.subject"
# What has left the window but was not taken off the sums yet counts no more.
_BOOKED = """
SELECT (SELECT coalesce(sum(microseconds), 0) FROM sessions_app_instanceusage WHERE instance_id = %s)
    - (SELECT coalesce(sum(microseconds), 0) FROM sessions_app_usagebucket
       WHERE instance_id = %s AND hour <= %s)
"""

# Seconds for which jobs and sessions pay between two instants: what is in the ledger, and what runs.
_PAID = f"""
SELECT coalesce(sum(extract(epoch FROM least(p.until, %s) - greatest(p.since, %s))), 0)::float FROM (
    SELECT since, at AS until FROM sessions_app_ledgerline
    WHERE backend_id = %s AND instance_id = %s AND kind <> 'reservation' AND at > %s AND since < %s
    UNION ALL
    SELECT o.since, %s::timestamptz FROM ({OPEN_CHARGES}) o
    WHERE o.backend_id = %s AND o.instance_id = %s AND o.since < %s
) p
"""


@dataclass(frozen=True, slots=True)
class OpenCharge:
    """Something that is being paid for and is not in the ledger yet; names as in ``LedgerLine``."""

    kind: ChargeKind
    subject: str
    session_id: str
    backend_id: int
    instance_id: int
    user_id: int
    since: datetime

    def seconds(self, now: datetime) -> float:
        """What it has cost until ``now``."""
        return max((now - self.since).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Use:
    """What an instance has used in the rolling window: ``booked`` seconds, and what runs at the moment."""

    booked: float
    running: tuple[OpenCharge, ...]

    def total(self, now: datetime) -> float:
        """Seconds, with what runs counted from its start (F4)."""
        return self.booked + sum(each.seconds(now) for each in self.running)


def use_of(instance: Instance, now: datetime) -> Use:
    """What the instance has used on all backends; sessions must have been settled. One journey."""
    ident = instance.pk
    booked, running = run(Statement(_BOOKED, [ident, ident, now - WINDOW]), Statement(_OF_INSTANCE, [ident]))
    return Use(int(booked[0][0]) / 1_000_000, tuple(_open_charges(running)))


def used_seconds(instance: Instance, now: datetime) -> float:
    """Seconds used in the rolling window on all backends; sessions must have been settled."""
    return use_of(instance, now).total(now)


def unused_seconds(window: Window, until: datetime) -> float:
    """Of a reservation's time until then, what its instance's jobs and sessions have not paid for (W7)."""
    start, backend, instance = window.starts_at, window.backend_id, window.instance_id
    paid = Statement(_PAID, [until, start, backend, instance, start, until, until, backend, instance, until])
    return (until - start).total_seconds() - float(run(paid)[0][0][0])


def reserved_now(instance: Instance, now: datetime) -> list[Window]:
    """The instance's reservations that run, of which all the time will be charged when they end (W7)."""
    rows = Window.objects.filter(instance=instance, state__in=STANDING, starts_at__lte=now, ends_at__gt=now)
    paid = rows.filter(mode=WindowMode.DEDICATED, counts_as_used=True, released_at=None)
    return list(paid.select_related("backend", "created_by").defer("backend__configuration"))


def _open_charges(rows: Iterable[tuple[object, ...]]) -> Iterable[OpenCharge]:
    for kind, *rest in rows:
        yield OpenCharge(ChargeKind(kind), *rest)  # type: ignore[arg-type]
