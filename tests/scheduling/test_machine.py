"""Anything may happen, in any order; the kernel and a slow reading of the rules must always agree."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quantumsvc.scheduling.actors import Sitting
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.policy import Decision, Hold, Idle, Start, Stop, decide, needs_heads
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.scheduling.states import JobState, SessionMode
from quantumsvc.scheduling.windows import EndPolicy, Window, WindowMode
from quantumsvc.scheduling.world import World
from tests.scheduling.reading import Event, Reading, SessionTerms
from tests.scheduling.times import at

# A hub with two groups, of which one has jobs of its own, an instance beside it, and one without shares.
SHARES: dict[str, tuple[str | None, int]] = {
    "hub": (None, 3),
    "a": ("hub", 2),
    "b": ("hub", 1),
    "c": (None, 1),
    "d": (None, 0),
}
PEOPLE = ("a/ann", "a/abe", "b/bob", "c/cy", "d/dan", "hub/hal")
TERMINAL = {"completed", "failed", "cancelled"}
INTERACTIVE_TTL, MAX_TTL, UNUSED_TTL = 10, 40, 30
# Whose windows are: nobody's, an instance's, or those of some of its users.
OWNERS = ((None, ""), ("a", ""), ("a", ""), ("a", "ann"), ("c", ""), ("hub", ""))

people = st.sampled_from(PEOPLE)
bells = st.sampled_from((0, 1, 1, 1, 2))
# Short steps meet deadlines exactly; long ones pass several at once, or the whole rolling window.
bookings = st.fixed_dictionaries(
    {
        "wait": st.integers(0, 25),
        "long": st.integers(1, 40),
        "owner": st.sampled_from(OWNERS),
        "mode": st.sampled_from(WindowMode),
        "end_policy": st.sampled_from(EndPolicy),
        "filler": st.sampled_from((0, 0, 4)),
    }
)
steps = st.sampled_from((0.5, 1, 1, 2, 2, 3, 5, 5, 9, 10, 10.5, 20, 30, 40, 100, 28 * 86400))


class Machine(RuleBasedStateMachine):
    """A world, and the list of everything that has happened to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = at(0)
        self.events: list[Event] = []
        self.world = World()
        self.ended: dict[str, str] = {}
        self.numbers = 0

    @initialize(
        plans=st.one_of(st.just([]), st.lists(bookings, min_size=1, max_size=3)),
        drains=st.sampled_from((False, False, False, True)),
    )
    def begin(self, plans: list[dict[str, Any]], drains: bool) -> None:
        books = Books(Share(id=name, parent=up, shares=shares) for name, (up, shares) in SHARES.items())
        self.world = World(books)
        self.world.drains = drains
        for plan in plans:
            self.book_after_the_last(plan)

    def note(self, what: str, ident: str = "", detail: object = None) -> None:
        self.events.append(Event(self.now, what, ident, detail))

    def new(self, letter: str) -> str:
        self.numbers += 1
        return f"{letter}{self.numbers:03d}"

    def ring(self, bells: int) -> None:
        """Lost, heard, or doubled."""
        for _ in range(bells):
            while isinstance(decision := self.hear(), Stop):
                self.note("stopped", decision.job)
            if isinstance(decision, Start):
                self.note("start", decision.job.id)
            assert not self.reading().in_the_way(), "no foreign work in the time of others"

    def hear(self) -> Decision:
        before = self.reading()
        decision = self.world.look(self.now)
        assert brief(decision) == before.decision()
        if isinstance(decision, Start):
            self.keeps_the_promise_of_sessions(before, decision)
        return decision

    def keeps_the_promise_of_sessions(self, before: Reading, decision: Start) -> None:
        active = before.active()
        shut = any(window.users for window in before.windows)
        if active is None or decision.rule in ("S2", "S9") or before.barred or shut:
            return
        ident, session = active
        if session.terms.mode == "dedicated":
            assert decision.job.session == ident, "nobody else's job inside a held session"

    # What users do

    @rule(who=people, takes=st.integers(0, 20), bells=bells)
    def submit(self, who: str, takes: int, bells: int) -> None:
        self.send(who, takes, None, bells)

    @rule(pick=st.integers(0, 9), takes=st.integers(0, 20), bells=bells, other=st.booleans())
    def submit_to_session(self, pick: int, takes: int, bells: int, other: bool) -> None:
        sessions = [each for each in self.world.sessions.values() if each.accepting_jobs]
        if sessions:
            chosen = sessions[pick % len(sessions)]
            user = "abe" if other and chosen.instance == "a" else chosen.user
            self.send(f"{chosen.instance}/{user}", takes, chosen.id, bells)

    def send(self, who: str, takes: int, session: str | None, bells: int) -> None:
        instance, user = who.split("/")
        entry = QueuedJob(
            id=self.new("j"),
            submitted_at=self.now,
            session=session,
            instance=instance,
            user=user,
            expected=timedelta(seconds=takes),
        )
        if self.world.submit(entry, self.now):
            self.note("submit", entry.id, entry)
        self.ring(bells)

    @rule(
        who=people,
        mode=st.sampled_from(SessionMode),
        jobs=st.one_of(st.just([]), *[st.lists(st.integers(0, 20), min_size=1, max_size=4)] * 3),
        bells=bells,
    )
    def open_session(self, who: str, mode: SessionMode, jobs: list[int], bells: int) -> None:
        instance, user = who.split("/")
        ident = self.new("s")
        terms = SessionTerms(instance, user, mode.value, MAX_TTL, INTERACTIVE_TTL, UNUSED_TTL)
        self.world.open_session(
            Sitting(
                id=ident, instance=instance, user=user, mode=mode, max_ttl=MAX_TTL, created_at=self.now,
                interactive_ttl=INTERACTIVE_TTL, unused_ttl=UNUSED_TTL,
            )
        )  # fmt: skip
        self.note("open", ident, terms)
        for takes in jobs:
            self.send(who, takes, ident, bells)

    @rule(pick=st.integers(0, 9), bells=bells)
    def cancel_job(self, pick: int, bells: int) -> None:
        self.world.settle(self.now)
        pending = [
            i for i, work in self.world.jobs.items() if work.state in (JobState.QUEUED, JobState.RUNNING)
        ]
        if pending:
            ident = pending[pick % len(pending)]
            self.world.cancel_job(ident, self.now)
            self.note("end", ident, "cancelled")
            self.ring(bells)

    @rule(pick=st.integers(0, 9), bells=bells, gently=st.booleans())
    def close(self, pick: int, bells: int, gently: bool) -> None:
        if not self.world.sessions:
            return
        ident = list(self.world.sessions)[pick % len(self.world.sessions)]
        (self.world.close_session if gently else self.world.cancel_session)(ident, self.now)
        self.note("close" if gently else "cancel", ident)
        self.ring(bells)

    # What operators do

    @rule(later=st.sampled_from((0, 5)), deferral=st.sampled_from((0, 0, 6)), bells=bells)
    def submit_system(self, later: int, deferral: int, bells: int) -> None:
        entry = QueuedJob(
            id=self.new("c"),
            submitted_at=self.now + timedelta(seconds=later),
            deferral=timedelta(seconds=deferral),
        )
        self.world.submit_system(entry)
        self.note("system", entry.id, entry)
        self.ring(bells)

    @precondition(lambda self: self.numbers % 3 == 0)
    @rule(who=people, barred=st.sampled_from((True, False, False)), bells=bells)
    def bar(self, who: str, barred: bool, bells: int) -> None:
        instance, user = who.split("/")
        self.world.bar(instance, user, Bar.USER_SUSPENDED if barred else None)
        self.note("bar", who, barred)
        self.ring(bells)

    @precondition(lambda self: self.numbers % 7 == 3)
    @rule(to=st.sampled_from(("off", "paused")), bells=bells)
    def switch_off(self, to: str, bells: int) -> None:
        self.switch(to)
        self.ring(bells)

    def switch(self, to: str) -> None:
        """The backend is on, off, or on with its queue paused (S10)."""
        self.world.online, self.world.paused = to != "off", to == "paused"
        self.note("switch", "", to)

    # What operators do with time

    def book_after_the_last(self, plan: dict[str, Any]) -> None:
        """W1: a window after those that there are."""
        first = max((window.end for window in self.world.windows), default=self.now)
        start = max(first, self.now) + timedelta(seconds=plan["wait"])
        self.book(plan, start, start + timedelta(seconds=plan["long"]))

    def book(self, plan: dict[str, Any], start: datetime, end: datetime) -> None:
        instance, users = plan["owner"]
        window = Window(
            id=self.new("w"),
            start=start,
            end=end,
            instance=instance,
            mode=plan["mode"] if instance else WindowMode.DEDICATED,
            users=frozenset(users.split()),
            end_policy=plan["end_policy"],
            filler=timedelta(seconds=plan["filler"]),
        )
        self.world.book(window)
        self.note("book", window.id, window)

    @precondition(lambda self: self.numbers % 2 == 0)
    @rule(plan=bookings, bells=bells)
    def reserve(self, plan: dict[str, Any], bells: int) -> None:
        """Perhaps from now on, or from the instant at which another window ends."""
        self.world.settle(self.now)
        start = self.now + timedelta(seconds=plan["wait"])
        following = [window.start for window in self.world.windows if window.end > start]
        if not following or min(following) > start:
            self.book(plan, start, min([start + timedelta(seconds=plan["long"]), *following]))
        else:
            self.book_after_the_last(plan | {"wait": 0})
        self.ring(bells)

    @precondition(lambda self: self.world.windows)
    @rule(pick=st.integers(0, 9), move=st.sampled_from((None, -3, 5)), bells=bells)
    def cancel_or_move(self, pick: int, move: int | None, bells: int) -> None:
        """To move is to cancel, and to book anew."""
        self.world.settle(self.now)
        if not self.world.windows:
            return
        window = self.world.windows[pick % len(self.world.windows)]
        self.world.withdraw(window.id, self.now)
        self.note("withdraw", window.id)
        if move is not None:
            start = max(window.start + timedelta(seconds=move), self.now)
            end = start + (window.end - window.start)
            if all(each.end <= start or each.start >= end for each in self.world.windows):
                moved = replace(window, id=self.new("w"), start=start, end=end)
                self.world.book(moved)
                self.note("book", moved.id, moved)
        self.ring(bells)

    @precondition(lambda self: self.world.windows)
    @rule(bells=bells)
    def release_early(self, bells: int) -> None:
        self.world.settle(self.now)
        for window in self.world.windows:
            if window.start < self.now < window.end:
                self.note("release", window.id)
                self.world.release(window.id, self.now)
        self.ring(bells)

    # What workers do

    @precondition(lambda self: self.world.running)
    @rule(failed=st.booleans(), bells=bells)
    def finish(self, failed: bool, bells: int) -> None:
        self.finish_now(JobState.FAILED if failed else JobState.COMPLETED)
        self.ring(bells)

    def finish_now(self, state: JobState) -> None:
        ident = self.running_id()
        self.world.finish(self.now, state)
        self.note("end", ident, state.value)

    @rule(rounds=st.integers(1, 4), seconds=st.sampled_from((1, 3)))
    def work_for_a_while(self, rounds: int, seconds: int) -> None:
        """What mostly happens: jobs run and end, and every bell is heard."""
        for _ in range(rounds):
            self.ring(1)
            self.now += timedelta(seconds=seconds)
            if self.world.running:
                self.finish_now(JobState.COMPLETED)
        self.ring(1)

    @precondition(lambda self: self.world.running)
    @rule(bells=bells)
    def lose_worker(self, bells: int) -> None:
        ident = self.running_id()
        self.world.lose(self.now)
        self.note("lost", ident)
        self.ring(bells)

    def running_id(self) -> str:
        assert self.world.running is not None
        return self.world.running.entry.id

    @rule(bells=st.integers(1, 2))
    def doorbell(self, bells: int) -> None:
        self.ring(bells)

    # What time does

    @rule(seconds=steps, bells=bells)
    def pass_time(self, seconds: float, bells: int) -> None:
        self.now += timedelta(seconds=seconds)
        if seconds <= 100:
            self.agrees_before_anybody_wrote_it_down()
        self.switch("on")
        self.ring(bells)

    def agrees_before_anybody_wrote_it_down(self) -> None:
        assert brief(decide(unsettled(self.world, self.now))) == self.reading().decision()

    # What must hold

    def reading(self) -> Reading:
        return Reading(self.events, self.now, SHARES, drains=self.world.drains)

    def teardown(self) -> None:
        """F5: when windows and bars have passed and nothing new comes, every job that was sent has run."""
        for who in PEOPLE:
            instance, user = who.split("/")
            self.world.bar(instance, user, None)
            self.note("bar", who, False)
        self.switch("on")
        last = max((window.end for window in self.world.windows), default=self.now)
        self.now = max(self.now, last)
        for _ in range(3 * len(self.world.jobs) + 10):
            self.ring(1)
            self.now += timedelta(seconds=1)
            if self.world.running:
                self.finish_now(JobState.COMPLETED)
            elif self.world.active:
                self.now += timedelta(seconds=INTERACTIVE_TTL)
        self.world.settle(self.now)
        left = [ident for ident, work in self.world.jobs.items() if work.state not in TERMINAL]
        assert not left, "nobody waits for ever"

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        self.world.settle(self.now)
        want = self.reading()
        self.states_agree(want)
        self.decisions_agree(want)
        self.usage_adds_up(want)

    def states_agree(self, want: Reading) -> None:
        jobs = {ident: work.state.value for ident, work in self.world.jobs.items()}
        assert jobs == {ident: job.state for ident, job in want.jobs.items()}
        for ident, state in self.ended.items():
            assert jobs[ident] == state, "a terminal state never changes"
        self.ended = {ident: state for ident, state in jobs.items() if state in TERMINAL}
        for ident, session in want.sessions.items():
            got = self.world.sessions[ident]
            assert (got.state.value, got.accepting_jobs) == (session.state, session.accepting)
            assert (got.started_at, got.closed_at) == (session.started, session.closed)
            assert got.interactive_deadline == session.idle_until
        running = want.running()
        assert (self.world.running.entry.id if self.world.running else None) == running

    def decisions_agree(self, want: Reading) -> None:
        heads = decide(self.world.snapshot(self.now))
        whole = decide(self.world.snapshot(self.now, whole=True))
        assert brief(heads) == want.decision()
        assert heads == whole, "heads are enough"
        blind = replace(self.world.snapshot(self.now), heads=())
        assert needs_heads(blind) or decide(blind) == whole
        if isinstance(heads, Hold):
            assert heads.until > self.now
        if isinstance(heads, Idle) and heads.until is not None:
            assert heads.until > self.now

    def usage_adds_up(self, want: Reading) -> None:
        charged: dict[str, int] = {}
        for payer, _, since, until in want.charges(closed_only=True):
            charged[payer] = charged.get(payer, 0) + (until - since) // timedelta(microseconds=1)
        got = {name: total for name, total in self.world.ledger.charged.items() if total}
        assert got == {name: total for name, total in charged.items() if total}
        horizon = self.now - timedelta(days=28)
        for top in SHARES:
            recent = sum(
                (until - since) // timedelta(microseconds=1)
                for payer, _, since, until in want.charges(closed_only=True)
                if until > horizon and want._is_below(payer, top)
            )
            assert self.world.books.used(top) == recent


