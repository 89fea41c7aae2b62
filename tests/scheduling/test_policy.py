"""The chooser, as sentences. Each case cites the rule it is about."""

from dataclasses import dataclass, replace

import pytest

from quantumsvc.scheduling.effective import SessionChange
from quantumsvc.scheduling.fairshare import Books, Meter, Share
from quantumsvc.scheduling.policy import Decision, Hold, Idle, Start, decide, needs_heads
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob, Snapshot
from quantumsvc.scheduling.states import Cause, SessionState
from quantumsvc.scheduling.timers import Change
from tests.scheduling.making import active, job, window
from tests.scheduling.times import at


@dataclass(frozen=True)
class Case:
    name: str
    snapshot: Snapshot
    want: Decision


OLD, NEW, OURS = job("old", 1), job("new", 2), job("ours", 3, "s")
THEIRS = job("theirs", 2, of="b/bob")
SYSTEM = job("cal", 4, of="/")
BUSY = RunningJob(id="x", started_at=at(5))
NOW = Snapshot(now=at(9))


def given(now: float = 9, *heads: QueuedJob, **over: object) -> Snapshot:
    return replace(NOW, now=at(now), heads=heads, **over)  # type: ignore[arg-type]


def becomes(state: SessionState, when: float, cause: Cause) -> SessionChange:
    return SessionChange("s", Change(state, at(when), cause))


SLEEPS = becomes(SessionState.INACTIVE, 300, Cause.INTERACTIVE_TTL)
CLOSES = becomes(SessionState.CLOSED, 1000, Cause.MAX_TTL)
PAUSES = becomes(SessionState.INACTIVE, 8, Cause.DISPLACED)

BACKEND = [
    Case("S10 an offline backend starts nothing", given(9, OLD, online=False), Idle("S10")),
    Case(
        "S10 an offline backend starts no system job either",
        given(online=False, system=(SYSTEM,)),
        Idle("S10"),
    ),
    Case("S10 offline comes before busy", given(online=False, running=BUSY), Idle("S10")),
    Case("S1 a busy backend starts nothing", given(9, OLD, running=BUSY), Idle("S1")),
    Case(
        "S1 a busy backend starts nothing even for its session",
        given(9, OLD, running=BUSY, active=active(head=OURS)),
        Idle("S1"),
    ),
    Case("S2 a system job never interrupts", given(running=BUSY, system=(SYSTEM,)), Idle("S1")),
    Case("S2 a system job goes before older jobs", given(9, OLD, system=(SYSTEM,)), Start(SYSTEM, "S2")),
    Case(
        "S2 a system job goes before the active session",
        given(system=(SYSTEM,), active=active(head=OURS)),
        Start(SYSTEM, "S2"),
    ),
    Case(
        "S2 S5 a system job runs while a session holds the backend",
        given(system=(SYSTEM,), active=active(idle_until=300)),
        Start(SYSTEM, "S2"),
    ),
    Case(
        "S2 S3 a system job runs in a window of an instance",
        given(system=(SYSTEM,), windows=(window(5, 50, "b"),)),
        Start(SYSTEM, "S2"),
    ),
    Case(
        "S2 the system job that was due first goes first",
        given(system=(SYSTEM, job("earlier", 3, of="/"))),
        Start(job("earlier", 3, of="/"), "S2"),
    ),
    Case(
        "S2 a system job waits for its time",
        given(9, OLD, system=(job("later", 10, of="/"),)),
        Start(OLD, "S7"),
    ),
    Case(
        "S2 an idle backend awaits the next system job",
        given(system=(job("later", 10, of="/"),)),
        Idle("S7", at(10)),
    ),
]

