"""Whose turn it is, as sentences (F1-F5)."""

from dataclasses import dataclass, field
from itertools import permutations

import pytest

from quantumsvc.scheduling.fairshare import Books, Meter, Share, fairest
from quantumsvc.scheduling.queued import QueuedJob
from tests.scheduling.making import job
from tests.scheduling.times import at

A, B, C = job("ja", 1, of="a/ann"), job("jb", 2, of="b/bob"), job("jc", 3, of="c/cy")


@dataclass(frozen=True)
class Case:
    name: str
    jobs: tuple[QueuedJob, ...]
    want: str | None
    shares: tuple[Share, ...] = ()
    users: dict[tuple[str, str], int] = field(default_factory=dict)


def share(ident: str, shares: int = 1, used: int = 0, parent: str | None = None) -> Share:
    return Share(id=ident, shares=shares, used=used, parent=parent)


def hub(*groups: Share) -> tuple[Share, ...]:
    """Two hubs: ``h`` with the given children, and ``g`` with ``c``."""
    return (share("h"), share("g"), *groups, share("c", parent="g"))


CASES = [
    Case("no job, no turn", (), None),
    Case("F2 unknown instances are equal: the oldest job", (B, A, C), "ja"),
    Case("F2 the lowest use goes first", (A, B), "jb", (share("a", used=2), share("b", used=1))),
    Case("F2 use is relative to shares", (A, B), "ja", (share("a", 4, used=30), share("b", 1, used=10))),
    Case("F2 one microsecond decides", (A, B), "jb", (share("a", 3, used=31), share("b", 3, used=30))),
    Case("F2 equal ratios: the oldest job", (B, A), "ja", (share("a", 2, used=20), share("b", 1, used=10))),
    Case(
        "F2 equal ratios: the oldest job, whatever its id",
        (job("z", 1, of="a/x"), job("y", 2, of="b/x")),
        "z",
        (share("a", 5), share("b", 7)),
    ),
    Case(
        "F2 equal ratios and ages: the lowest id",
        (job("z", 1, of="a/x"), job("y", 1, of="b/x")),
        "y",
        (share("a", 5), share("b", 7)),
    ),
    Case(
        "F1 without shares only what others leave", (A, B), "jb", (share("a", 0), share("b", 1, used=10**12))
    ),
    Case("F1 two without shares: the one that used less", (A, B), "jb", (share("a", 0, 2), share("b", 0, 1))),
    Case("F1 without shares alone it runs", (A,), "ja", (share("a", 0, used=5),)),
    Case(
        "F1 F2 the group comes before its members: a member that used nothing waits for its group",
        (A, C),
        "jc",
        (*hub(share("a", parent="h"), share("b", used=10, parent="h")),),
    ),
    Case(
        "F2 siblings without an eligible job do not count",
        (A,),
        "ja",
        hub(share("a", used=9, parent="h"), share("b", parent="h")),
    ),
    Case(
        "F1 shares are relative to siblings: a thousand shares in a group that used more are no help",
        (A, C),
        "jc",
        hub(share("a", 1000, used=1, parent="h")),
    ),
    Case(
        "F1 a group without shares waits with all below it",
        (A, C),
        "jc",
        (share("h", 0), share("g"), share("a", 9, parent="h"), share("c", used=5, parent="g")),
    ),
    Case(
        "F2 inside a group the lowest ratio",
        (A, B, job("own", 9, of="c/cy")),
        "jb",
        (
            share("h"),
            share("g", used=99),
            share("a", 1, 2, "h"),
            share("b", 2, 2, "h"),
            share("c", parent="g"),
        ),
    ),
    Case(
        "F2 equal groups: the oldest of the jobs they would start",
        (job("heavy", 0, of="a/old"), job("light", 5, of="a/new"), B),
        "jb",
        (share("a"), share("b")),
        {("a", "old"): 10},
    ),
    Case(
        "F1 a group's own jobs compete with its children as one share: it used less",
        (A, job("hub", 9, of="h/hal")),
        "hub",
        (share("h", used=4), share("a", 2, used=10, parent="h")),
    ),
    Case(
        "F1 a group's own jobs compete with its children as one share: it used more",
        (A, job("hub", 0, of="h/hal")),
        "ja",
        (share("h", 50, used=6), share("a", 2, used=10, parent="h")),
    ),
    Case(
        "F3 inside an instance the user who used least",
        (job("old", 1, of="a/ann"), job("new", 2, of="a/abe")),
        "new",
        (share("a"),),
        {("a", "ann"): 1},
    ),
    Case(
        "F3 what the user used in another instance does not count",
        (job("old", 1, of="a/ann"), job("new", 2, of="a/abe")),
        "old",
        (share("a"),),
        {("b", "ann"): 1},
    ),
    Case("F3 equal users: first in, first out", (job("y", 2, of="a/abe"), job("x", 1, of="a/ann")), "x"),
    Case("F3 one user: first in, first out", (job("y", 2), job("x", 1)), "x"),
    Case("F3 the same instant: the lowest id", (job("y", 1), job("x", 1)), "x"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_gives_the_turn(case: Case) -> None:
    books = Books(case.shares, case.users)
    for jobs in permutations(case.jobs):
        first = fairest(jobs, books)
        assert (first.id if first else None) == case.want


def test_it_adds_up_along_the_tree() -> None:
    books = Books(hub(share("a", used=5, parent="h"), share("b", used=7, parent="h")))
    books.charge("a", "ann", 3)
    books.charge("h", "hal", 1)
    assert [books.used(name) for name in ("a", "b", "h", "g", "nobody")] == [8, 7, 16, 0, 0]
    assert books.used_by(A) == 3
    books.charge("a", "ann", -3)
    assert (books.used("a"), books.used("h"), books.used_by(A)) == (5, 13, 0)


def test_it_counts_running_work_from_its_start_and_leaves_the_books_alone() -> None:
    books = Books(hub(share("a", parent="h")))
    counted = books.counting([Meter(instance="a", user="ann", since=at(3))], at(5))
    assert (counted.used("a"), counted.used("h"), counted.used_by(A)) == (2_000_000,) * 3
    assert (books.used("a"), books.used("h"), books.used_by(A)) == (0, 0, 0)
    assert books.counting([], at(5)) is books
    late = books.counting([Meter(instance="a", user="ann", since=at(9))], at(5))
    assert late.used("a") == 0, "a clock that stands behind takes nothing away"


def test_it_cuts_a_ring_of_parents() -> None:
    books = Books([share("a", parent="b"), share("b", parent="a")])
    assert books.path("a") == ("a", "b")
    assert fairest((A, B), books) == A
