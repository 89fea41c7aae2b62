"""The chooser, as sentences. Each case cites the rule it is about."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from quantumsvc.scheduling.effective import SessionChange
from quantumsvc.scheduling.fairshare import Books, Meter, Share
from quantumsvc.scheduling.policy import Decision, Hold, Idle, Start, Stop, decide, needs_heads
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


def becomes(state: SessionState, when: float, cause: Cause, *, waiting_fail: bool = False) -> SessionChange:
    return SessionChange("s", Change(state, at(when), cause, waiting_fail))


SLEEPS = becomes(SessionState.INACTIVE, 300, Cause.INTERACTIVE_TTL)
CLOSES = becomes(SessionState.CLOSED, 1000, Cause.MAX_TTL)
PAUSES = becomes(SessionState.INACTIVE, 8, Cause.DISPLACED)
ENDS = becomes(SessionState.INACTIVE, 8, Cause.WINDOW_ENDED)
FAILS = becomes(SessionState.INACTIVE, 8, Cause.WINDOW_ENDED, waiting_fail=True)

BACKEND = [
    Case("S10 an offline backend starts nothing", given(9, OLD, online=False), Idle("S10")),
    Case(
        "S10 an offline backend starts no system job either",
        given(online=False, system=(SYSTEM,)),
        Idle("S10"),
    ),
    Case("S10 a paused queue starts nothing", given(9, OLD, paused=True), Idle("S10")),
    Case(
        "S10 a paused queue starts nothing of its session, and holds nothing for it",
        given(paused=True, active=active(head=OURS)),
        Idle("S10"),
    ),
    Case(
        "S2 a system job starts while the queue is paused",
        given(system=(SYSTEM,), paused=True),
        Start(SYSTEM, "S2"),
    ),
    Case(
        "S10 offline counts more than paused",
        given(system=(SYSTEM,), paused=True, online=False),
        Idle("S10"),
    ),
    Case(
        "S10 a paused queue is looked at again when a system job falls due",
        given(2, OLD, system=(SYSTEM, job("cal2", 9, of="/")), paused=True),
        Idle("S10", at(4)),
    ),
    Case("S1 a paused backend that runs a job is busy", given(running=BUSY, paused=True), Idle("S1")),
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
        "S5 S2 a system job that falls due during the hold is started then",
        given(2, OLD, active=active(idle_until=300), system=(SYSTEM, job("cal2", 9, of="/"))),
        Hold(at(300), "S5", "s", look_at=at(4)),
    ),
    Case(
        "S5 S2 a system job that defers to the session is started when it does so no longer",
        given(9, active=active(idle_until=300), system=(replace(SYSTEM, deferral=timedelta(seconds=20)),)),
        Hold(at(300), "S5", "s", look_at=at(24)),
    ),
    Case(
        "S5 a system job that falls due when the hold ends changes nothing in it",
        given(9, active=active(idle_until=300), system=(replace(SYSTEM, submitted_at=at(300)),)),
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

RUNNING = RunningJob(id="x", started_at=at(5), instance="a", user="ann")
LENT = window(8, 50, "b", lends=10)
SHORT = job("short", takes=10)

GIVING_WAY = [
    Case(
        "W2 what others run is stopped when a dedicated window starts",
        given(8, running=RUNNING, windows=(window(8, 50, "b"),)),
        Stop("x", "w8", "W2"),
    ),
    Case(
        "W2 it is stopped later too, if nobody looked at the start",
        given(9, running=RUNNING, windows=(window(8, 50, "b"),)),
        Stop("x", "w8", "W2"),
    ),
    Case(
        "W2 a running job may go on until a window starts",
        given(7.9, running=RUNNING, windows=(window(8, 50, "b"),)),
        Idle("S1", at(8)),
    ),
    Case(
        "W2 what the window's instance runs goes on",
        given(9, running=RUNNING, windows=(window(8, 50, "a"),)),
        Idle("S1"),
    ),
    Case(
        "W2 a window that is over stops nothing",
        given(50, running=RUNNING, windows=(window(8, 50, "b"),)),
        Idle("S1"),
    ),
    Case(
        "S9 a priority window stops nothing",
        given(9, running=RUNNING, windows=(window(8, 50, "b", "priority"),)),
        Idle("S1"),
    ),
    Case(
        "W2 a backend that drains lets it finish",
        given(9, running=RUNNING, windows=(window(8, 50, "b"),), drains=True),
        Idle("S1"),
    ),
    Case(
        "S2 a system job is not stopped",
        given(9, running=BUSY, windows=(window(8, 50, "b"),)),
        Idle("S1"),
    ),
    Case(
        "W2 a paused backend stops it too: nothing starts, but the window does",
        given(9, online=False, running=RUNNING, windows=(window(8, 50, "b"),)),
        Stop("x", "w8", "W2"),
    ),
    Case(
        "S10 W2 a paused backend knows when it must",
        given(7, online=False, running=RUNNING, windows=(window(8, 50, "b"),)),
        Idle("S10", at(8)),
    ),
    Case(
        "W2 a colleague who is not among the window's users gives way as well",
        given(9, running=RUNNING, windows=(window(8, 50, "a", users="abe"),)),
        Stop("x", "w8", "W2"),
    ),
    Case(
        "W5 at the end of its window a job completes",
        given(8, running=RUNNING, windows=(window(4, 8, "a"), window(8.1, 9, "a"))),
        Idle("S1"),
    ),
    Case(
        "W5 it is stopped if a window of others begins there",
        given(8, running=RUNNING, windows=(window(4, 8, "a"), window(8, 50, "b"))),
        Stop("x", "w8", "W2"),
    ),
    Case(
        "W3 W2 a session of others is displaced together with its job",
        given(
            9,
            running=replace(RUNNING, session="s"),
            active=active(head=OURS, since=1),
            windows=(window(8, 50, "b"),),
        ),
        Stop("x", "w8", "W2", (PAUSES,)),
    ),
    Case(
        "W3 a window that has come and gone while nobody looked has displaced the session",
        given(60, OLD, active=active(idle_until=300, since=1), windows=(window(8, 50, "b"),)),
        Start(OLD, "S7", (PAUSES,)),
    ),
    Case(
        "W3 a window that was over before the session became active has not",
        given(60, OLD, active=active(idle_until=300, since=50), windows=(window(8, 50, "b"),)),
        Hold(at(300), "S5", "s"),
    ),
    Case(
        "W3 a session of a colleague who is not among the window's users is displaced",
        given(9, OLD, active=active(idle_until=300), windows=(window(8, 50, "a", users="abe"),)),
        Idle("S7", at(50), (PAUSES,)),
    ),
    Case(
        "W3 the first of two windows is what displaced it",
        given(60, OLD, active=active(idle_until=300), windows=(window(20, 50), window(8, 19, "b"))),
        Start(OLD, "S7", (PAUSES,)),
    ),
    Case(
        "W3 a window made for this very moment displaces what has just become active",
        given(8, OLD, active=active(idle_until=300, since=8), windows=(window(7, 50, "b"),)),
        Idle("S7", at(50), (PAUSES,)),
    ),
    Case(
        "W4 at the end of its window a session becomes inactive",
        given(9, THEIRS, active=active(idle_until=300, since=5), windows=(window(4, 8, "a"),)),
        Start(THEIRS, "S7", (ENDS,)),
    ),
    Case(
        "W4 its jobs then wait like any other",
        given(9, OURS, THEIRS, active=active(head=OURS), windows=(window(4, 8, "a"),)),
        Start(THEIRS, "S7", (ENDS,)),
    ),
    Case(
        "W4 L6 and reactivate it when it is their turn",
        given(9, OURS, active=active(head=OURS), windows=(window(4, 8, "a"),)),
        Start(OURS, "S7", (ENDS,)),
    ),
    Case(
        "W2 it waits for a window that its user, though not its session, may not use",
        given(
            9,
            THEIRS,
            active=active(head=job("abe", 3, "s", of="a/abe", takes=99)),
            windows=(window(20, 50, "a", users="ann"),),
        ),
        Hold(at(20), "W2", "s"),
    ),
    Case(
        "W4 or they fail, if that is the window's policy",
        given(9, OURS, active=active(head=OURS), windows=(window(4, 8, "a", policy="fail"),)),
        Idle("S7", None, (FAILS,)),
    ),
    Case(
        "W4 the jobs of others do not fail with them",
        given(9, OURS, OLD, active=active(head=OURS), windows=(window(4, 8, "a", policy="fail"),)),
        Start(OLD, "S7", (FAILS,)),
    ),
    Case(
        "W4 what is sent after the window's end does not fail with it",
        given(9, job("late", 8, "s"), active=active(), windows=(window(4, 8, "a", policy="fail"),)),
        Start(job("late", 8, "s"), "S7", (FAILS,)),
    ),
    Case(
        "W4 until its window ends a session goes on",
        given(7.9, OLD, active=active(head=OURS, since=5), windows=(window(4, 8, "a"),)),
        Start(OURS, "S4"),
    ),
    Case(
        "W4 a session of others does not end with a window",
        given(9, OLD, active=active(idle_until=300, since=1), windows=(window(4, 8, "b", "priority"),)),
        Hold(at(300), "S5", "s"),
    ),
    Case(
        "W4 W3 at the same instant the end of its own window counts",
        given(8, OURS, active=active(head=OURS), windows=(window(8, 9), window(4, 8, "a", policy="fail"))),
        Idle("S7", at(9), (FAILS,)),
    ),
    Case(
        "S5 W3 the backend is held no longer than to the start of a window of others",
        given(9, OLD, active=active(idle_until=300), windows=(window(20, 50, "b"),)),
        Hold(at(20), "S5", "s"),
    ),
    Case(
        "S5 W4 nor than to the end of its own window",
        given(9, OLD, active=active(idle_until=300), windows=(window(4, 20, "a"),)),
        Hold(at(20), "S5", "s"),
    ),
    Case(
        "W2 W4 nor does it wait for a window longer than its own lasts",
        given(
            9,
            THEIRS,
            active=active(head=job("long", takes=99)),
            windows=(window(4, 20, "a"), window(30, 50, "b")),
        ),
        Hold(at(20), "W2", "s"),
    ),
    Case(
        "S3 a job whose user may not use the window waits, though it is the same instance's",
        given(9, OLD, job("abe", 2, of="a/abe"), windows=(window(5, 50, "a", users="abe"),)),
        Start(job("abe", 2, of="a/abe"), "S7"),
    ),
    Case(
        "S3 F3 inside a window the users of its instance take turns by what they have used",
        given(
            9,
            OLD,
            job("abe", 2, of="a/abe"),
            job("amy", 3, of="a/amy"),
            windows=(window(5, 50, "a", users="ann abe amy"),),
            books=Books([Share(id="a")], {("a", "ann"): 9, ("a", "abe"): 2, ("a", "amy"): 1}),
        ),
        Start(job("amy", 3, of="a/amy"), "S7"),
    ),
    Case(
        "S9 only those who may use a priority window have priority",
        given(
            9,
            OLD,
            job("abe", 6, of="a/abe"),
            job("ann", 5, of="a/ann"),
            windows=(window(5, 50, "a", "priority", users="abe"),),
        ),
        Start(job("abe", 6, of="a/abe"), "S9"),
    ),
    Case(
        "W2 a session's job that may not use the present window keeps nobody waiting",
        given(
            9,
            THEIRS,
            active=active(head=job("abe", 3, "s", of="a/abe"), of="a/ann"),
            windows=(window(5, 50, "a", users="ann", lends=1),),
        ),
        Start(THEIRS, "S3"),
    ),
    Case(
        "S2 in a window of others a system job runs first as well",
        given(9, THEIRS, system=(SYSTEM,), windows=(window(5, 50, "b"),)),
        Start(SYSTEM, "S2"),
    ),
    Case(
        "S2 a system job defers to a session for as long as the operator allows",
        given(9, OURS, active=active(head=OURS), system=(replace(SYSTEM, deferral=timedelta(seconds=6)),)),
        Start(OURS, "S4"),
    ),
    Case(
        "S2 and no longer",
        given(10, OURS, active=active(head=OURS), system=(replace(SYSTEM, deferral=timedelta(seconds=6)),)),
        Start(replace(SYSTEM, deferral=timedelta(seconds=6)), "S2"),
    ),
    Case(
        "S2 it defers to nobody who waits in the common order",
        given(9, OLD, system=(replace(SYSTEM, deferral=timedelta(seconds=6)),)),
        Start(replace(SYSTEM, deferral=timedelta(seconds=6)), "S2"),
    ),
    Case(
        "S2 it defers to a dedicated reservation",
        given(9, system=(replace(SYSTEM, deferral=timedelta(seconds=6)),), windows=(window(5, 50, "a"),)),
        Idle("S7", at(10)),
    ),
    Case(
        "S2 but not to maintenance, which may be its own time",
        given(9, system=(replace(SYSTEM, deferral=timedelta(seconds=6)),), windows=(window(5, 50),)),
        Start(replace(SYSTEM, deferral=timedelta(seconds=6)), "S2"),
    ),
    Case(
        "S2 nor to a priority window",
        given(
            9,
            system=(replace(SYSTEM, deferral=timedelta(seconds=6)),),
            windows=(window(5, 50, "a", "priority"),),
        ),
        Start(replace(SYSTEM, deferral=timedelta(seconds=6)), "S2"),
    ),
    Case(
        "S3 time that its owner leaves unused is filled, if the operator lends it",
        given(9, SHORT, windows=(LENT,)),
        Start(SHORT, "S3"),
    ),
    Case(
        "S3 not by jobs that may take longer",
        given(9, job("long", takes=10.1), windows=(LENT,)),
        Idle("S7", at(50)),
    ),
    Case(
        "S3 not by barred jobs",
        given(9, replace(SHORT, barred=Bar.USER_SUSPENDED), windows=(LENT,)),
        Idle("S7", at(50)),
    ),
    Case(
        "S3 not by jobs of sessions",
        given(9, replace(SHORT, session="t"), windows=(LENT,)),
        Idle("S7", at(50)),
    ),
    Case("S3 not when its owner has a job", given(9, SHORT, THEIRS, windows=(LENT,)), Start(THEIRS, "S7")),
    Case(
        "S3 S5 not when its owner's session holds the backend",
        given(9, SHORT, active=active(idle_until=300, of="b/bob"), windows=(LENT,)),
        Hold(at(50), "S5", "s"),
    ),
    Case(
        "S3 F2 of several, the one whose turn it is",
        given(
            9,
            SHORT,
            job("c", 5, of="c/cy"),
            windows=(LENT,),
            books=Books([Share(id="a", used=1), Share(id="c")]),
        ),
        Start(job("c", 5, of="c/cy"), "S3"),
    ),
    Case(
        "S3 a job that fills may go on for as long as was lent",
        given(9, running=replace(RUNNING, started_at=at(8)), windows=(LENT,)),
        Idle("S1", at(18)),
    ),
    Case(
        "S3 W2 and is stopped then",
        given(18, running=replace(RUNNING, started_at=at(8)), windows=(LENT,)),
        Stop("x", "w8", "W2"),
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

ALL = [*BACKEND, *SESSIONS, *PASSED_DEADLINES, *WINDOWS, *GIVING_WAY, *PRIORITY_WINDOWS, *GENERAL]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_it_decides(case: Case) -> None:
    assert decide(case.snapshot) == case.want


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_it_decides_the_same_without_heads_when_it_does_not_need_them(case: Case) -> None:
    without = replace(case.snapshot, heads=())
    assert needs_heads(without) == needs_heads(case.snapshot)
    if needs_heads(without):
        assert case.want.rule in ("S9", "S7", "S5", "W2", "S3")
    else:
        assert decide(without) == case.want
