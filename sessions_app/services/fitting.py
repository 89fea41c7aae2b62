"""Which waiting jobs there is room for while time of a backend is held (S3, S9, W2).

Read only while there are windows. Of each user, or of a session, so many of the oldest jobs are looked at
that the cost does not grow with the queue; those behind them wait until one of these has started.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.windows import Window, WindowMode, current, obstacle
from quantumsvc.statements import Statement
from sessions_app.services.columns import ACTIVE, EXPECTED, JOB_COLUMNS, OF_PAIR, PAIRS, RUN_TIME, USED
from sessions_app.services.limits import IS_OVER

LOOKED_AT = 200
# While time is held: of each user the oldest job that there is room for, among the first ones.
# ``room`` is as in the kernel's ``windows.room``; in time that is lent, only jobs outside sessions may start.
_FITTING_HEADS = f"""{PAIRS}, roomy AS (
    SELECT p.*, held.room, coalesce(held.lent, FALSE) AS lent FROM pair p LEFT JOIN LATERAL (
        SELECT min(h.room) AS room, bool_or(h.lent) AS lent
        FROM unnest(%s::bigint[], %s::text[], %s::float[], %s::boolean[]) h(instance, users, room, lent)
        WHERE h.instance <> p.instance_id OR (h.users <> '' AND h.users NOT LIKE '%%,' || p.user_id || ',%%')
    ) held ON TRUE
)
SELECT {JOB_COLUMNS}, coalesce(used.microseconds, 0) FROM roomy p
CROSS JOIN LATERAL (
    SELECT j.* FROM ({OF_PAIR} LIMIT {LOOKED_AT}) j {RUN_TIME}
    WHERE (p.room IS NULL OR {EXPECTED} <= p.room)
    AND (NOT p.lent OR j.session_id IS NULL OR j.outlived_session)
    ORDER BY j.created_at, j.id LIMIT 1) j
{ACTIVE} {RUN_TIME} {USED}
WHERE p.room IS NULL OR p.room > 0
"""
# S9: the oldest jobs that were sent inside a priority window by those whose it is.
_SENT_INSIDE = f"""
SELECT {JOB_COLUMNS}, coalesce(used.microseconds, 0) FROM sessions_app_job j {ACTIVE} {RUN_TIME} {USED}
WHERE j.backend_id = %s AND j.state = 'queued' AND NOT j.is_system AND j.instance_id = %s
AND (%s::text = '' OR %s::text LIKE '%%,' || j.user_id || ',%%') AND j.created_at >= %s
ORDER BY j.created_at, j.id LIMIT {LOOKED_AT}
"""
_OF_SESSION = f"""
SELECT {JOB_COLUMNS} FROM sessions_app_job j {ACTIVE} AND NOT {IS_OVER} {RUN_TIME}
WHERE j.session_id = %s AND j.state = 'queued' ORDER BY j.created_at, j.id LIMIT {LOOKED_AT}
"""


def heads(backend_id: int, now: datetime, windows: Sequence[Window]) -> Statement:
    """The statement for the oldest job of each user that there is room for."""
    closed = [window for window in windows if window.mode is WindowMode.DEDICATED]
    held = (
        [int(window.instance or 0) for window in closed],
        [_named(window.users) for window in closed],
        [_room(window, now).total_seconds() for window in closed],
        [window.contains(now) for window in closed],
    )
    return Statement(_FITTING_HEADS, [backend_id, backend_id, *held, backend_id])


def _room(window: Window, now: datetime) -> timedelta:
    return window.filler if window.contains(now) else window.start - now


def sent_inside(backend_id: int, now: datetime, windows: Sequence[Window]) -> list[Statement]:
    """S9: the statement for the oldest jobs that the present priority window puts first, if there is one."""
    window = current(windows, now)
    if window is None or window.mode is not WindowMode.PRIORITY or window.instance is None:
        return []
    users = _named(window.users)
    return [Statement(_SENT_INSIDE, [backend_id, int(window.instance), users, users, window.start])]


def _named(users: Iterable[str]) -> str:
    """As one text, because the users of several windows make no array."""
    return "".join(f",{user}" for user in sorted(users)) + "," if users else ""


def of_session(session: str, now: datetime) -> Statement:
    """The statement for the oldest waiting jobs of a session that S10 lets start."""
    return Statement(_OF_SESSION, [now, session])


def front_among(
    jobs: Iterable[QueuedJob], windows: Sequence[Window], now: datetime
) -> tuple[QueuedJob | None, QueuedJob | None]:
    """Of a session's jobs, the oldest whose user may use the present time, and the oldest that fits (S4)."""
    window = current(windows, now)
    free = [job for job in jobs if window is None or not window.keeps_out(job.instance, job.user)]
    shorter = next((job for job in free if obstacle(windows, job, now) is None), None)
    return next(iter(free), None), shorter