SESSIONS = [
    Case(
        "S4 a session's job goes before an older one of others",
        given(9, OLD, active=active(head=OURS)),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 a batch's job goes before an older one of others",
        given(9, OLD, active=active("batch", head=OURS)),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 L9 a closing session's job goes before others",
        given(9, OLD, active=active(head=OURS, accepting=False)),
        Start(OURS, "S4"),
    ),
    Case(
        "S5 a dedicated session without a job holds the backend until its ITTL ends",
        given(9, OLD, active=active(idle_until=300)),
        Hold(at(300), "S5", "s"),
    ),
    Case(
        "L4 the hold ends with max TTL when that comes first",
        given(9, OLD, active=active(idle_until=300, ends=100)),
        Hold(at(100), "S5", "s"),
    ),
    Case(
        "S6 a batch without a job holds nothing",
        given(9, OLD, active=active("batch", idle_until=60)),
        Start(OLD, "S7"),
    ),
    Case(
        "L9 a session that accepts no more jobs holds nothing",
        given(9, OLD, active=active(idle_until=300, accepting=False)),
        Start(OLD, "S7"),
    ),
    Case(
        "S10 a session whose job is barred holds nothing",
        given(9, THEIRS, active=active(head=replace(OURS, barred=Bar.INSTANCE_LIMIT))),
        Start(THEIRS, "S7"),
    ),
]

PASSED_DEADLINES = [
    Case(
        "L6 S5 at the very ITTL deadline the hold is over",
        given(300, OLD, active=active(idle_until=300)),
        Start(OLD, "S7", (SLEEPS,)),
    ),
    Case(
        "L5 a job queued before the ITTL deadline stops it",
        given(400, OLD, active=active(idle_until=300, head=OURS)),
        Start(OURS, "S4"),
    ),
    Case(
        "L6 a job queued at the ITTL deadline waits like any other",
        given(400, OLD, active=active(idle_until=300, head=job("late", 300, "s"))),
        Start(OLD, "S7", (SLEEPS,)),
    ),
    Case(
        "L8 at max TTL the session's jobs are not started",
        given(1000, THEIRS, OURS, active=active(head=OURS)),
        Start(THEIRS, "S7", (CLOSES,)),
    ),
    Case(
        "L8 an older job of a closed session is passed over",
        given(1000, OURS, active=active(head=OURS)),
        Idle("S7", None, (CLOSES,)),
    ),
    Case(
        "L6 L8 both deadlines passed while nobody looked",
        given(2000, OLD, active=active(idle_until=300)),
        Start(OLD, "S7", (SLEEPS, CLOSES)),
    ),
    Case(
        "L8 max TTL before the ITTL deadline closes at once",
        given(2000, active=active(idle_until=1200)),
        Idle("S7", None, (CLOSES,)),
    ),
    Case(
        "L8 a job of an inactive session whose max TTL is over is passed over",
        given(9, job("gone", 0, "t", expires=9), OLD),
        Start(OLD, "S7"),
    ),
    Case(
        "L7 a job of an inactive session waits like any other",
        given(9, job("back", 0, "t", expires=10), OLD),
        Start(job("back", 0, "t", expires=10), "S7"),
    ),
    Case(
        "S1 a busy backend reports what is due as well",
        given(300, active=active(idle_until=300), running=BUSY),
        Idle("S1", None, (SLEEPS,)),
    ),
]

