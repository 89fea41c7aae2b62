"""How much of the reserved time was used, per instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quantumsvc.statements import Statement, run

# A job counts for the part of it that lies inside its instance's window.
_USED = """
SELECT w.instance_id,
    count(*),
    count(*) FILTER (WHERE w.state = 'missed' OR (w.first_job_at IS NULL AND w.ends_at <= %s)),
    coalesce(sum(w.seconds), 0)::float,
    coalesce(sum(least(coalesce(j.seconds, 0), w.seconds)), 0)::float
FROM (
    SELECT id, instance_id, backend_id, state, first_job_at, ends_at, starts_at,
        least(coalesce(released_at, ends_at), %s) AS until,
        extract(epoch FROM least(coalesce(released_at, ends_at), %s) - greatest(starts_at, %s)) AS seconds
    FROM reservations_app_window
    WHERE kind = 'reservation' AND state <> 'cancelled' AND instance_id = ANY(%s) AND backend_id = ANY(%s)
        AND starts_at < %s AND coalesce(released_at, ends_at) > %s
) w LEFT JOIN LATERAL (
    SELECT sum(extract(epoch FROM
        least(coalesce(job.finished_at, %s), w.until) - greatest(job.started_at, w.starts_at, %s))) AS seconds
    FROM sessions_app_job job
    WHERE job.instance_id = w.instance_id AND job.backend_id = w.backend_id AND job.started_at < w.until
        AND coalesce(job.finished_at, %s) > greatest(w.starts_at, %s)
) j ON true
GROUP BY w.instance_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """Of one instance's windows: how many, how many of them missed, and seconds booked and used so far."""

    instance: int
    windows: int
    missed: int
    booked: float
    used: float

    @property
    def idle(self) -> float:
        """The seconds that were booked and not used."""
        return max(self.booked - self.used, 0.0)


def utilisation(
    *, instances: Sequence[int], backends: Sequence[int], start: datetime, end: datetime, now: datetime
) -> list[Utilisation]:
    """What became of the time that was reserved in ``[start, end)``, as far as it has passed."""
    until = min(end, now)
    parameters = [
        *(now, until, until, start, list(instances), list(backends), until, start),
        *(now, start, now, start),
    ]
    rows = run(Statement(_USED, parameters))[0]
    names = ("instance", "windows", "missed", "booked", "used")
    found = (Utilisation(**dict(zip(names, row, strict=True))) for row in rows)
    return sorted(found, key=lambda each: -each.booked)
