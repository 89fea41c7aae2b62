"""The time of a backend that is held, as the kernel takes it: from the rows of windows (section 6)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.windows import EndPolicy, OverrunPolicy, Window, WindowMode
from quantumsvc.statements import Rows, Statement, run
from reservations_app.models import Window as WindowRow

# No job and no activation of a session reaches further ahead than this.
SIGHT = timedelta(days=2)
# A forecast sees so many windows.
MOST = 500

_HELD = """
SELECT w.id, w.starts_at, w.ends_at, w.instance_id, w.mode, w.end_policy,
    ARRAY(SELECT m.user_id FROM reservations_app_window_users m WHERE m.window_id = w.id)
FROM reservations_app_window w
WHERE w.backend_id = %s AND w.ends_at > %s AND w.starts_at < %s AND w.state IN ('scheduled', 'active')
ORDER BY w.starts_at LIMIT %s
"""


def reading(backend_id: int, now: datetime, sight: timedelta = SIGHT) -> Statement:
    """The statement for the windows that have not ended and start within ``sight``, by index."""
    return Statement(_HELD, [backend_id, now, now + sight, MOST])


def windows_from(rows: Rows, backend: Backend) -> tuple[Window, ...]:
    """The kernel's windows from the rows of :func:`reading`, under the backend's present settings."""
    return tuple(_window(*row, backend=backend) for row in rows)


def windows_of(backend: Backend, now: datetime, sight: timedelta = SIGHT) -> tuple[Window, ...]:
    """The windows of a backend that have not ended, in order."""
    return windows_from(run(reading(backend.pk, now, sight))[0], backend)


def window_from(row: WindowRow, backend: Backend) -> Window:
    """One window, with the end that it really has."""
    users = row.users.values_list("pk", flat=True)
    fields = (row.pk, row.starts_at, row.until, row.instance_id, row.mode, row.end_policy)
    return _window(*fields, users, backend=backend)


def drains(backend: Backend) -> bool:
    """W2: whether what runs is never stopped for a window."""
    return backend.overrun_policy == OverrunPolicy.DRAIN


def _window(
    ident: str,
    start: datetime,
    end: datetime,
    instance: int | None,
    mode: str,
    end_policy: str,
    users: Iterable[Any],
    *,
    backend: Backend,
) -> Window:
    return Window(
        id=ident,
        start=start,
        end=end,
        instance=None if instance is None else str(instance),
        mode=WindowMode(mode),
        users=frozenset(str(user) for user in users),
        end_policy=EndPolicy(end_policy),
        filler=timedelta(seconds=backend.max_start_delay if instance is not None else 0),
    )
