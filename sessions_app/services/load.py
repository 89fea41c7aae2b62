"""How much waits on the backends: queue lengths and the wait to expect, at a bounded cost."""

from dataclasses import dataclass

from quantumsvc.statements import Statement, run
from sessions_app.services.columns import RUN_TIME

# A longer queue is told as this long: counting it would cost more than the number is worth.
COUNTED = 2_000

# The wait is the sum of what the jobs before are expected to take; of a program that never ran here,
# a fifth of the limit.
_LOAD = f"""
SELECT b.id, count(q.id), coalesce(sum(q.expected), 0)::float
FROM backends_backend b LEFT JOIN LATERAL (
    SELECT j.id, coalesce(own.mean, r.mean, j.max_seconds * 0.2) AS expected
    FROM sessions_app_job j {RUN_TIME}
    WHERE j.backend_id = b.id AND j.state IN ('queued', 'running') LIMIT %s
) q ON true
WHERE b.id = ANY(%s) GROUP BY b.id
"""


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs that wait or run on a backend (at most ``COUNTED``), and the seconds they are expected to take."""

    jobs: int = 0
    seconds: float = 0.0


def loads(backend_ids: list[int]) -> dict[int, Load]:
    """The load of each of the backends."""
    rows = run(Statement(_LOAD, [COUNTED, backend_ids]))[0]
    return {ident: Load(jobs, seconds) for ident, jobs, seconds in rows}
