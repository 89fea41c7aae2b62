"""How many calls a key may make. Kept in memory, by each web process for itself; off unless it is set."""

from collections import OrderedDict
from datetime import datetime
from math import ceil
from threading import Lock

from django.conf import settings

from quantumsvc.errors import RateExceeded


class Rates:
    """A bucket of calls for each key: full, it holds a minute's worth, and it fills up evenly."""

    def __init__(self, *, max_keys: int = 10_000) -> None:
        self.max_keys = max_keys
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def spend(self, key_id: int, now: datetime) -> None:
        """Count one call. Raises RateExceeded when the bucket is empty."""
        most = settings.RATE_LIMIT
        if most <= 0:
            return
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

    def left(self, key_id: int) -> int:
        """How many calls the key may make at once."""
        return int(self._left.get(key_id, (settings.RATE_LIMIT, 0.0))[0])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._left.clear()


rates = Rates()
