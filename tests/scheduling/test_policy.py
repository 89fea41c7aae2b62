"""The chooser, as sentences. Each case cites the rule it is about."""

from dataclasses import dataclass

import pytest

from quantumsvc.scheduling.policy import Decision, Hold, Idle, Start, decide
from quantumsvc.scheduling.snapshot import ActiveSession, QueuedJob, Snapshot
from quantumsvc.scheduling.states import SessionMode
from tests.scheduling.times import at


def job(ident: str, when: float = 0, session: str | None = None) -> QueuedJob:
    return QueuedJob(id=ident, submitted_at=at(when), session=session)


def active(
    mode: str = "dedicated",
    *,
    head: QueuedJob | None = None,
    idle_until: float | None = None,
    ends: float = 1000,
    accepting: bool = True,
) -> ActiveSession:
    return ActiveSession(
        id="s",
        mode=SessionMode(mode),
        accepting_jobs=accepting,
        ends_at=at(ends),
        interactive_deadline=None if idle_until is None else at(idle_until),
        head=head,
    )


@dataclass(frozen=True)
class Case:
    name: str
    snapshot: Snapshot
    want: Decision


OLD, NEW, OURS = job("old", 1), job("new", 2), job("ours", 3, "s")

CASES = [
    Case(
        "S10 an offline backend starts nothing", Snapshot(now=at(9), online=False, heads=(OLD,)), Idle("S10")
    ),
    Case("S1 a busy backend starts nothing", Snapshot(now=at(9), running="x", heads=(OLD,)), Idle("S1")),
    Case(
        "S1 a busy backend starts nothing even for its session",
        Snapshot(now=at(9), running="x", active=active(head=OURS), heads=(OLD,)),
        Idle("S1"),
    ),
    Case("S7 the oldest job goes first", Snapshot(now=at(9), heads=(NEW, OLD)), Start(OLD, "S7")),
    Case(
        "S7 jobs of the same instant go by id",
        Snapshot(now=at(9), heads=(job("b", 1), job("a", 1))),
        Start(job("a", 1), "S7"),
    ),
    Case("S7 an empty queue leaves the backend idle", Snapshot(now=at(9)), Idle("S7")),
    Case(
        "S4 a session's job goes before an older one of others",
        Snapshot(now=at(9), active=active(head=OURS), heads=(OLD,)),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 a batch's job goes before an older one of others",
        Snapshot(now=at(9), active=active("batch", head=OURS), heads=(OLD,)),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 a closing session's job goes before others",
        Snapshot(now=at(9), active=active(head=OURS, accepting=False), heads=(OLD,)),
        Start(OURS, "S4"),
    ),
    Case(
        "S5 a dedicated session without a job holds the backend until its ITTL ends",
        Snapshot(now=at(9), active=active(idle_until=300), heads=(OLD,)),
        Hold(at(300), "S5", "s"),
    ),
    Case(
        "L4 the hold ends with max TTL when that comes first",
        Snapshot(now=at(9), active=active(idle_until=300, ends=100), heads=(OLD,)),
        Hold(at(100), "S5", "s"),
    ),
    Case(
        "S5 at the very deadline the hold is over",
        Snapshot(now=at(300), active=active(idle_until=300), heads=(OLD,)),
        Start(OLD, "S7"),
    ),
    Case(
        "S6 a batch without a job holds nothing",
        Snapshot(now=at(9), active=active("batch", idle_until=60), heads=(OLD,)),
        Start(OLD, "S7"),
    ),
    Case(
        "L9 a session that accepts no more jobs holds nothing",
        Snapshot(now=at(9), active=active(idle_until=300, accepting=False), heads=(OLD,)),
        Start(OLD, "S7"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_decides(case: Case) -> None:
    assert decide(case.snapshot) == case.want
