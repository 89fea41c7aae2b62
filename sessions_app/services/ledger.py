"""Charging time (L17, F2): each charge is one line of the ledger, and is added to sums that are kept.

A job outside any dedicated session is charged when it ends, a dedicated session when it stops being
active. What is being used at the moment is not in the sums: decisions count it from its start (F4).
Line and sums are written by one statement, so that they always agree.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from quantumsvc.statements import Statement, run
from sessions_app.models import ChargeKind

WINDOW = timedelta(days=28)

_CHARGE = """
WITH line AS (
    INSERT INTO sessions_app_ledgerline
        (backend_id, instance_id, user_id, kind, subject, session_id, since, at, microseconds)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING backend_id, instance_id, user_id, at, microseconds
), bucket AS (
    INSERT INTO sessions_app_usagebucket (backend_id, instance_id, user_id, hour, microseconds)
    SELECT backend_id, instance_id, user_id, date_trunc('hour', at, 'UTC'), microseconds FROM line
    ON CONFLICT (backend_id, instance_id, user_id, hour)
    DO UPDATE SET microseconds = sessions_app_usagebucket.microseconds + excluded.microseconds
    RETURNING backend_id
), own AS (
    INSERT INTO sessions_app_userusage (backend_id, instance_id, user_id, microseconds)
    SELECT backend_id, instance_id, user_id, microseconds FROM line
    ON CONFLICT (backend_id, instance_id, user_id)
    DO UPDATE SET microseconds = sessions_app_userusage.microseconds + excluded.microseconds
)
INSERT INTO sessions_app_instanceusage (backend_id, instance_id, microseconds)
SELECT backend_id, instance_id, microseconds FROM line
ON CONFLICT (backend_id, instance_id)
DO UPDATE SET microseconds = sessions_app_instanceusage.microseconds + excluded.microseconds
"""

_EXPIRE = """
WITH old AS (
    DELETE FROM sessions_app_usagebucket WHERE hour <= %s
    RETURNING backend_id, instance_id, user_id, microseconds
), of_users AS (
    SELECT backend_id, instance_id, user_id, sum(microseconds)::bigint AS gone FROM old GROUP BY 1, 2, 3
), of_instances AS (
    SELECT backend_id, instance_id, sum(gone)::bigint AS gone FROM of_users GROUP BY 1, 2
), users AS (
    UPDATE sessions_app_userusage u SET microseconds = greatest(u.microseconds - o.gone, 0)
    FROM of_users o
    WHERE (u.backend_id, u.instance_id, u.user_id) = (o.backend_id, o.instance_id, o.user_id)
)
UPDATE sessions_app_instanceusage i SET microseconds = greatest(i.microseconds - o.gone, 0)
FROM of_instances o WHERE (i.backend_id, i.instance_id) = (o.backend_id, o.instance_id)
"""

# Of the first runs each counts as much as the others, later a new one for a fifth, so that the estimate
# follows a change within a few jobs. One row is of all users, one of this one.
_LEARN = """
INSERT INTO sessions_app_runtime AS known (backend_id, program, user_id, mean, deviation, runs)
VALUES (%s, %s, NULL, %s, 0, 1), (%s, %s, %s, %s, 0, 1)
ON CONFLICT (backend_id, program, user_id) DO UPDATE SET
    mean = known.mean + (excluded.mean - known.mean) * greatest(0.2, 1.0 / (known.runs + 1)),
    deviation = known.deviation
        + (abs(excluded.mean - known.mean) - known.deviation) * greatest(0.2, 1.0 / (known.runs + 1)),
    runs = least(known.runs + 1, 5)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One thing that is paid for: a job's run, a session's activation, a reservation.

    ``subject`` is the id of the job, session or window; ``session`` the session a job belongs to. It
    was in use from ``since`` to ``at``, and ``seconds`` of that are charged, which a job's own worker
    measured and which may thus be a little less.
    """

    kind: ChargeKind
    subject: str
    backend: int
    instance: int
    user: int
    since: datetime
    at: datetime
    seconds: float
    session: str | None = None


def charge(what: Charge) -> list[Statement]:
    """The statement that writes the line and adds it to every sum it belongs to; none for no time at all."""
    amount = round(what.seconds * 1_000_000)
    if amount <= 0:
        return []
    payer = (what.backend, what.instance, what.user)
    line = (what.kind.value, what.subject, what.session or "", what.since, what.at, amount)
    return [Statement(_CHARGE, [*payer, *line])]


def learn(*, backend: int, program: str, user: int, seconds: float) -> Statement:
    """The statement that lets the estimates of a program's run time follow a run that has completed."""
    return Statement(_LEARN, [backend, program, seconds, backend, program, user, seconds])


def window_start(now: datetime) -> datetime:
    """From when on lines count in the rolling window that ends ``now``: it moves by whole hours."""
    return (now - WINDOW).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def expire(now: datetime) -> None:
    """Take what left the rolling window off the sums."""
    run(Statement(_EXPIRE, [now - WINDOW]))
