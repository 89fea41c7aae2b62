"""How much of what an instance booked it used."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from quantumsvc.scheduling.states import WindowState
from quantumsvc.statements import Statement, run
from reservations_app.models import Window, WindowKind
from reservations_app.pages.entries import Reader
from reservations_app.pages.sight import Sight
from sessions_app.pages.words import duration

# The time in which jobs of a window's instance ran inside it. Only jobs of the 28 days before are looked at,
# so that the index of an instance's jobs bounds the search.
_USED = """
SELECT w.id, sum(extract(epoch FROM
    least(coalesce(j.finished_at, %s), coalesce(w.released_at, w.ends_at), %s)
    - greatest(j.started_at, w.starts_at, %s)))
FROM reservations_app_window w
JOIN sessions_app_job j ON j.backend_id = w.backend_id AND j.instance_id = w.instance_id
    AND j.state <> 'queued' AND j.created_at < w.ends_at AND j.created_at > w.starts_at - interval '28 days'
    AND j.started_at < least(coalesce(w.released_at, w.ends_at), %s)
    AND coalesce(j.finished_at, %s) > greatest(w.starts_at, %s)
WHERE w.id = ANY(%s)
GROUP BY w.id
"""
FIGURES = ("booked", "used", "idle", "missed")


@dataclass
class Share:
    """Of one instance, in seconds: ``past`` of what is booked is over, ``missed`` had no job at all."""

    name: str
    booked: float = 0.0
    past: float = 0.0
    used: float = 0.0
    missed: float = 0.0

    @property
    def idle(self) -> float:
        """What is over, had a job and yet was not used."""
        return max(self.past - self.used - self.missed, 0.0)

    @property
    def part(self) -> int | None:
        """The used part of what is over, in percent; ``None`` while nothing is."""
        return round(100 * self.used / self.past) if self.past else None

    @property
    def told(self) -> dict[str, str]:
        """The same in words."""
        figures = zip(FIGURES, self.figures, strict=True)
        return {name: duration(seconds) if seconds else "" for name, seconds in figures}

    @property
    def figures(self) -> tuple[float, float, float, float]:
        """``FIGURES``, in seconds."""
        return self.booked, self.used, self.idle, self.missed


def utilisation(reader: Reader, windows: Sequence[Window], sight: Sight, now: datetime) -> list[Share]:
    """Of each instance that the reader manages, what was booked in sight and what became of it."""
    mine = [each for each in windows if _counts(each, reader)]
    used = _used([each.pk for each in mine], sight, now)
    shares: dict[int, Share] = {}
    for each in mine:
        ident = each.instance_id or 0
        share = shares.setdefault(ident, Share(reader.names[ident]))
        start, end = max(each.starts_at, sight.start), min(each.until, sight.end)
        past = max((min(end, now) - start).total_seconds(), 0.0)
        share.booked += (end - start).total_seconds()
        share.past += past
        share.used += min(used[each.pk], past)
        share.missed += past if each.state_at(now) is WindowState.MISSED else 0.0
    return sorted(shares.values(), key=lambda share: share.name)


def _counts(window: Window, reader: Reader) -> bool:
    return (
        window.kind == WindowKind.RESERVATION
        and window.instance_id in reader.names
        and reader.manages(window.instance_id)
    )


def _used(idents: Iterable[str], sight: Sight, now: datetime) -> dict[str, float]:
    wanted = list(idents)
    if not wanted:
        return defaultdict(float)
    latest = min(sight.end, now)
    asked = [now, latest, sight.start, latest, now, sight.start, wanted]
    rows = run(Statement(_USED, asked))[0]
    return defaultdict(float, {ident: float(seconds) for ident, seconds in rows})
