"""Fair share: whose turn it is when no session has the backend (section 5 of the rules).

The order, from the root of the tree of instances downwards:

1. F2  at each level only the siblings that have an eligible job count.
2. F1  a sibling without shares comes after all that have some.
3. F2  the lowest ratio goes first: time used by the sibling and all below it, divided by its shares.
4. F2  equal ratios: the sibling whose job to start is the oldest, then the lowest job id.
5. F3  inside an instance: the user with the least time used, then the oldest job, then the lowest id.

Dividing by shares instead of the fraction of shares changes every ratio of a level by the same factor.
Time is counted in whole microseconds, so sums do not depend on their order; the quotient of two whole
numbers is the float nearest to it, which never turns the order of two ratios round. The order is total
because job ids are unique.

An instance that has children may have jobs of its own: they compete with the children like one more
child that has a single share.

F5 follows: while an instance gets nothing, what it used leaves the rolling window, and then its job
goes before that of anybody who used something, and before every younger job of those who did not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from quantumsvc.scheduling.queued import QueuedJob, submission_order

MICROSECOND = timedelta(microseconds=1)
OWN_SHARES = 1


# The place of one sibling among its siblings, the lowest first: whether it has no shares, its ratio, since
# when its job waits, and the job's id. A bare tuple, since a decision makes one for each instance.
Rank = tuple[bool, float, datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An instance in the tree. ``used``: its own charged time in the rolling window, in microseconds."""

    id: str
    parent: str | None = None
    shares: int = 1
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Time that is being charged now and is not in the books yet (F4).

    A job outside any dedicated session, from its start; a dedicated session, from its activation (L17),
    named by ``session``. ``until`` is set when it is known to have stopped.
    """

    instance: str
    user: str
    since: datetime
    session: str | None = None
    until: datetime | None = None

    def microseconds(self, now: datetime) -> int:
        """What has been used by ``now``; nothing when a clock stands behind."""
        return max((self.until or now) - self.since, timedelta()) // MICROSECOND


class Books:
    """Shares and time used on one backend, added up along the tree. Decisions only read them.

    An instance that is not in the books stands at the root with one share and has used nothing.
    """

    __slots__ = ("_below", "_own", "_parents", "_shares", "_users")

    def __init__(
        self, instances: Iterable[Share] = (), users: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        rows = tuple(instances)
        self._parents = {row.id: row.parent for row in rows}
        self._shares = {row.id: row.shares for row in rows}
        self._own = {row.id: row.used for row in rows}
        self._below = dict(self._own)
        self._users = dict(users or {})
        for row in rows:
            if row.parent is not None:
                self._raise(self.path(row.id)[1:], row.used)

    def _raise(self, nodes: Iterable[str], microseconds: int) -> None:
        for node in nodes:
            self._below[node] = self._below.get(node, 0) + microseconds

    def charge(self, instance: str, user: str, microseconds: int) -> None:
        """Add to what a user of an instance has used; a negative amount takes away what is too old."""
        self._own[instance] = self._own.get(instance, 0) + microseconds
        self._raise(self.path(instance), microseconds)
        pair = (instance, user)
        self._users[pair] = self._users.get(pair, 0) + microseconds

    def copy(self) -> Self:
        """Books that can be charged without changing these."""
        twin = type(self)()
        for name in Books.__slots__:
            setattr(twin, name, dict(getattr(self, name)))
        return twin

    def counting(self, meters: Iterable[Meter], now: datetime) -> "Books":
        """These books with running work counted from its start (F4)."""
        running = tuple(meters)
        if not running:
            return self
        counted = self.copy()
        for meter in running:
            counted.charge(meter.instance, meter.user, meter.microseconds(now))
        return counted

    def parent(self, instance: str) -> str | None:
        """The instance above, or ``None`` at the root."""
        return self._parents.get(instance)

    def has_groups(self) -> bool:
        """Whether any instance stands below another."""
        return any(parent is not None for parent in self._parents.values())

    def groups(self) -> frozenset[str]:
        """The instances that have others below them."""
        return frozenset(parent for parent in self._parents.values() if parent is not None)

    def path(self, instance: str) -> tuple[str, ...]:
        """The instance and all above it, upwards. A ring, which no tree has, is cut."""
        nodes: tuple[str, ...] = (instance,)
        while (above := self._parents.get(nodes[-1])) is not None and above not in nodes:
            nodes = (*nodes, above)
        return nodes

    def used(self, instance: str) -> int:
        """Microseconds used by the instance and all below it."""
        return self._below.get(instance, 0)

    def used_by(self, job: QueuedJob) -> int:
        """Microseconds used by the job's user within the job's instance."""
        return self._users.get((job.instance, job.user), 0)

    def rank(self, instance: str, job: QueuedJob) -> Rank:
        """F1, F2: the instance's place among its siblings, if ``job`` is what it would start."""
        return _rank(self._below.get(instance, 0), self._shares.get(instance, 1), job)

    def own_rank(self, instance: str, job: QueuedJob) -> Rank:
        """The place of an instance's own jobs among its children."""
        return _rank(self._own.get(instance, 0), OWN_SHARES, job)


def _rank(used: int, shares: int, job: QueuedJob) -> Rank:
    ratio = used / (shares or 1)
    return (not shares, ratio, job.submitted_at, job.id)


def user_order(job: QueuedJob, books: Books) -> tuple[int, datetime, str]:
    """F3: the order of jobs within one instance."""
    return (books.used_by(job), *submission_order(job))


def fairest(jobs: Iterable[QueuedJob], books: Books) -> QueuedJob | None:
    """The job whose turn it is among eligible ones (F1-F3), or ``None`` if there is none.

    Only the oldest job of each user in each instance can be chosen; others may be left out.
    """
    own = _of_each_instance(jobs, books)
    if len(own) <= 1:
        return next(iter(own.values()), None)
    branches = _branches(own, books)
    claims = [_claim(node, branches, own, books) for node in branches[None]]
    return min(claims)[1]


def _of_each_instance(jobs: Iterable[QueuedJob], books: Books) -> dict[str, QueuedJob]:
    first: dict[str, QueuedJob] = {}
    for job in jobs:
        rival = first.get(job.instance)
        if rival is None or user_order(job, books) < user_order(rival, books):
            first[job.instance] = job
    return first


def _branches(instances: Iterable[str], books: Books) -> dict[str | None, list[str]]:
    """For each node of the tree the children that have an eligible job in or below them."""
    if not books.has_groups():
        return {None: list(instances)}
    branches: dict[str | None, list[str]] = {None: []}
    known: set[str] = set()
    for instance in instances:
        node = instance
        for above in (*books.path(instance)[1:], None):
            if node not in known:
                known.add(node)
                branches.setdefault(above, []).append(node)
            node = above or node
    return branches


def _claim(
    node: str, branches: Mapping[str | None, list[str]], own: Mapping[str, QueuedJob], books: Books
) -> tuple[Rank, QueuedJob]:
    below = branches.get(node)
    if below is None:
        return books.rank(node, own[node]), own[node]
    claims = [_claim(child, branches, own, books) for child in below]
    if node in own:
        claims.append((books.own_rank(node, own[node]), own[node]))
    job = min(claims, key=lambda claim: claim[0])[1]
    return books.rank(node, job), job
