"""How many calls a key may make. Kept in memory, by each web process for itself; off unless it is set."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from threading import Lock

from django.conf import settings

from quantumsvc.errors import RateExceeded


@dataclass(frozen=True, slots=True)
class Rate:
    """How many calls a key may make in a minute, and how many of them at once."""

    most: int
    left: float

    def headers(self) -> dict[str, str]:
        """What answers tell of it; ``RateLimit-Reset`` is in how many seconds the bucket is full."""
        return {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(int(self.left)),
            "RateLimit-Reset": str(ceil((self.most - self.left) * 60 / self.most)),
        }


class Rates:
    """A bucket of calls for each key: full, it holds a minute's worth, and it fills up evenly."""

    def __init__(self, *, max_keys: int = 10_000) -> None:
        self.max_keys = max_keys
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def spend(self, key_id: int, now: datetime) -> "Rate | None":
        """Count one call; what is left, or None without a limit. Raises RateExceeded for an empty bucket."""
        most = settings.RATE_LIMIT
        if most <= 0:
            return None
        at = now.timestamp()
        with self._lock:
            left, since = self._left.get(key_id, (float(most), at))
            left = min(most, left + max(at - since, 0.0) * most / 60)
            self._left[key_id] = (left - 1 if left >= 1 else left, at)
            self._left.move_to_end(key_id)
            while len(self._left) > self.max_keys:
                self._left.popitem(last=False)
        if left < 1:
            raise RateExceeded(most, ceil((1 - left) * 60 / most))
        return Rate(most, left - 1)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._left.clear()


rates = Rates()