WINDOWS = [
    Case(
        "S3 in a dedicated window only its instance runs",
        given(9, OLD, THEIRS, windows=(window(5, 50, "b"),)),
        Start(THEIRS, "S7"),
    ),
    Case(
        "S3 without a job of its instance a dedicated window stays empty until it ends",
        given(9, OLD, windows=(window(5, 50, "b"),)),
        Idle("S7", at(50)),
    ),
    Case("S3 maintenance keeps everybody out", given(9, OLD, windows=(window(9, 50),)), Idle("S7", at(50))),
    Case("S3 a window's end is outside", given(50, OLD, windows=(window(9, 50),)), Start(OLD, "S7")),
    Case(
        "W2 a job that is expected to end before a window starts",
        given(9, job("fits", takes=11), windows=(window(20, 50),)),
        Start(job("fits", takes=11), "S7"),
    ),
    Case(
        "W2 a job that would run into a window waits, a younger one that fits goes",
        given(9, job("long", 0, takes=11.1), job("short", 1, takes=1), windows=(window(20, 50),)),
        Start(job("short", 1, takes=1), "S7"),
    ),
    Case(
        "W2 nothing fits: idle until the window begins",
        given(9, job("long", takes=12), windows=(window(20, 50),)),
        Idle("S7", at(20)),
    ),
    Case(
        "W2 a job of the window's instance may run into it",
        given(9, job("long", takes=99), windows=(window(20, 50, "a"),)),
        Start(job("long", takes=99), "S7"),
    ),
    Case(
        "W2 a priority window ahead is no reason to wait: nothing sent inside it can be waiting yet",
        given(9, job("long", takes=99), windows=(window(20, 50, "b", "priority"),)),
        Start(job("long", takes=99), "S7"),
    ),
    Case(
        "W3 a session of others is inactive from the start of a dedicated window",
        given(9, OURS, THEIRS, active=active(head=OURS), windows=(window(8, 50, "b"),)),
        Start(THEIRS, "S7", (PAUSES,)),
    ),
    Case(
        "W3 a held backend is given up at the start of a dedicated window",
        given(9, THEIRS, active=active(idle_until=300), windows=(window(8, 50, "b"),)),
        Start(THEIRS, "S7", (PAUSES,)),
    ),
    Case(
        "W4 a session works inside its instance's window as anywhere",
        given(9, OLD, active=active(head=OURS), windows=(window(8, 50, "a"),)),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 W2 a batch runs a shorter job when the oldest does not fit before a window",
        given(
            9,
            OLD,
            active=active("batch", head=job("long", takes=99), shorter=OURS),
            windows=(window(20, 50),),
        ),
        Start(OURS, "S4"),
    ),
    Case(
        "S4 a batch runs the oldest when it fits",
        given(9, active=active("batch", head=OURS, shorter=OLD), windows=(window(20, 50),)),
        Start(OURS, "S4"),
    ),
    Case(
        "S6 W2 a batch whose jobs do not fit keeps nobody waiting",
        given(9, OLD, active=active("batch", head=job("long", takes=99)), windows=(window(20, 50),)),
        Start(OLD, "S7"),
    ),
    Case(
        "S4 W2 a dedicated session keeps its order, and the backend, when its oldest does not fit",
        given(9, THEIRS, active=active(head=job("long", takes=99), shorter=OURS), windows=(window(20, 50),)),
        Hold(at(20), "W2", "s"),
    ),
    Case(
        "L8 W2 such a hold ends with max TTL",
        given(9, active=active(head=job("long", takes=99), ends=15), windows=(window(20, 50),)),
        Hold(at(15), "W2", "s"),
    ),
]

MINE = job("mine", 6, of="b/bob")
PRIORITY = (window(5, 50, "b", "priority"),)

PRIORITY_WINDOWS = [
    Case(
        "S9 in a priority window what its instance sent inside goes first",
        given(9, OLD, MINE, windows=PRIORITY),
        Start(MINE, "S9"),
    ),
    Case(
        "S9 first in, first out, whatever its users have used",
        given(
            9,
            job("young", 7, of="b/new"),
            MINE,
            windows=PRIORITY,
            books=Books([Share(id="b")], {("b", "bob"): 10**9}),
        ),
        Start(MINE, "S9"),
    ),
    Case(
        "S9 what was sent before the window waits in the usual order",
        given(9, OLD, THEIRS, windows=PRIORITY),
        Start(OLD, "S7"),
    ),
    Case(
        "S9 what others send inside the window has no priority",
        given(9, OLD, job("stranger", 6, of="c/cy"), windows=PRIORITY),
        Start(OLD, "S7"),
    ),
    Case(
        "S9 a job sent at the window's start counts as sent inside",
        given(9, OLD, job("just", 5, of="b/bob"), windows=PRIORITY),
        Start(job("just", 5, of="b/bob"), "S9"),
    ),
    Case(
        "S9 without such jobs the others run",
        given(9, OLD, windows=PRIORITY),
        Start(OLD, "S7"),
    ),
    Case(
        "S9 an active session of others is not interrupted",
        given(9, MINE, active=active(head=OURS), windows=PRIORITY),
        Start(OURS, "S4"),
    ),
    Case(
        "S9 S5 an idle session of others is not held against it",
        given(9, MINE, active=active(idle_until=300), windows=PRIORITY),
        Start(MINE, "S9"),
    ),
    Case(
        "S9 S5 without such jobs a session holds the backend as anywhere",
        given(9, THEIRS, active=active(idle_until=300), windows=PRIORITY),
        Hold(at(300), "S5", "s"),
    ),
    Case(
        "S9 a barred job has no priority",
        given(9, OLD, replace(MINE, barred=Bar.USER_SUSPENDED), windows=PRIORITY),
        Start(OLD, "S7"),
    ),
]

