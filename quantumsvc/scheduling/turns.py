"""Fair share kept up to date instead of computed anew: which waiting job would be chosen now.

For worlds in virtual time, where a decision must cost the same with any number of waiting jobs. The order
is that of :mod:`quantumsvc.scheduling.fairshare`, whose ranks are compared here and nowhere defined anew;
tests hold the two against each other on whole queues.
"""

from collections.abc import Iterator
from datetime import datetime
from heapq import heappop, heappush

from quantumsvc.scheduling.fairshare import Books, Rank, user_order
from quantumsvc.scheduling.queued import Bar, QueuedJob

Pair = tuple[str, str]


class Line:
    """Waiting jobs in submission order. One that left is forgotten when it comes to the front."""

    __slots__ = ("_heap", "waiting")

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self.waiting: dict[str, QueuedJob] = {}

    def add(self, job: QueuedJob) -> None:
        """Put a job in its place; a job that comes back gets its old one (J2)."""
        self.waiting[job.id] = job
        heappush(self._heap, (job.submitted_at, job.id))

    def remove(self, job: QueuedJob) -> None:
        """The job waits no more."""
        del self.waiting[job.id]

    def head(self) -> QueuedJob | None:
        """The oldest job that waits."""
        heap, waiting = self._heap, self.waiting
        while heap and heap[0][1] not in waiting:
            heappop(heap)
        return waiting[heap[0][1]] if heap else None


class Level:
    """The children of one node that have an eligible job, the next in turn at hand."""

    __slots__ = ("_claims", "_heap")

    def __init__(self) -> None:
        self._claims: dict[str, tuple[Rank, QueuedJob]] = {}
        self._heap: list[tuple[Rank, str]] = []

    def put(self, child: str, rank: Rank, job: QueuedJob) -> None:
        """The child would start ``job``, and has this rank among its siblings."""
        self._claims[child] = (rank, job)
        heappush(self._heap, (rank, child))

    def drop(self, child: str) -> None:
        """The child has no eligible job."""
        self._claims.pop(child, None)

    def first(self) -> QueuedJob | None:
        """What the child with the lowest rank would start."""
        heap = self._heap
        while heap:
            rank, child = heap[0]
            claim = self._claims.get(child)
            if claim is not None and claim[0] == rank:
                return claim[1]
            heappop(heap)
        return None


class Turns:
    """All waiting jobs of a backend. ``books`` are shared with whoever charges them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.barred: dict[Pair, Bar] = {}
        self._lines: dict[str, dict[str, Line]] = {}
        self._levels: dict[str | None, Level] = {parent: Level() for parent in (None, *books.groups())}
        self._stale: set[str] = set()

    def add(self, job: QueuedJob) -> None:
        """A job begins to wait, or waits again."""
        users = self._lines.setdefault(job.instance, {})
        line = users.get(job.user)
        if line is None:
            line = users[job.user] = Line()
        line.add(job)
        self._stale.add(job.instance)

    def remove(self, job: QueuedJob) -> None:
        """A job waits no more."""
        self._lines[job.instance][job.user].remove(job)
        self._stale.add(job.instance)

    def recount(self, instance: str) -> None:
        """The books of the instance have changed, or who of it is barred."""
        self._stale.add(instance)

    def waiting(self, only: str | None = None) -> Iterator[QueuedJob]:
        """Every waiting job of those who may start one (S10), of all instances or of one."""
        for instance in self._lines if only is None else (only,):
            for user, line in self._lines.get(instance, {}).items():
                if (instance, user) not in self.barred:
                    yield from line.waiting.values()

    def first(self) -> QueuedJob | None:
        """The job whose turn it is, if any may start."""
        for instance in self._stale:
            self._refresh(instance)
        self._stale.clear()
        return self._levels[None].first()

    def _refresh(self, instance: str) -> None:
        """Bring the ranks of an instance and of all above it up to date."""
        job = self._own(instance)
        inner = self._levels.get(instance)
        if inner is not None:
            if job is None:
                inner.drop(instance)
            else:
                inner.put(instance, self.books.own_rank(instance, job), job)
            job = inner.first()
        node = instance
        for above in (*self.books.path(instance)[1:], None):
            level = self._levels[above]
            if job is None:
                level.drop(node)
            else:
                level.put(node, self.books.rank(node, job), job)
            if above is not None:
                node, job = above, level.first()

    def _own(self, instance: str) -> QueuedJob | None:
        heads = []
        for user, line in self._lines.get(instance, {}).items():
            head = line.head()
            if head is not None and (instance, user) not in self.barred:
                heads.append(head)
        if len(heads) <= 1:
            return heads[0] if heads else None
        return min(heads, key=lambda job: user_order(job, self.books))
