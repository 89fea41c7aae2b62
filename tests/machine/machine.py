"""Two backends with all that can happen to them, in rows of the real tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quantumsvc.backends.models import Backend
from quantumsvc.errors import Conflict, SessionClosed
from quantumsvc.scheduling.policy import Hold, Start, Stop, decide
from quantumsvc.scheduling.states import SessionMode
from sessions_app.models import BackendLease, Decision, Job, Session
from sessions_app.services import opening, submission
from sessions_app.services.dispatch import Claim, recover
from sessions_app.services.endings import cancel_job
from sessions_app.services.leases import LEASE, LeaseLost
from sessions_app.services.lives import settle_overdue
from sessions_app.services.opening import cancel_session, close_session
from sessions_app.services.timekeeper import sweep
from sessions_app.services.waiting import outlook, present
from tests.factories import at, open_, submit
from tests.machine import rows
from tests.machine.history import History
from tests.machine.people import MAX_TTL, PEOPLE, Village, make_site, settle_village
from tests.scheduling.reading import Reading
from tests.services.worker import Worker

people = st.sampled_from(PEOPLE)
sites = st.sampled_from((0, 0, 0, 1))
picks = st.integers(0, 9)
# A bell may be lost, heard, or doubled.
bells = st.sampled_from((0, 0, 1, 1, 2))
# How long a job says that it runs, which decides whether it starts before a window.
costs = st.sampled_from((1, 5, 20))
# Between any two things some time passes, so that nothing can rely on a deadline having been written down.
pauses = st.sampled_from((0, 0, 0, 0.5, 1, 2, 5, 10, 11))
steps = st.sampled_from((0.5, 1, 2, 3, 5, 6, 9, 10, 10.5, 15, 20, 30, 40, 100))


class Site:
    """A backend, who looks after it, and what has happened on it."""

    def __init__(self, village: Village) -> None:
        self.backend: Backend = make_site()
        self.history = History(village.shares)
        self.worker = Worker(self.backend, owner="w0")
        self.online = True
        # Workers that lost the backend while they ran something.
        self.ghosts: list[Worker] = []


def brief(decision: Any) -> tuple[str, str | None]:
    """The rule, and the job or session that it names."""
    if isinstance(decision, Start):
        return decision.rule, decision.job.id
    if isinstance(decision, Stop):
        return decision.rule, decision.job
    return decision.rule, decision.session if isinstance(decision, Hold) else None


@contextmanager
def counted_ids() -> Iterator[None]:
    """Ids in the order in which they are made, so that a failing course can be played again."""
    numbers = count(1)

    def make() -> str:
        return f"id-{next(numbers):08d}"

    with mock.patch.object(submission, "new_id", make), mock.patch.object(opening, "new_id", make):
        yield


class Machine(RuleBasedStateMachine):
    """Every rule is something that people, workers or time do; nothing of it is kept afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.ids = counted_ids()
        self.ids.__enter__()
        self.clock = 0.0
        self.village = settle_village()
        self.sites = [Site(self.village) for _ in range(2)]
        self.ended: dict[str, str] = {}

    def teardown(self) -> None:
        connection.check_constraints()
        self.ids.__exit__(None, None, None)
        transaction.set_rollback(True)
        self.frame.__exit__(None, None, None)

    # What users do

    @rule(who=people, where=sites, cost=costs, after=pauses, bells=bells)
    def submit(self, who: str, where: int, cost: int, after: float, bells: int) -> None:
        site = self.at_site(where, after)
        self.send(site, who, cost=cost)
        self.ring(site, bells)

    @rule(who=people, where=sites, cost=st.sampled_from((5, 20)), after=pauses, bells=bells)
    def start_session(self, who: str, where: int, cost: int, after: float, bells: int) -> None:
        site = self.at_site(where, after)
        job = submit(self.village.people[who], site.backend, self.clock, start_session=True, cost=cost)
        assert job.session is not None
        assert (job.session.pk, job.session.max_ttl) == (job.pk, min(cost, MAX_TTL)), "L2, L13"
        site.history.opened(job.session)
        site.history.submitted(job)
        self.ring(site, bells)

    @rule(
        who=people, where=sites, mode=st.sampled_from(SessionMode), jobs=st.integers(0, 3),
        after=pauses, bells=bells,
    )  # fmt: skip
    def open_session(
        self, who: str, where: int, mode: SessionMode, jobs: int, after: float, bells: int
    ) -> None:
        site = self.at_site(where, after)
        session = open_(self.village.people[who], site.backend, self.clock, mode=mode)
        site.history.opened(session)
        for _ in range(jobs):
            self.send(site, who, session_id=session.pk)
        self.ring(site, bells)

    @rule(pick=picks, where=sites, other=st.booleans(), after=pauses, bells=bells)
    def submit_to_session(self, pick: int, where: int, other: bool, after: float, bells: int) -> None:
        """Also to one that accepts no more jobs: then it is refused (L8-L10)."""
        site = self.at_site(where, after)
        session = self.pick_session(site, pick)
        if session is None:
            return
        who = "a/abe" if other and session.user.username == "a/ann" else session.user.username
        if self.want(site).sessions[session.pk].accepting:
            self.send(site, who, cost=1, session_id=session.pk)
        else:
            with pytest.raises(SessionClosed):
                self.send(site, who, cost=1, session_id=session.pk)
        self.ring(site, bells)

    @rule(pick=picks, where=sites, after=pauses, bells=bells)
    def cancel_job(self, pick: int, where: int, after: float, bells: int) -> None:
        """Also one that has ended: then it is refused (J1)."""
        site = self.at_site(where, after)
        job = self.pick_job(site, pick)
        if job is None:
            return
        if self.want(site).jobs[job.pk].state in ("queued", "running"):
            cancel_job(job=job, now=at(self.clock))
            site.history.note(at(self.clock), "end", job.pk, "cancelled")
        else:
            with pytest.raises(Conflict), transaction.atomic():
                cancel_job(job=job, now=at(self.clock))
        self.ring(site, bells)

    @rule(pick=picks, where=sites, gently=st.booleans(), after=pauses, bells=bells)
    def close_session(self, pick: int, where: int, gently: bool, after: float, bells: int) -> None:
        site = self.at_site(where, after)
        session = self.pick_session(site, pick)
        if session is not None:
            (close_session if gently else cancel_session)(session=session, now=at(self.clock))
            site.history.note(at(self.clock), "close" if gently else "cancel", session.pk)
            self.ring(site, bells)

    @rule(pick=picks, where=sites, after=pauses)
    def ask_why(self, pick: int, where: int, after: float) -> None:
        """E1: who waits is told why, and the reader sees what is true now, settled or not."""
        site = self.at_site(where, after)
        job = self.pick_job(site, pick)
        if job is not None:
            told = outlook(job, at(self.clock))
            assert (told is not None) == (self.want(site).jobs[job.pk].state == "queued")

    # What operators do

    @rule(who=people, suspended=st.sampled_from((True, False, False)), bells=bells)
    def suspend(self, who: str, suspended: bool, bells: int) -> None:
        author = self.village.people[who]
        author.user.is_active = not suspended
        author.user.save()
        for site in self.sites:
            site.history.note(at(self.clock), "bar", f"{author.instance.pk}/{author.user.pk}", suspended)
            self.ring(site, bells)

    @precondition(lambda self: all(site.online for site in self.sites))
    @rule(where=sites, to=st.sampled_from(("off", "paused")), bells=bells)
    def switch_off(self, where: int, to: str, bells: int) -> None:
        self.switch(self.sites[where], to)
        self.ring(self.sites[where], bells)

    def switch(self, site: Site, to: str) -> None:
        """The backend is on, off, or on with its queue paused (S10)."""
        Backend.objects.filter(pk=site.backend.pk).update(is_online=to != "off", is_paused=to == "paused")
        site.online = to == "on"
        site.history.note(at(self.clock), "switch", "", to)

    # What workers do

    @rule(where=sites, failed=st.booleans(), after=pauses)
    def finish(self, where: int, failed: bool, after: float) -> None:
        site = self.at_site(where, after)
        if site.worker.running is not None:
            self.turn(site, "failed" if failed else "completed")

    @rule(where=sites, rounds=st.integers(1, 4), seconds=st.sampled_from((1, 3)))
    def work_for_a_while(self, where: int, rounds: int, seconds: int) -> None:
        """What mostly happens: jobs run and end, and every bell is heard."""
        site = self.sites[where]
        for _ in range(rounds):
            self.ring(site, 1)
            self.clock += seconds
            if site.worker.running is not None:
                self.turn(site, "completed")

    @rule(where=sites, after=pauses, noticed=st.booleans(), bells=bells)
    def lose_worker(self, where: int, after: float, noticed: bool, bells: int) -> None:
        """J2: its lease runs out, or somebody notices before that its connection is gone."""
        site = self.at_site(where, after)
        if noticed:
            BackendLease.objects.filter(pk=site.backend.pk).update(expires_at=at(self.clock))
        else:
            self.clock += LEASE.total_seconds()
        self.sweep()
        before = self.want(site).running()
        if site.worker.running is not None:
            site.ghosts.append(site.worker)
        site.worker = Worker(site.backend, when=self.clock, owner=f"w{site.worker.lease.fence}")
        recover(site.worker.lease, now=at(self.clock))
        if before:
            site.history.note(at(self.clock), "lost", before)
        self.ring(site, bells)

    @rule(where=sites, after=pauses)
    def hear_ghost(self, where: int, after: float) -> None:
        """A worker that was thought dead comes back with a result: nothing may change (J2)."""
        site = self.at_site(where, after)
        if site.ghosts:
            ghost = site.ghosts.pop()
            settle_overdue(at(self.clock))
            before = everything()
            with pytest.raises(LeaseLost):
                ghost.turn(self.clock, end="completed")
            assert everything() == before

    @rule(where=sites, bells=st.integers(1, 2))
    def doorbell(self, where: int, bells: int) -> None:
        self.ring(self.sites[where], bells)

    @rule(after=pauses)
    def keep_time(self, after: float) -> None:
        self.clock += after
        self.sweep()

    # What time does

    @rule(seconds=steps, bells=bells)
    def pass_time(self, seconds: float, bells: int) -> None:
        self.clock += seconds
        for site in self.sites:
            self.switch(site, "on")
            self.ring(site, bells)

    # How it is done

    def at_site(self, where: int, after: float) -> Site:
        self.clock += after
        return self.sites[where]

    def want(self, site: Site) -> Reading:
        return site.history.reading(at(self.clock))

    def pick_session(self, site: Site, pick: int) -> Session | None:
        """One of the newest, or, half of the time, the active one."""
        active = Session.objects.filter(backend=site.backend, state="active").first()
        if active is not None and pick >= 5:
            return active
        found = list(Session.objects.filter(backend=site.backend).order_by("-pk")[:5])
        return found[pick % len(found)] if found else None

    def pick_job(self, site: Site, pick: int) -> Job | None:
        """One of the newest, or, half of the time, the one that runs."""
        running = Job.objects.filter(backend=site.backend, state="running").first()
        if running is not None and pick >= 5:
            return running
        found = list(Job.objects.filter(backend=site.backend).order_by("-pk")[:5])
        return found[pick % len(found)] if found else None

    def send(self, site: Site, who: str, cost: int = 5, **over: Any) -> None:
        author = self.village.people[who]
        site.history.submitted(submit(author, site.backend, self.clock, cost=cost, **over))

    def sweep(self) -> None:
        """The timekeeper looks at everything."""
        sweep(at(self.clock))

    def ring(self, site: Site, bells: int) -> None:
        for _ in range(bells):
            self.turn(site, None)

    def turn(self, site: Site, end: str | None) -> None:
        """The worker looks, having ended its job or not, and does what the rules say."""
        over: dict[str, Any] = {}
        if end is not None:
            over = self.ended_now(site, end)
        want = self.want(site)
        rule, ident = want.decision()
        step = site.worker.turn(self.clock, end=end, **over)
        if want.in_the_way() and ident is not None:
            assert not isinstance(step, Claim)
            assert step.rule == rule, "W2"
            site.history.note(at(self.clock), "stopped", ident)
            return
        if not isinstance(step, Claim):
            assert brief(step) == (rule, ident)
            return
        assert (self.rule_of(step), step.job.pk) == (rule, ident)
        self.keeps_the_promise_of_sessions(want, step, rule)
        site.history.note(at(self.clock), "start", step.job.pk)

    def ended_now(self, site: Site, end: str) -> dict[str, Any]:
        """The job's end becomes history, unless it was cancelled before: then the worker is too late."""
        assert site.worker.running is not None
        job = site.worker.running.job
        if self.want(site).running() == job.pk:
            site.history.note(at(self.clock), "end", job.pk, end)
        assert job.started_at is not None
        return {"quantum_seconds": (at(self.clock) - job.started_at).total_seconds()}

    @staticmethod
    def rule_of(claim: Claim) -> str:
        noted = Decision.objects.filter(job_id=claim.job.pk).first()
        assert noted is not None, "E1: every choice is written down"
        return noted.rule

    @staticmethod
    def keeps_the_promise_of_sessions(before: Reading, claim: Claim, rule: str) -> None:
        active = before.active()
        if rule == "S9" or any(window.users for window in before.windows):
            return
        if active is not None and active[1].terms.mode == "dedicated" and not before.barred:
            assert claim.job.session_id == active[0], "S4, S5: nobody else's job inside a held session"

    # What must hold

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        for site in self.sites:
            settle_overdue(at(self.clock), backend_id=site.backend.pk)
            rows.check_backend(site.backend)
            self.rows_agree(site, self.want(site))
        ended = rows.ended_jobs()
        assert self.ended.items() <= ended.items(), "J1: a terminal state never changes"
        self.ended = ended

    def rows_agree(self, site: Site, want: Reading) -> None:
        jobs = dict(Job.objects.filter(backend=site.backend).values_list("pk", "state"))
        assert jobs == {ident: job.state for ident, job in want.jobs.items()}
        for got in Session.objects.filter(backend=site.backend):
            session = want.sessions[got.pk]
            assert (got.state, got.accepting_jobs) == (session.state, session.accepting)
            assert (got.started_at, got.closed_at) == (session.started, session.closed)
            assert (got.activated_at, got.interactive_deadline) == (session.activated, session.idle_until)
        assert (
            brief(decide(present(Backend.objects.get(pk=site.backend.pk), at(self.clock)))) == want.decision()
        )
        assert rows.charged(site.backend) == paid(want)


def paid(want: Reading) -> dict[tuple[str, str], int]:
    """L17: microseconds by payer, as the rules have it."""
    sums: dict[tuple[str, str], int] = {}
    for instance, user, since, until in want.charges(closed_only=True):
        microseconds = round((until - since).total_seconds() * 1_000_000)
        sums[instance, user] = sums.get((instance, user), 0) + microseconds
    return {payer: total for payer, total in sums.items() if total}


def everything() -> list[Any]:
    """All that a worker could change."""
    return [list(model.objects.order_by("pk").values()) for model in (Job, Session, BackendLease, Decision)]
