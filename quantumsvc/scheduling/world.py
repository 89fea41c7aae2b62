"""One backend in virtual time: jobs, sessions, users and instances, moved by the rules and nothing else.

Used to forecast, to simulate and to test. What happens next is decided by :func:`policy.decide` and by
:mod:`timers`, exactly as in the service; this module only carries it out on plain objects. Every method
is told the time, which never goes back. Nothing looks by itself: who changes something calls
:meth:`World.look`, so lost and doubled doorbells can be played too.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from heapq import heappop, heappush

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.effective import window_pauses
from quantumsvc.scheduling.fairshare import Books
from quantumsvc.scheduling.ledger import Ledger
from quantumsvc.scheduling.policy import Decision, Hold, Idle, Start, Stop, decide
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.stage import Stage
from quantumsvc.scheduling.states import JobState, SessionState
from quantumsvc.scheduling.timers import due_changes, due_of, idle_deadline_after, next_deadline
from quantumsvc.scheduling.windows import Window

MAX_ATTEMPTS = 3
# Stands for an edge of a window among the deadlines of sessions, before any of the same instant.
_EDGE = ""


class World(Stage):
    """The backend and all that belongs to it. ``starts`` counts the jobs it has started."""

    def __init__(self, books: Books | None = None, windows: Sequence[Window] = ()) -> None:
        super().__init__(books or Books())
        self.ledger = Ledger(self.books, self.turns)
        self.starts = 0
        self._deadlines: list[tuple[datetime, str]] = []
        for window in windows:
            self.book(window)

    # What users do

    def open_session(self, sitting: Sitting) -> None:
        """A new session; no timer runs but that of sessions never used (L2)."""
        self.sessions[sitting.id] = sitting
        self._note_deadline(sitting)

    def submit(self, entry: QueuedJob, now: datetime) -> bool:
        """A job begins to wait. ``False`` when its session accepts no more jobs."""
        self.settle(now)
        sitting = self._sitting(entry)
        if sitting is not None and not sitting.accepting_jobs:
            return False
        self.admit(entry)
        if sitting is not None:
            sitting.first_job = sitting.first_job or entry.id
            sitting.interactive_deadline = None
        return True

    def admit(self, entry: QueuedJob) -> None:
        """Put a job into the queue that was accepted before."""
        self.jobs[entry.id] = Work(entry)
        self._wait(entry)

    def submit_system(self, entry: QueuedJob) -> None:
        """A job of the operator, due at its ``submitted_at`` (S2)."""
        self.system[entry.id] = self.jobs[entry.id] = Work(entry)

    def cancel_job(self, ident: str, now: datetime) -> None:
        """J4, L11: the job ends at once, and with a session's first job the session."""
        self.settle(now)
        work = self.jobs[ident]
        sitting = self._sitting(work.entry)
        self._end(work, JobState.CANCELLED, now)
        if sitting is None or sitting.state is SessionState.CLOSED:
            return
        if sitting.first_job == ident:
            self._close(sitting, now)
        else:
            self._note_end(sitting, now)

    def close_session(self, ident: str, now: datetime) -> None:
        """L9: accept no more jobs; closed when the last one has ended."""
        self.settle(now)
        sitting = self.sessions[ident]
        if sitting.state is SessionState.CLOSED:
            return
        sitting.accepting_jobs = False
        sitting.interactive_deadline = None
        if not sitting.line.waiting and not sitting.running:
            self._close(sitting, now)

    def cancel_session(self, ident: str, now: datetime) -> None:
        """L10: closed at once; waiting jobs fail, a running one completes."""
        self.settle(now)
        if self.sessions[ident].state is not SessionState.CLOSED:
            self._close(self.sessions[ident], now)

    def bar(self, instance: str, user: str, bar: Bar | None) -> None:
        """S10: the user may start no job in the instance for a while, or with ``None`` may again."""
        if bar is None:
            self.turns.barred.pop((instance, user), None)
        else:
            self.turns.barred[instance, user] = bar
        self.turns.recount(instance)

    # What operators do with time

    def book(self, window: Window) -> None:
        """A new window, which has not begun before the present moment (W1: it overlaps no other)."""
        self.windows = (*self.windows, window)
        for edge in (window.start, window.end):
            heappush(self._deadlines, (edge, _EDGE))

    def withdraw(self, ident: str, now: datetime) -> None:
        """The window is cancelled; if it has begun, its owner's session goes on as if it had never been."""
        self.settle(now)
        self.windows = tuple(window for window in self.windows if window.id != ident)

    def release(self, ident: str, now: datetime) -> None:
        """The window that lasts now ends now, and not later (W4)."""
        self.settle(now)
        self.windows = tuple(
            replace(window, end=now) if window.id == ident else window for window in self.windows
        )
        heappush(self._deadlines, (now, _EDGE))
        self.settle(now)

    # What workers do

    def finish(self, now: datetime, state: JobState = JobState.COMPLETED) -> None:
        """The running job has ended."""
        self.settle(now)
        work = self._in_hand()
        sitting = self._sitting(work.entry)
        self._end(work, state, now)
        if sitting is not None and sitting.state is not SessionState.CLOSED:
            self._note_end(sitting, now)

    def lose(self, now: datetime) -> None:
        """J2: the attempt was lost. Back to its place; failed the third time, or when its session closed.

        What the service itself has lost, nobody pays for.
        """
        self.settle(now)
        work = self._in_hand()
        work.unpaid_since = None
        work.lost_attempts += 1
        sitting = self._sitting(work.entry)
        if work.lost_attempts >= MAX_ATTEMPTS or (sitting and sitting.state is SessionState.CLOSED):
            return self.finish(now, JobState.FAILED)
        self._stop_running(work, now)
        work.move(JobState.QUEUED)
        work.started_at = None
        if work.entry.id not in self.system:
            self._wait(work.entry)
        return None

    def look(self, now: datetime) -> Decision:
        """Decide, and stop or start what was chosen."""
        self.settle(now)
        decision = decide(self.snapshot(now))
        if isinstance(decision, Start):
            self._start(self.jobs[decision.job.id], now)
        elif isinstance(decision, Stop):
            self._give_back(now)
        return decision

    def next_look(self, decision: Decision) -> datetime | None:
        """When time alone may change a decision that started nothing."""
        if not isinstance(decision, Hold | Idle):
            return None
        return decision.until if isinstance(decision, Idle) else decision.look_at or decision.until

    def _give_back(self, now: datetime) -> None:
        """W2: what runs goes back to its place, and pays nothing. Nothing is lost, also if its session is."""
        work = self._in_hand()
        work.unpaid_since = None
        sitting = self._sitting(work.entry)
        self._stop_running(work, now)
        work.move(JobState.QUEUED)
        work.started_at = None
        if sitting is not None and sitting.state is SessionState.CLOSED:
            work.entry = replace(work.entry, session=None)
        self._wait(work.entry)

    # What time does

    def settle(self, now: datetime) -> None:
        """Carry out what time has made due, each at its own instant (L2, L6, L8, W3, W4); age the books."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now:
            at, ident = heappop(deadlines)
            if ident == _EDGE:
                self._pass_edge(at)
            else:
                self._settle_session(self.sessions[ident], at)
        self.ledger.forget_before(now)

    def _settle_session(self, sitting: Sitting, at: datetime) -> None:
        for change in due_changes(sitting.facts(), at)[:1]:
            if change.state is SessionState.CLOSED:
                self._close(sitting, change.at)
            else:
                self._pause(sitting, change.at)
        self._note_deadline(sitting)

    def _pass_edge(self, at: datetime) -> None:
        """W3, W4: a session is inactive from the start of the time of others, and from the end of its own."""
        sitting = self.active
        if sitting is not None:
            pauses = window_pauses(sitting.instance, sitting.user, sitting.activated_at, self.windows)
            for change in due_of(pauses, sitting.ends_at, at)[:1]:
                self._pause(sitting, change.at)
                if change.waiting_fail:
                    self._fail_waiting(sitting, change.at)
        self.windows = tuple(window for window in self.windows if window.end > at)

    # How it is carried out

    def _sitting(self, entry: QueuedJob) -> Sitting | None:
        return self.sessions[entry.session] if entry.session is not None else None

    def _wait(self, entry: QueuedJob) -> None:
        self.turns.add(entry)
        sitting = self._sitting(entry)
        if sitting is not None:
            sitting.line.add(entry)

    def _wait_no_more(self, entry: QueuedJob) -> None:
        if entry.id in self.system:
            return
        self.turns.remove(entry)
        sitting = self._sitting(entry)
        if sitting is not None:
            sitting.line.remove(entry)

    def _start(self, work: Work, now: datetime) -> None:
        """L3, L6, S8: the job runs; its session is active, and no other is."""
        sitting = self._sitting(work.entry)
        self._wait_no_more(work.entry)
        work.move(JobState.RUNNING)
        work.started_at = now
        work.attempts += 1
        self.running = work
        self.starts += 1
        if sitting is not None:
            self._activate(sitting, now)
        if work.entry.id not in self.system and not (sitting and sitting.pays):
            work.unpaid_since = now

    def _activate(self, sitting: Sitting, now: datetime) -> None:
        sitting.running += 1
        sitting.interactive_deadline = None
        if self.active is sitting:
            return
        if self.active is not None:
            self._pause(self.active, now)
        sitting.move(SessionState.ACTIVE)
        sitting.started_at = sitting.started_at or now
        sitting.activated_at = now
        self.active = sitting
        self._note_deadline(sitting)

    def _stop_running(self, work: Work, now: datetime) -> None:
        self.running = None
        sitting = self._sitting(work.entry)
        if sitting is not None:
            sitting.running -= 1
        if work.unpaid_since is not None:
            self.ledger.charge(work.entry.instance, work.entry.user, work.unpaid_since, now)
            work.unpaid_since = None

    def _end(self, work: Work, state: JobState, now: datetime) -> None:
        if work is self.running:
            self._stop_running(work, now)
        elif work.state is JobState.QUEUED:
            self._wait_no_more(work.entry)
        work.move(state)
        work.finished_at = now
        self.system.pop(work.entry.id, None)

    def _note_end(self, sitting: Sitting, now: datetime) -> None:
        """L5, L9: a job of the session has ended; close the session, or start its ITTL."""
        if sitting.line.waiting or sitting.running:
            return
        if not sitting.accepting_jobs:
            self._close(sitting, now)
        elif sitting.state is SessionState.ACTIVE:
            sitting.interactive_deadline = idle_deadline_after(sitting.facts(), now, queued=False)
            self._note_deadline(sitting)

    def _pause(self, sitting: Sitting, at: datetime) -> None:
        self._leave(sitting, at)
        sitting.move(SessionState.INACTIVE)
        sitting.interactive_deadline = None

    def _close(self, sitting: Sitting, at: datetime) -> None:
        self._leave(sitting, at)
        sitting.move(SessionState.CLOSED)
        sitting.accepting_jobs = False
        sitting.interactive_deadline = None
        sitting.closed_at = at
        for entry in list(sitting.line.waiting.values()):
            self._end(self.jobs[entry.id], JobState.FAILED, at)

    def _fail_waiting(self, sitting: Sitting, at: datetime) -> None:
        """W4: its jobs that waited at the window's end fail; a closing session is done with them (L9)."""
        left = [entry for entry in sitting.line.waiting.values() if entry.submitted_at < at]
        for entry in left:
            self._end(self.jobs[entry.id], JobState.FAILED, at)
        if left:
            self._note_end(sitting, at)

    def _leave(self, sitting: Sitting, at: datetime) -> None:
        """The session has the backend no more, and has paid; a job that still runs pays for itself (L17)."""
        if self.active is not sitting:
            return
        self.active = None
        if not sitting.pays or sitting.activated_at is None:
            return
        self.ledger.charge(sitting.instance, sitting.user, sitting.activated_at, at)
        if self.running is not None and self.running.entry.session == sitting.id:
            self.running.unpaid_since = at

    def _note_deadline(self, sitting: Sitting) -> None:
        deadline = next_deadline(sitting.facts())
        if deadline is not None:
            heappush(self._deadlines, (deadline, sitting.id))
