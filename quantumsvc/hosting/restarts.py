"""When a part that ended is started again, and when that is given up. Pure: times come from outside."""

from dataclasses import dataclass, field

_WINDOW_SECONDS = 30.0
_MOST_DEATHS = 5
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0
# A part that lived this long once can work; later deaths have a cause that may go away.
_PROOF_SECONDS = 10.0
# One that fails at its start does so sooner than this, as a rule.
_SETTLED_SECONDS = 1.5


@dataclass
class Restarts:
    """The starts and deaths of one part. Times are seconds on any clock that never goes back."""

    deaths: list[float] = field(default_factory=list)
    started_at: float | None = None
    has_worked: bool = False

    def note_start(self, now: float) -> None:
        """It was started."""
        self.started_at = now

    def is_settled(self, now: float) -> bool:
        """Whether it runs long enough to believe that it will stay."""
        return self.started_at is not None and now - self.started_at >= _SETTLED_SECONDS

    def note_death(self, now: float) -> float | None:
        """Seconds to wait before the next start; ``None`` to give up, after five deaths within half a minute.

        A part that worked before is never given up: it may only be waiting for its database to come back.
        """
        self.has_worked |= self.started_at is not None and now - self.started_at >= _PROOF_SECONDS
        self.started_at = None
        self.deaths = [at for at in self.deaths if now - at < _WINDOW_SECONDS] + [now]
        if not self.has_worked and len(self.deaths) >= _MOST_DEATHS:
            return None
        return float(min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** (len(self.deaths) - 1)))
