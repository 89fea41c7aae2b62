"""What stands on one backend in virtual time, and how a decision sees it."""

from datetime import datetime, timedelta

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.fairshare import Books, Meter
from quantumsvc.scheduling.policy import may_start
from quantumsvc.scheduling.queued import QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import ActiveSession, RunningJob, Snapshot
from quantumsvc.scheduling.turns import Turns
from quantumsvc.scheduling.windows import Window, WindowMode, current


class Stage:
    """The backend, its windows, jobs and sessions. It changes nothing of them by itself."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.turns = Turns(books)
        self.windows: tuple[Window, ...] = ()
        self.drains = False
        self.online = True
        self.paused = False
        self.jobs: dict[str, Work] = {}
        self.sessions: dict[str, Sitting] = {}
        self.system: dict[str, Work] = {}
        self.running: Work | None = None
        self.active: Sitting | None = None

    def snapshot(self, now: datetime, *, whole: bool = False) -> Snapshot:
        """The backend at ``now``, with the heads that the decision needs, or with the ``whole`` queue."""
        active = self._active_session(self.active, now) if self.active else None
        return Snapshot(
            now=now,
            online=self.online,
            paused=self.paused,
            running=self._running_job() if self.running else None,
            active=active,
            heads=self._heads(active, now, whole=whole),
            system=tuple(work.entry for work in self.system.values()),
            windows=self.windows,
            books=self.books,
            meters=self._meters(),
            drains=self.drains,
        )

    def _heads(self, active: ActiveSession | None, now: datetime, *, whole: bool) -> tuple[QueuedJob, ...]:
        if self.running is not None and not whole:
            return ()
        if whole:
            return tuple(self.turns.waiting())
        window = current(self.windows, now)
        # A metered session that neither runs nor holds shifts the ranks; S9 has an order of its own.
        metered = active is not None and active.head is None and active.interactive_deadline is None
        priority = window is not None and window.mode is WindowMode.PRIORITY
        first = None if metered or priority else self.turns.first()
        if first is None or may_start(first, Snapshot(now=now, windows=self.windows)):
            return (first,) if first else tuple(self.turns.waiting())
        alone = window is not None and window.mode is WindowMode.DEDICATED and not window.filler
        return tuple(self.turns.waiting(window.instance or "") if window and alone else self.turns.waiting())

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
            submitted_at=entry.submitted_at,
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
            activated_at=sitting.activated_at,
        )

    def _session_heads(self, sitting: Sitting, now: datetime) -> tuple[QueuedJob | None, QueuedJob | None]:
        """The oldest job of the session that is not barred, and the oldest that fits before a window.

        Who may not use the present window is barred for as long as it lasts.
        """
        if not self.turns.barred and not self.windows:
            return sitting.line.head(), None
        window = current(self.windows, now)
        free = [
            job
            for job in sorted(sitting.line.waiting.values(), key=submission_order)
            if (job.instance, job.user) not in self.turns.barred
            and not (window is not None and window.keeps_out(job.instance, job.user))
        ]
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

    def _in_hand(self) -> Work:
        if self.running is None:
            raise LookupError("no job is running")
        return self.running
