"""An independent, slow reading of the rules: everything is worked out anew from what has happened.

Written from the text of the rules and not from the kernel, of which it uses nothing but plain records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.windows import Window

ROLLING = timedelta(days=28)
# What a deadline does to a session, in the order of those of one instant.
CLOSES, FAILS, PAUSES = range(3)


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    ident: str = ""
    detail: object = None


@dataclass(frozen=True)
class SessionTerms:
    """What was agreed when a session was opened."""

    instance: str
    user: str
    mode: str
    max_ttl: int
    interactive_ttl: int
    unused_ttl: int


@dataclass
class SessionNow:
    """A session as history made it."""

    terms: SessionTerms
    opened: datetime
    state: str = "open"
    accepting: bool = True
    started: datetime | None = None
    activated: datetime | None = None
    idle_until: datetime | None = None
    active_spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    first_job: str = ""
    closed: datetime | None = None

    def leave(self, at: datetime, state: str) -> None:
        if self.state == "active" and self.activated is not None:
            self.active_spans.append((self.activated, at))
        self.state, self.idle_until = state, None
        if state == "closed":
            self.accepting, self.closed = False, at


@dataclass
class JobNow:
    """A job as history made it. ``runs`` are its attempts, the last one perhaps open.

    When it had to give way after its session ``once`` had closed, it stands alone from then on.
    """

    entry: QueuedJob
    system: bool
    state: str = "queued"
    runs: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    lost: int = 0
    once: str | None = None
    alone_since: datetime | None = None


class Reading:
    """What is true at ``now`` if these events happened and the rules were obeyed."""

    def __init__(
        self,
        events: list[Event],
        now: datetime,
        shares: dict[str, tuple[str | None, int]],
        *,
        drains: bool = False,
    ) -> None:
        self.now = now
        self.drains = drains
        self.windows: list[Window] = []
        self.shares = shares
        # W7: whose window it was, and what was left of it to pay when it was over.
        self.reserved: list[tuple[str, str, datetime, datetime]] = []
        self.jobs: dict[str, JobNow] = {}
        self.sessions: dict[str, SessionNow] = {}
        self.barred: set[tuple[str, str]] = set()
        self.online = True
        self.paused = False
        for event in events:
            self._pass_time(event.at)
            self._happen(event)
        self._pass_time(now)

    # History

    def _pass_time(self, until: datetime) -> None:
        """Every deadline up to ``until`` acts, the earliest first."""
        while True:
            due = sorted(self._deadlines(until))
            if not due:
                return
            at, order, ident = due[0]
            session = self.sessions[ident]
            session.leave(at, "closed" if order == CLOSES else "inactive")
            if order == CLOSES:
                self._fail_waiting(ident)
            if order == FAILS:
                self._fail_waiting(ident, before=at)
                if not session.accepting and not self._pending(ident):
                    session.leave(at, "closed")

    def _deadlines(self, until: datetime) -> Iterator[tuple[datetime, int, str]]:
        for ident, session in self.sessions.items():
            if session.state != "closed":
                for at, order in self._plans(session):
                    if at is not None and at <= until:
                        yield at, order, ident

    def _plans(self, session: SessionNow) -> Iterator[tuple[datetime | None, int]]:
        if session.started:
            yield session.started + timedelta(seconds=session.terms.max_ttl), CLOSES
        if session.state == "open" and not session.first_job:
            yield session.opened + timedelta(seconds=session.terms.unused_ttl), CLOSES
        if session.state != "active" or session.activated is None:
            return
        yield session.idle_until, PAUSES
        for window in self.windows:
            if window.end <= session.activated:
                continue
            if self._foreign(window, session.terms):
                yield max(window.start, session.activated), PAUSES
            elif self._belongs(window, session.terms):
                yield window.end, FAILS if window.end_policy == "fail" else PAUSES

    @staticmethod
    def _belongs(window: Window, who: QueuedJob | SessionTerms) -> bool:
        return window.instance == who.instance and (who.user in window.users or not window.users)

    def _foreign(self, window: Window, who: QueuedJob | SessionTerms) -> bool:
        return window.mode == "dedicated" and not self._belongs(window, who)

    def _is_now(self, window: Window) -> bool:
        return window.start <= self.now < window.end

    def _happen(self, event: Event) -> None:
        getattr(self, f"_{event.what}")(event)

    def _open(self, event: Event) -> None:
        assert isinstance(event.detail, SessionTerms)
        self.sessions[event.ident] = SessionNow(event.detail, event.at)

    def _submit(self, event: Event) -> None:
        assert isinstance(event.detail, QueuedJob)
        self.jobs[event.ident] = JobNow(event.detail, system=False)
        session = self._session_of(event.ident)
        if session:
            session.first_job = session.first_job or event.ident
            session.idle_until = None

    def _system(self, event: Event) -> None:
        assert isinstance(event.detail, QueuedJob)
        self.jobs[event.ident] = JobNow(event.detail, system=True)

    def _start(self, event: Event) -> None:
        job = self.jobs[event.ident]
        job.state = "running"
        job.runs.append((event.at, None))
        session = self._session_of(event.ident)
        if session is None:
            return
        for other in self.sessions.values():
            if other is not session and other.state == "active":
                other.leave(event.at, "inactive")
        if session.state != "active":
            session.state, session.activated = "active", event.at
            session.started = session.started or event.at
        session.idle_until = None

    def _end(self, event: Event) -> None:
        job = self.jobs[event.ident]
        self._stop(job, event.at)
        job.state = str(event.detail)
        session = self._session_of(event.ident)
        if session is None or session.state == "closed":
            return
        if job.state == "cancelled" and session.first_job == event.ident:
            session.leave(event.at, "closed")
            self._fail_waiting(str(job.entry.session))
            return
        if self._pending(str(job.entry.session)):
            return
        if not session.accepting:
            session.leave(event.at, "closed")
        elif session.state == "active":
            session.idle_until = event.at + timedelta(seconds=session.terms.interactive_ttl)

    def _lost(self, event: Event) -> None:
        job = self.jobs[event.ident]
        job.lost += 1
        # Nobody pays for an attempt that the service itself has lost.
        job.runs[-1] = (job.runs[-1][0], job.runs[-1][0])
        session = self._session_of(event.ident)
        if job.lost == 3 or (session and session.state == "closed"):
            self._end(Event(event.at, "end", event.ident, "failed"))
            return
        self._stop(job, event.at)
        job.state = "queued"

    def _stopped(self, event: Event) -> None:
        """W2: back to its place; nobody pays for what was thrown away."""
        job = self.jobs[event.ident]
        job.runs[-1] = (job.runs[-1][0], job.runs[-1][0])
        job.state = "queued"
        session = self._session_of(event.ident)
        if session and session.state == "closed":
            job.once, job.alone_since = job.entry.session, event.at
            job.entry = replace(job.entry, session=None)

    def _book(self, event: Event) -> None:
        assert isinstance(event.detail, Window)
        self.windows.append(event.detail)

    def _withdraw(self, event: Event) -> None:
        self.windows = [window for window in self.windows if window.id != event.ident]

    def _release(self, event: Event) -> None:
        self.windows = [
            replace(window, end=event.at) if window.id == event.ident else window for window in self.windows
        ]

    def _paid(self, event: Event) -> None:
        """W7: an instance has paid for what its jobs and sessions left of a window."""
        instance, user = event.ident.split("/")
        assert isinstance(event.detail, timedelta)
        self.reserved.append((instance, user, event.at - event.detail, event.at))

    def _close(self, event: Event) -> None:
        session = self.sessions[event.ident]
        if session.state == "closed":
            return
        session.accepting, session.idle_until = False, None
        if not self._pending(event.ident):
            session.leave(event.at, "closed")

    def _cancel(self, event: Event) -> None:
        if self.sessions[event.ident].state != "closed":
            self.sessions[event.ident].leave(event.at, "closed")
            self._fail_waiting(event.ident)

    def _switch(self, event: Event) -> None:
        self.online = event.detail != "off"
        self.paused = event.detail == "paused"

    def _bar(self, event: Event) -> None:
        instance, user = event.ident.split("/")
        (self.barred.add if event.detail else self.barred.discard)((instance, user))

    def _stop(self, job: JobNow, at: datetime) -> None:
        if job.runs and job.runs[-1][1] is None:
            job.runs[-1] = (job.runs[-1][0], at)

    def _fail_waiting(self, session: str, before: datetime | None = None) -> None:
        for job in self.jobs.values():
            in_time = before is None or job.entry.submitted_at < before
            if job.entry.session == session and job.state == "queued" and in_time:
                job.state = "failed"

    def _pending(self, session: str) -> bool:
        return any(
            job.state in ("queued", "running") for job in self.jobs.values() if job.entry.session == session
        )

    def _session_of(self, ident: str) -> SessionNow | None:
        session = self.jobs[ident].entry.session
        return self.sessions[session] if session else None

    # The present

    def active(self) -> tuple[str, SessionNow] | None:
        found = [(ident, each) for ident, each in self.sessions.items() if each.state == "active"]
        assert len(found) <= 1, "S8"
        return found[0] if found else None

    def running(self) -> str | None:
        found = [ident for ident, job in self.jobs.items() if job.state == "running"]
        assert len(found) <= 1, "S1"
        return found[0] if found else None

    def decision(self) -> tuple[str, str | None]:
        """The rule that decides, and the job that starts or stops or the session that is waited for."""
        if self.in_the_way():
            return "W2", self.running()
        if not self.online:
            return "S10", None
        if self.running():
            return "S1", None
        system = [j for j in self.jobs.values() if j.system and j.state == "queued"]
        system = [j for j in system if self._due(j.entry) <= self.now]
        if system:
            return "S2", self._oldest([job.entry for job in system]).id
        if self.paused:
            return "S10", None
        return self._for_session() or self._for_others()

    def _due(self, entry: QueuedJob) -> datetime:
        """S2: a system job lets a session, or an instance in its own time, go on for a while."""
        reserved = [w for w in self.windows if self._is_now(w) and w.instance and w.mode == "dedicated"]
        return entry.submitted_at + (entry.deferral if self.active() or reserved else timedelta())

    def in_the_way(self) -> bool:
        """W2: a job runs in the time of others, and none that fills it for no longer than was lent."""
        job = self.jobs[self.running() or ""] if self.running() else None
        if job is None or job.system or self.drains:
            return False
        began = job.runs[-1][0]
        for window in self.windows:
            if self._is_now(window) and self._foreign(window, job.entry):
                return not window.start <= began or self.now >= began + window.filler
        return False

    def _for_session(self) -> tuple[str, str | None] | None:
        """Rules 4 to 7: the active session's job, a reserved job, or the backend kept for the session."""
        reserved = self._reserved()
        active = self.active()
        if active is None:
            return ("S9", reserved) if reserved else None
        ident, session = active
        shut = [window for window in self.windows if self._is_now(window)]
        waiting = [
            entry
            for entry in self._queue()
            if entry.session == ident
            and not self._is_barred(entry)
            and not any(self._foreign(window, entry) for window in shut)
        ]
        chosen = self._of_session(waiting, session)
        if chosen:
            return "S4", chosen
        if reserved:
            return "S9", reserved
        if session.terms.mode == "batch":
            return None
        if waiting:
            return "W2", ident
        return ("S5", ident) if session.idle_until else None

    def _of_session(self, waiting: list[QueuedJob], session: SessionNow) -> str | None:
        fitting = [entry for entry in waiting if self._fits(entry)]
        if session.terms.mode == "batch":
            return self._oldest(fitting).id if fitting else None
        head = self._oldest(waiting) if waiting else None
        return head.id if head and head in fitting else None

    def _reserved(self) -> str | None:
        for window in self.windows:
            if window.mode == "priority" and window.start <= self.now < window.end:
                inside = [
                    entry
                    for entry in self._eligible()
                    if self._belongs(window, entry) and entry.submitted_at >= window.start
                ]
                return self._oldest(inside).id if inside else None
        return None

    def _for_others(self) -> tuple[str, str | None]:
        eligible = self._eligible()
        if eligible:
            return "S7", self._fairest(None, eligible).id
        lent = [entry for entry in self._queue() if not self._is_barred(entry) and self._fills(entry)]
        return ("S3", self._fairest(None, lent).id) if lent else ("S7", None)

    def _fills(self, entry: QueuedJob) -> bool:
        """S3: a short job without a session, in an instance's time that nobody uses."""
        if entry.session:
            return False
        for window in self.windows:
            if self._is_now(window) and window.instance and window.filler:
                others = [each for each in self.windows if each.id != window.id]
                return entry.expected <= window.filler and self._fits(entry, others)
        return False

    def _queue(self) -> list[QueuedJob]:
        return [job.entry for job in self.jobs.values() if job.state == "queued" and not job.system]

    def _eligible(self) -> list[QueuedJob]:
        return [entry for entry in self._queue() if not self._is_barred(entry) and self._fits(entry)]

    def _is_barred(self, entry: QueuedJob) -> bool:
        return (entry.instance, entry.user) in self.barred

    def _fits(self, entry: QueuedJob, windows: list[Window] | None = None) -> bool:
        for window in self.windows if windows is None else windows:
            if self._foreign(window, entry) and window.end > self.now:
                inside = window.start <= self.now
                if inside or window.start < self.now + entry.expected:
                    return False
        return True

    @staticmethod
    def _oldest(entries: list[QueuedJob]) -> QueuedJob:
        return sorted(entries, key=lambda entry: (entry.submitted_at, entry.id))[0]

    # Fair share

    def _fairest(self, parent: str | None, eligible: list[QueuedJob]) -> QueuedJob:
        """Among the children of ``parent`` (and its own jobs) by ratio, then downwards."""
        offers = []
        for child, (above, shares) in self.shares.items():
            below = [entry for entry in eligible if self._is_below(entry.instance, child)]
            if above == parent and below:
                job = self._fairest(child, below)
                used = sum(self._used(name) for name in self.shares if self._is_below(name, child))
                offers.append((shares == 0, Fraction(used, shares or 1), job.submitted_at, job.id, job))
        own = [entry for entry in eligible if entry.instance == parent]
        if own and parent:
            job = sorted(own, key=lambda e: (self._used(parent, e.user), e.submitted_at, e.id))[0]
            offers.append((False, Fraction(self._used(parent)), job.submitted_at, job.id, job))
        return sorted(offers)[0][-1]

    def _is_below(self, instance: str, top: str) -> bool:
        node: str | None = instance
        while node is not None and node != top:
            node = self.shares[node][0]
        return node == top

    def _used(self, instance: str, user: str | None = None) -> int:
        """Microseconds charged in the last 28 days, with what runs now counted from its start."""
        total = timedelta()
        for payer, name, since, until in self.charges():
            if payer == instance and user in (None, name) and until > self.now - ROLLING:
                total += until - since
        return total // timedelta(microseconds=1)

    def charges(self, *, closed_only: bool = False) -> Iterator[tuple[str, str, datetime, datetime]]:
        """L17, W7: who pays, from when, until when."""
        yield from self.reserved
        for session in self.sessions.values():
            if session.terms.mode == "dedicated":
                for since, until in session.active_spans:
                    yield session.terms.instance, session.terms.user, since, until
                if session.state == "active" and session.activated and not closed_only:
                    yield session.terms.instance, session.terms.user, session.activated, self.now
        for job in self.jobs.values():
            for since, ended in job.runs if not job.system else ():
                if ended is not None or not closed_only:
                    paid = self._paid_by_session(job, since)
                    until = ended or self.now
                    yield job.entry.instance, job.entry.user, min(paid or since, until), until

    def _paid_by_session(self, job: JobNow, since: datetime) -> datetime | None:
        """Until when a dedicated session pays for a run of its job."""
        name = job.once if job.alone_since and since < job.alone_since else job.entry.session
        session = self.sessions[name] if name else None
        if session is None or session.terms.mode != "dedicated":
            return None
        if session.state == "active" and session.activated and session.activated <= since:
            return self.now
        return [until for start, until in session.active_spans if start <= since][-1]
