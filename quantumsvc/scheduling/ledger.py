"""Charging time used, and forgetting it when it leaves the rolling window (F2)."""

from collections import deque
from datetime import datetime, timedelta

from quantumsvc.scheduling.fairshare import MICROSECOND, Books
from quantumsvc.scheduling.turns import Turns

ROLLING_WINDOW = timedelta(days=28)


class Ledger:
    """Running sums of charges; each leaves the books 28 days after it was made."""

    def __init__(self, books: Books, turns: Turns) -> None:
        self.books = books
        self.turns = turns
        self.charged: dict[str, int] = {}
        self._recent: deque[tuple[datetime, str, str, int]] = deque()

    def charge(self, instance: str, user: str, since: datetime, until: datetime) -> None:
        """The instance and its user pay for the time from ``since`` to ``until``."""
        microseconds = (until - since) // MICROSECOND
        if microseconds <= 0:
            return
        self.charged[instance] = self.charged.get(instance, 0) + microseconds
        self._recent.append((until, instance, user, microseconds))
        self._book(instance, user, microseconds)

    def forget_before(self, now: datetime) -> None:
        """Take out of the books what was charged before the window that ends ``now``."""
        horizon = now - ROLLING_WINDOW
        while self._recent and self._recent[0][0] <= horizon:
            _, instance, user, microseconds = self._recent.popleft()
            self._book(instance, user, -microseconds)

    def _book(self, instance: str, user: str, microseconds: int) -> None:
        self.books.charge(instance, user, microseconds)
        self.turns.recount(instance)
