"""Play a workload and note what happened."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.fairshare import MICROSECOND, Books, Share
from quantumsvc.scheduling.policy import Decision, Hold, Stop
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.states import SessionMode, SessionState
from quantumsvc.scheduling.timeline import Timeline
from quantumsvc.scheduling.windows import Window, WindowMode
from quantumsvc.scheduling.world import World
from sessions_app.simulation.workload import JobPlan, SessionPlan, WindowPlan, Workload

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLES = 200


@dataclass
class Record:
    """What happened, in seconds. ``waits`` by instance and kind: ``job``, or a session's mode.

    A session waits once, with its first job; ``gaps`` are the times that its later jobs, by mode, waited
    after the one before them had ended. ``used`` is sampled at ``times``: what each instance has been
    charged since the beginning. ``stopped`` counts the jobs that gave way to a window, ``lost`` the time
    that they had run.
    """

    seconds: float
    waits: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    gaps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    times: list[float] = field(default_factory=list)
    used: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: float = 0.0
    held: float = 0.0
    lost: float = 0.0
    stopped: int = 0
    reactivations: int = 0
    refused: int = 0
    left_waiting: int = 0


class HoldingWorld(World):
    """A world that knows for how long its backend was held idle, and what was thrown away for windows."""

    def __init__(self, books: Books, windows: Sequence[Window]) -> None:
        super().__init__(books, windows)
        self.held = self.lost = timedelta()
        self.stopped = 0
        self._since: datetime | None = None

    def look(self, now: datetime) -> Decision:
        """Decide, and note when a hold begins and ends, and what is stopped."""
        began = self.running.started_at if self.running else None
        decision = super().look(now)
        if isinstance(decision, Stop):
            self.stopped += 1
            self.lost += now - (began or now)
        if self._since is not None:
            self.held += now - self._since
        self._since = now if isinstance(decision, Hold) else None
        return decision


class Play:
    """One workload on one backend."""

    def __init__(self, workload: Workload, seconds: float) -> None:
        self.workload = workload
        self.record = Record(seconds)
        shares = (
            Share(id=each.id, parent=each.parent, shares=each.shares, used=round(each.used * 1e6))
            for each in workload.instances
        )
        windows = [_window(number, plan) for number, plan in enumerate(workload.windows)]
        self.world = HoldingWorld(Books(shares), windows)
        self.timeline = Timeline(self.world, BEGIN, _as_expected, started=self._started, ended=self._ended)
        self._numbers = count(1)
        # For a dedicated session its plan, and how many of its jobs were sent.
        self._sent: dict[str, tuple[SessionPlan, int]] = {}
        self._last_end: dict[str, datetime] = {}

    def run(self) -> Record:
        """Play it to the end."""
        for job in self.workload.jobs:
            self.timeline.at(_when(job.at), partial(self._send_job, job))
        for session in self.workload.sessions:
            self.timeline.at(_when(session.at), partial(self._open, session))
        for window in self.workload.windows:
            if window.counts and window.instance is not None and window.mode is WindowMode.DEDICATED:
                self.timeline.at(_when(window.at), partial(self._note_use, window, window.instance))
        for number in range(SAMPLES + 1):
            moment = self.record.seconds * number / SAMPLES
            self.timeline.run(_when(moment))
            self._sample(moment)
        self.record.held = self.world.held.total_seconds()
        self.record.lost, self.record.stopped = self.world.lost.total_seconds(), self.world.stopped
        self.record.left_waiting = sum(1 for _ in self.world.turns.waiting())
        return self.record

    def _note_use(self, window: WindowPlan, owner: str, now: datetime) -> None:
        before = self._use_of(owner, now)
        self.timeline.at(_when(window.end), partial(self._charge_rest, window, owner, before))

    def _charge_rest(self, window: WindowPlan, owner: str, before: int, now: datetime) -> None:
        """W7: what its jobs and sessions did not pay of a dedicated window, the instance pays at its end."""
        self.world.settle(now)
        rest = round(window.seconds * 1e6) - (self._use_of(owner, now) - before)
        self.world.ledger.charge(owner, "", now - rest * MICROSECOND, now)

    def _use_of(self, instance: str, now: datetime) -> int:
        """Microseconds, with what runs counted from its start (F4)."""
        meters = self.world.snapshot(now).meters
        running = sum(meter.microseconds(now) for meter in meters if meter.instance == instance)
        return self.world.ledger.charged.get(instance, 0) + running

    def _send_job(self, plan: JobPlan, now: datetime) -> None:
        self._submit(plan.instance, plan.user, None, plan.seconds, now)

    def _submit(self, instance: str, user: str, session: str | None, seconds: float, now: datetime) -> None:
        entry = QueuedJob(
            id=f"j{next(self._numbers):08d}",
            submitted_at=now,
            session=session,
            instance=instance,
            user=user,
            expected=timedelta(seconds=seconds),
        )
        if not self.world.submit(entry, now):
            self.record.refused += 1

    def _open(self, plan: SessionPlan, now: datetime) -> None:
        ident = f"s{next(self._numbers):08d}"
        self.world.open_session(
            Sitting(
                id=ident,
                instance=plan.instance,
                user=plan.user,
                mode=plan.mode,
                max_ttl=plan.max_ttl,
                interactive_ttl=self.workload.interactive_ttl[plan.mode.value],
                created_at=now,
            )
        )
        if plan.mode is SessionMode.DEDICATED:
            self._sent[ident] = (plan, 0)
            return self._send_next(ident, now)
        for seconds in plan.jobs:
            self._submit(plan.instance, plan.user, ident, seconds, now)
        return self._done_sending(ident, plan, now)

    def _send_next(self, ident: str, now: datetime) -> None:
        plan, number = self._sent[ident]
        if number == len(plan.jobs):
            return self._done_sending(ident, plan, now)
        self._sent[ident] = (plan, number + 1)
        return self._submit(plan.instance, plan.user, ident, plan.jobs[number], now)

    def _done_sending(self, ident: str, plan: SessionPlan, now: datetime) -> None:
        if not plan.left_open:
            self.world.close_session(ident, now)

    def _started(self, work: Work, now: datetime) -> None:
        entry = work.entry
        if work.attempts > 1:
            return
        wait = (now - entry.submitted_at).total_seconds()
        session = self.world.sessions[entry.session] if entry.session else None
        if session is None:
            self.record.waits[entry.instance, "job"].append(wait)
        elif session.first_job == entry.id:
            self.record.waits[entry.instance, session.mode.value].append(wait)
        else:
            free = max(self._last_end.get(session.id, entry.submitted_at), entry.submitted_at)
            self.record.gaps[session.mode.value].append((now - free).total_seconds())
            self.record.reactivations += session.activated_at == now

    def _ended(self, work: Work, now: datetime) -> None:
        if work.started_at is not None:
            self.record.busy += (now - work.started_at).total_seconds()
        ident = work.entry.session
        if ident is not None:
            self._last_end[ident] = now
        if ident in self._sent and self.world.sessions[ident].state is not SessionState.CLOSED:
            plan, number = self._sent[ident]
            if number == len(plan.jobs):
                self._send_next(ident, now)
            else:
                think = timedelta(seconds=plan.thought(number - 1))
                self.timeline.at(now + think, partial(self._send_next, ident))

    def _sample(self, moment: float) -> None:
        self.record.times.append(moment)
        for instance in self.workload.instances:
            self.record.used[instance.id].append(self.world.ledger.charged.get(instance.id, 0) / 1e6)


def play(workload: Workload, days: float) -> Record:
    """What happens in so many days."""
    return Play(workload, days * 86_400).run()


def _as_expected(work: Work) -> timedelta:
    return work.entry.expected


def _window(number: int, plan: WindowPlan) -> Window:
    return Window(
        id=f"w{number:04d}",
        start=_when(plan.at),
        end=_when(plan.end),
        instance=plan.instance,
        mode=plan.mode,
        users=frozenset(plan.users),
        end_policy=plan.end_policy,
        filler=timedelta(seconds=plan.filler),
    )


def _when(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)
