"""W7, L17: whatever happens before, in and after a reservation, its instance pays all of its time once."""

from datetime import datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from reservations_app.models import Window
from sessions_app.models import Job, LedgerLine, Session, SessionEvent
from sessions_app.services.edges import keep_windows
from sessions_app.services.lives import settle_overdue
from sessions_app.services.opening import close_session
from sessions_app.services.submission import Author
from sessions_app.services.timekeeper import sweep
from tests.factories import at, make_author, open_, submit
from tests.machine import rows
from tests.machine.people import make_site
from tests.reservations.making import make_window
from tests.services.worker import Worker

BEGINS, ENDS = 40, 100
LONG_AFTER = 400
step = st.tuples(
    st.sampled_from(("job", "job", "session", "batch", "join", "end", "end", "close", "look")),
    st.booleans(),
    st.sampled_from((0, 0.5, 1, 3, 7, 11, 20)),
)
courses = st.lists(step, min_size=4, max_size=14)


class Course:
    """One backend with a reservation of ours, and what two authors do there."""

    def __init__(self) -> None:
        self.backend: Backend = make_site()
        self.ours, self.theirs = make_author(), make_author()
        self.window = make_window(BEGINS, ENDS, backend=self.backend, instance=self.ours.instance)
        self.worker = Worker(self.backend)
        self.clock = 0.0

    def play(self, what: str, mine: bool, after: float) -> None:
        self.move(after)
        author = self.ours if mine else self.theirs
        if what == "end":
            self.end()
        elif what == "close":
            for session in Session.objects.exclude(state="closed")[:1]:
                close_session(session=session, now=at(self.clock))
        elif what != "look":
            self.send(what, author)
        self.worker.turn(self.clock)

    def send(self, what: str, author: Author) -> None:
        ident: str | None = None
        if what in ("session", "batch"):
            mode = SessionMode.BATCH if what == "batch" else SessionMode.DEDICATED
            ident = open_(author, self.backend, self.clock, mode=mode).pk
        elif what == "join":
            held = Session.objects.filter(user=author.user, accepting_jobs=True).first()
            ident = held.pk if held else None
        submit(author, self.backend, self.clock, session_id=ident)

    def end(self) -> None:
        """The running job ends, if the worker still has it."""
        if self.worker.running is not None:
            began = self.worker.running.job.started_at
            assert began is not None
            ran = (at(self.clock) - began).total_seconds()
            self.worker.turn(self.clock, end="completed", quantum_seconds=ran)

    def move(self, seconds: float) -> None:
        """Time passes; the edges of the window are kept when they come."""
        until = self.clock + seconds
        for edge in (BEGINS, ENDS):
            if self.clock < edge <= until:
                self.clock = edge
                self.look()
        self.clock = until
        self.look()

    def look(self) -> None:
        settle_overdue(at(self.clock))
        keep_windows(at(self.clock))
        sweep(at(self.clock))

    def finish(self) -> None:
        """Until long after the window, when nothing runs or waits any more."""
        self.move(LONG_AFTER - self.clock)
        for _ in range(40):
            self.end()
            self.move(1)
        assert not Job.objects.filter(state__in=("queued", "running")).exists()
        self.move(LONG_AFTER)


def inside(line: LedgerLine, begins: datetime, ends: datetime) -> int:
    """How many microseconds of a charge lie in the window."""
    seconds = (min(line.at, ends) - max(line.since, begins)).total_seconds()
    return max(rows.micro(seconds), 0)


@settings(
    max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(course=courses)
def check(course: list[Any]) -> None:
    with transaction.atomic():
        world = Course()
        for what, mine, after in course:
            world.play(what, mine, after)
        world.finish()
        agree(world)
        transaction.set_rollback(True)


def agree(world: Course) -> None:
    window = Window.objects.get(pk=world.window.pk)
    lines = list(LedgerLine.objects.filter(backend=world.backend))
    reserved = [line.microseconds for line in lines if line.kind == "reservation"]
    used = sum(
        inside(line, window.starts_at, window.ends_at)
        for line in lines
        if line.kind != "reservation" and line.instance_id == world.ours.instance.pk
    )
    rest = (ENDS - BEGINS) * 1_000_000 - used
    assert reserved == ([rest] if rest else []), "W7: what its jobs and sessions left of it"
    jobs = list(Job.objects.filter(backend=world.backend).select_related("session"))
    sessions = list(Session.objects.filter(backend=world.backend))
    events = list(SessionEvent.objects.filter(session__backend=world.backend).order_by("id"))
    rows.check_sums(world.backend)
    rows.check_ledger(world.backend, jobs, sessions, events)


@pytest.mark.django_db
def test_a_reservation_and_what_runs_in_it_pay_its_time_once() -> None:
    check()