def brief(decision: Decision) -> tuple[str, str | None]:
    """The rule, and the job or session that it names."""
    if isinstance(decision, Start):
        return decision.rule, decision.job.id
    if isinstance(decision, Stop):
        return decision.rule, decision.job
    return decision.rule, decision.session if isinstance(decision, Hold) else None


def unsettled(world: World, now: datetime) -> Snapshot:
    """What the rows say when no process was awake for a while: sessions as they were written last."""
    stale = world.snapshot(now, whole=True)
    ends = {ident: session.ends_at for ident, session in world.sessions.items()}
    unused = {i: s.created_at for i, s in world.sessions.items() if not s.first_job}
    assert not unused or all(job.session not in unused for job in stale.heads)
    heads = tuple(replace(job, expires_at=ends[job.session]) if job.session else job for job in stale.heads)
    return replace(stale, heads=heads)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=int(os.environ.get("MACHINE_RUNS", "150")),
    stateful_step_count=40,
    deadline=None,
    derandomize=os.environ.get("MACHINE_RANDOM") is None,
    suppress_health_check=list(HealthCheck),
    # A broken rule needs no smallest example when it is broken on purpose (tests.mutants).
    phases=[Phase.generate] if os.environ.get("MACHINE_UNSHRUNK") else list(Phase),
)
