"""One backend in virtual time: jobs, sessions, users and instances, moved by the rules and nothing else.

Used to forecast, to simulate and to test. What happens next is decided by :func:`policy.decide` and by
:mod:`timers`, exactly as in the service; this module only carries it out on plain objects. Every method
is told the time, which never goes back. Nothing looks by itself: who changes something calls
:meth:`World.look`, so lost and doubled doorbells can be played too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.fairshare import Books, Meter
from quantumsvc.scheduling.ledger import Ledger
from quantumsvc.scheduling.policy import Decision, Start, decide, may_start
from quantumsvc.scheduling.queued import Bar, QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import ActiveSession, RunningJob, Snapshot
from quantumsvc.scheduling.states import JobState, SessionState
from quantumsvc.scheduling.timers import due_changes, idle_deadline_after, next_deadline
from quantumsvc.scheduling.turns import Turns
from quantumsvc.scheduling.windows import Window, current

MAX_ATTEMPTS = 3
# Stands for a window's start among the deadlines of sessions, before any of the same instant.
_WINDOW = ""


class World:
    """The backend and all that belongs to it. ``starts`` counts the jobs it has started."""

    def __init__(self, books: Books | None = None, windows: Sequence[Window] = ()) -> None:
        self.books = books or Books()
        self.turns = Turns(self.books)
        self.ledger = Ledger(self.books, self.turns)
        self.windows = tuple(windows)
        self.online = True
        self.jobs: dict[str, Work] = {}
        self.sessions: dict[str, Sitting] = {}
        self.system: dict[str, Work] = {}
        self.running: Work | None = None
        self.active: Sitting | None = None
        self.starts = 0
        self._deadlines: list[tuple[datetime, str]] = [(window.start, _WINDOW) for window in self.windows]
        heapify(self._deadlines)

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
        """Decide, and start what was chosen."""
        self.settle(now)
        decision = decide(self.snapshot(now))
        if isinstance(decision, Start):
            self._start(self.jobs[decision.job.id], now)
        return decision

    # What time does

    def settle(self, now: datetime) -> None:
        """Carry out what time has made due, each at its own instant (L2, L6, L8, W3), and age the books."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now:
            at, ident = heappop(deadlines)
            if ident == _WINDOW:
                self._give_way(at)
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

    def _give_way(self, at: datetime) -> None:
        """W3: a session of others is inactive from the start of a dedicated window."""
        window = current(self.windows, at)
        if window is not None and self.active is not None and window.keeps_out(self.active.instance):
            self._pause(self.active, at)

    # What is seen

    def snapshot(self, now: datetime, *, whole: bool = False) -> Snapshot:
        """The backend at ``now``, with the heads that the decision needs, or with the ``whole`` queue."""
        active = self._active_session(self.active, now) if self.active else None
        return Snapshot(
            now=now,
            online=self.online,
            running=self._running_job() if self.running else None,
            active=active,
            heads=self._heads(active, whole=whole),
            system=tuple(work.entry for work in self.system.values()),
            windows=self.windows,
            books=self.books,
            meters=self._meters(),
        )

    def _heads(self, active: ActiveSession | None, *, whole: bool) -> tuple[QueuedJob, ...]:
        if self.running is not None and not whole:
            return ()
        # A metered session that neither runs nor holds shifts the ranks; windows need the fit test.
        metered = active is not None and active.head is None and active.interactive_deadline is None
        if whole or self.windows or metered:
            return tuple(self.turns.waiting())
        first = self.turns.first()
        return (first,) if first else ()

    def _running_job(self) -> RunningJob:
        work = self._in_hand()
        entry = work.entry
        system = entry.id in self.system
        return RunningJob(
            id=entry.id,
            started_at=work.started_at or entry.submitted_at,
            instance=None if system else entry.instance,
            user=entry.user,
            session=entry.session,
            expected=entry.expected,
        )

    def _active_session(self, sitting: Sitting, now: datetime) -> ActiveSession:
        head, shorter = self._session_heads(sitting, now)
        return ActiveSession(
            id=sitting.id,
            mode=sitting.mode,
            accepting_jobs=sitting.accepting_jobs,
            ends_at=sitting.ends_at or now,
            interactive_deadline=sitting.interactive_deadline,
            head=head,
            shorter=shorter,
            instance=sitting.instance,
            user=sitting.user,
            interactive_ttl=timedelta(seconds=sitting.interactive_ttl),
        )

    def _session_heads(self, sitting: Sitting, now: datetime) -> tuple[QueuedJob | None, QueuedJob | None]:
        """The oldest job of the session that is not barred, and the oldest that fits before a window."""
        if not self.turns.barred and not self.windows:
            return sitting.line.head(), None
        jobs = sorted(sitting.line.waiting.values(), key=submission_order)
        free = [job for job in jobs if (job.instance, job.user) not in self.turns.barred]
        here = Snapshot(now=now, windows=self.windows)
        return next(iter(free), None), next((job for job in free if may_start(job, here)), None)

    def _meters(self) -> tuple[Meter, ...]:
        """F4: what is being charged now."""
        meters = []
        active, work = self.active, self.running
        if active is not None and active.pays and active.activated_at is not None:
            since = active.activated_at
            meters.append(Meter(instance=active.instance, user=active.user, since=since, session=active.id))
        if work is not None and work.unpaid_since is not None:
            entry = work.entry
            meters.append(Meter(instance=entry.instance, user=entry.user, since=work.unpaid_since))
        return tuple(meters)

    # How it is carried out

    def _sitting(self, entry: QueuedJob) -> Sitting | None:
        return self.sessions[entry.session] if entry.session is not None else None

    def _in_hand(self) -> Work:
        if self.running is None:
            raise LookupError("no job is running")
        return self.running

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