SPENT = Share(id="b", used=500_000_000)
SITS = Meter(instance="a", user="ann", since=at(0), session="s")
RUNS = Meter(instance="a", user="ann", since=at(0))
LATE = job("late", 300, "s")

GENERAL = [
    Case(
        "L17 F4 a session that has the backend no more has paid up to its end",
        given(
            1000, OLD, THEIRS, active=active(idle_until=300, ends=2000), books=Books([SPENT]), meters=(SITS,)
        ),
        Start(OLD, "S7", (SLEEPS,)),
    ),
    Case(
        "F4 the end of a session stops the meter of nobody else",
        given(
            1000, OLD, THEIRS, active=active(idle_until=300, ends=2000), books=Books([SPENT]), meters=(RUNS,)
        ),
        Start(THEIRS, "S7", (SLEEPS,)),
    ),
    Case(
        "L7 L6 the jobs of a session that became inactive wait like any other",
        given(400, LATE, active=active(idle_until=300, head=LATE)),
        Start(LATE, "S7", (SLEEPS,)),
    ),
    Case(
        "S6 W2 a batch runs none of its jobs if none fits",
        given(
            9,
            OLD,
            active=active("batch", head=job("long", takes=99), shorter=job("less", takes=98)),
            windows=(window(20, 50),),
        ),
        Start(OLD, "S7"),
    ),
    Case(
        "S3 S7 in a dedicated window the order is the usual one",
        given(9, MINE, windows=(window(5, 50, "b"),)),
        Start(MINE, "S7"),
    ),
    Case(
        "S10 W2 a session's barred job keeps nobody waiting for a window",
        given(
            9,
            THEIRS,
            active=active(head=job("long", takes=99, barred=Bar.INSTANCE_LIMIT)),
            windows=(window(20, 50),),
        ),
        Start(THEIRS, "S7"),
    ),
    Case(
        "S9 W2 a session that must wait for a window is not held against a priority window",
        given(9, MINE, active=active(head=job("long", takes=99)), windows=(*PRIORITY, window(60, 70))),
        Start(MINE, "S9"),
    ),
    Case("S7 the oldest job goes first", given(9, NEW, OLD), Start(OLD, "S7")),
    Case(
        "S7 jobs of the same instant go by id", given(9, job("b", 1), job("a", 1)), Start(job("a", 1), "S7")
    ),
    Case("S7 an empty queue leaves the backend idle", given(), Idle("S7")),
    Case(
        "S10 a barred job keeps its place",
        given(9, replace(OLD, barred=Bar.USER_SUSPENDED), NEW),
        Start(NEW, "S7"),
    ),
    Case(
        "F2 the instance that used less of its share goes first",
        given(9, OLD, THEIRS, books=Books([Share(id="a", used=10), Share(id="b", used=9)])),
        Start(THEIRS, "S7"),
    ),
    Case(
        "F4 a job that runs elsewhere counts from its start",
        given(
            9,
            OLD,
            THEIRS,
            books=Books([Share(id="a"), Share(id="b", used=2_999_999)]),
            meters=(Meter(instance="a", user="ann", since=at(6)),),
        ),
        Start(THEIRS, "S7"),
    ),
]

ALL = [*BACKEND, *SESSIONS, *PASSED_DEADLINES, *WINDOWS, *PRIORITY_WINDOWS, *GENERAL]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_it_decides(case: Case) -> None:
    assert decide(case.snapshot) == case.want


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_it_decides_the_same_without_heads_when_it_does_not_need_them(case: Case) -> None:
    without = replace(case.snapshot, heads=())
    assert needs_heads(without) == needs_heads(case.snapshot)
    if needs_heads(without):
        assert case.want.rule in ("S9", "S7", "S5", "W2")
    else:
        assert decide(without) == case.want
