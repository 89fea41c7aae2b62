"""When a part that ended is started again, and when that is given up. Pure: times come from outside."""

from dataclasses import dataclass, field

_WINDOW_SECONDS = 30.0
_MOST_DEATHS = 5
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0


@dataclass
class Restarts:
    """The deaths of one part. Times are seconds on any clock that never goes back."""

    deaths: list[float] = field(default_factory=list)

    def note_death(self, now: float, *, may_give_up: bool) -> float | None:
        """Seconds to wait before the next start; ``None`` to give up, after five deaths within half a minute.

        Giving up is for a service that never worked. One that did may only be waiting for its
        database to come back.
        """
        self.deaths = [at for at in self.deaths if now - at < _WINDOW_SECONDS] + [now]
        if may_give_up and len(self.deaths) >= _MOST_DEATHS:
            return None
        return float(min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** (len(self.deaths) - 1)))
