"""How often an address has failed of late. Kept in memory: what is lost in a restart is only a delay."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from math import ceil
from threading import Lock


class FailedAttempts:
    """At most ``limit`` failures of one address within ``window``; older addresses make room for newer."""

    def __init__(self, *, limit: int, window: timedelta, max_addresses: int = 10_000) -> None:
        self.limit = limit
        self.window = window
        self.max_addresses = max_addresses
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def note(self, address: str, now: datetime) -> None:
        """Count one failure."""
        with self._lock:
            self._failures.setdefault(address, deque(maxlen=self.limit)).append(now)
            self._failures.move_to_end(address)
            while len(self._failures) > self.max_addresses:
                self._failures.popitem(last=False)

    def seconds_to_wait(self, address: str, now: datetime) -> int:
        """How long this address must wait before the next try; 0 when it needn't."""
        with self._lock:
            failures = self._failures.get(address)
            if not failures or len(failures) < self.limit:
                return 0
            left = failures[0] + self.window - now
        return max(0, ceil(left.total_seconds()))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._failures.clear()
