"""Charging time (L17, F2): sums that are kept, not added up again.

A job outside any dedicated session is charged when it ends, a dedicated session when it stops being
active. What is being used at the moment is not in the sums: decisions count it from its start (F4).
"""

from datetime import datetime, timedelta

from quantumsvc.statements import Statement, run

WINDOW = timedelta(days=28)

_CHARGE = """
WITH bucket AS (
    INSERT INTO sessions_app_usagebucket (backend_id, instance_id, user_id, hour, microseconds)
    VALUES (%s, %s, %s, date_trunc('hour', %s::timestamptz), %s)
    ON CONFLICT (backend_id, instance_id, user_id, hour)
    DO UPDATE SET microseconds = sessions_app_usagebucket.microseconds + excluded.microseconds
    RETURNING backend_id, instance_id, user_id
), own AS (
    INSERT INTO sessions_app_userusage (backend_id, instance_id, user_id, microseconds)
    SELECT backend_id, instance_id, user_id, %s FROM bucket
    ON CONFLICT (backend_id, instance_id, user_id)
    DO UPDATE SET microseconds = sessions_app_userusage.microseconds + excluded.microseconds
)
INSERT INTO sessions_app_instanceusage (backend_id, instance_id, microseconds)
SELECT backend_id, instance_id, %s FROM bucket
ON CONFLICT (backend_id, instance_id)
DO UPDATE SET microseconds = sessions_app_instanceusage.microseconds + excluded.microseconds
"""

_EXPIRE = """
WITH old AS (
    DELETE FROM sessions_app_usagebucket WHERE hour < %s
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

# A new run counts for a fifth, so that the estimate follows a change within a few jobs.
_LEARN = """
INSERT INTO sessions_app_runtime (backend_id, program, mean, deviation) VALUES (%s, %s, %s, 0)
ON CONFLICT (backend_id, program) DO UPDATE SET
    mean = sessions_app_runtime.mean * 0.8 + excluded.mean * 0.2,
    deviation = sessions_app_runtime.deviation * 0.8 + abs(excluded.mean - sessions_app_runtime.mean) * 0.2
"""


def charge(*, backend: int, instance: int, user: int, at: datetime, seconds: float) -> Statement:
    """The statement that adds time used to every sum it belongs to."""
    amount = round(seconds * 1_000_000)
    return Statement(_CHARGE, [backend, instance, user, at, amount, amount, amount])


def learn(*, backend: int, program: str, seconds: float) -> Statement:
    """The statement that lets the estimate of a program's run time follow a run that has completed."""
    return Statement(_LEARN, [backend, program, seconds])


def expire(now: datetime) -> None:
    """Take what left the rolling window off the sums."""
    run(Statement(_EXPIRE, [now - WINDOW]))
