"""What a warm child keeps between tasks: built devices, and things made for a session."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar, cast

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

DEVICES_KEPT = 4
SESSIONS_KEPT = 16
ENTRIES_KEPT = 256
"""Entries of one session."""


class LeastRecent(Generic[K, V]):
    """A mapping of at most ``size`` entries that forgets the one unused for longest."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The entry, which counts as used now."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: K, value: V) -> None:
        """Keep an entry, forgetting another if need be."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)


class CountingCache:
    """One session's cache, as programs see it (``programs.ports.SessionCache``)."""

    def __init__(self, entries: int = ENTRIES_KEPT) -> None:
        self._entries: LeastRecent[tuple[str, str], tuple[object]] = LeastRecent(entries)
        self.hits = 0
        self.misses = 0

    def get_or_make(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """The entry of (kind, key), made when it isn't there; a ``make`` that raises keeps nothing."""
        found = self._entries.get((kind, key))
        if found is not None:
            self.hits += 1
            return cast("T", found[0])
        self.misses += 1
        made = make()
        self._entries.put((kind, key), (made,))
        return made

    def peek(self, kind: str, key: str) -> object:
        """The entry of (kind, key), or ``None``; not counted."""
        found = self._entries.get((kind, key))
        return None if found is None else found[0]

    def keep(self, kind: str, key: str, value: object) -> None:
        """Keep an entry that was not asked for, and is not counted."""
        self._entries.put((kind, key), (value,))

    def count_anew(self) -> None:
        """Begin the counts of another task."""
        self.hits = self.misses = 0


class SessionCaches:
    """The caches of the sessions a child served last; a new calibration of the device begins anew."""

    def __init__(self, sessions: int = SESSIONS_KEPT) -> None:
        self._sessions: LeastRecent[tuple[str, str], CountingCache] = LeastRecent(sessions)

    def of(self, session_id: str | None, device: str) -> CountingCache:
        """The session's cache with its counts at zero; a job outside sessions gets a throw-away one."""
        if session_id is None:
            return CountingCache()
        cache = self._sessions.get((session_id, device))
        if cache is None:
            cache = CountingCache()
            self._sessions.put((session_id, device), cache)
        cache.count_anew()
        return cache
