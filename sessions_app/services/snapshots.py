"""From rows to the kernel's snapshot."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.decisions import Decision
from quantumsvc.scheduling.fairshare import Books, Meter
from quantumsvc.scheduling.policy import decide, needs_heads
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import ActiveSession, Snapshot
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.timers import max_ttl_deadline
from quantumsvc.scheduling.windows import Window, obstacle
from quantumsvc.statements import Statement
from sessions_app.models import Session
from sessions_app.services.held import drains
from sessions_app.services.pools import out_of_reach
from sessions_app.services.queue import Front, read_turns, session_front


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a backend before it is asked whose turn it is; its sessions must have been settled."""

    backend: Backend
    active: Session | None
    front: Front
    windows: tuple[Window, ...] = ()

    def snapshot(
        self, now: datetime, heads: tuple[QueuedJob, ...] = (), books: Books | None = None
    ) -> Snapshot:
        """The backend at ``now``."""
        return Snapshot(
            now=now,
            online=self.backend.is_online and not out_of_reach(self.backend),
            paused=self.backend.is_paused,
            running=self.front.running,
            active=_active(self.active, *self._session_jobs(now)) if self.active else None,
            heads=heads,
            system=self.front.system,
            windows=self.windows,
            books=books or Books(),
            meters=_meters(self.active, self.front),
            drains=drains(self.backend),
        )

    def _session_jobs(self, now: datetime) -> tuple[QueuedJob | None, QueuedJob | None]:
        """The active session's next job; if a window is in its way, what may go instead (S3, S4)."""
        head = self.front.session
        if head is None or self.active is None or obstacle(self.windows, head, now) is None:
            return head, None
        return session_front(self.active, self.windows, now)


def _active(session: Session, head: QueuedJob | None, shorter: QueuedJob | None) -> ActiveSession | None:
    ends_at = max_ttl_deadline(session.facts())
    if ends_at is None:
        return None
    return ActiveSession(
        id=session.pk,
        mode=SessionMode(session.mode),
        accepting_jobs=session.accepting_jobs,
        ends_at=ends_at,
        interactive_deadline=session.interactive_deadline,
        head=head,
        shorter=shorter,
        activated_at=session.activated_at,
        instance=str(session.instance_id),
        user=str(session.user_id),
        interactive_ttl=timedelta(seconds=session.interactive_ttl),
    )


def _meters(active: Session | None, front: Front) -> tuple[Meter, ...]:
    """F4: a dedicated session is charged from its activation, any other job from its start.

    A job that outlives its session is charged from the session's end.
    """
    meters = []
    pays = active is not None and active.mode == SessionMode.DEDICATED
    if active is not None and pays and active.activated_at is not None:
        meters.append(
            Meter(instance=str(active.instance_id), user=str(active.user_id), since=active.activated_at)
        )
    running = front.running
    in_session = running is not None and active is not None and running.session == active.pk
    if running is not None and running.instance is not None and not (pays and in_session):
        since = front.unpaid_since or running.started_at
        meters.append(Meter(instance=running.instance, user=running.user, since=since))
    return tuple(meters)


def decision_on(
    backend_id: int, here: Surroundings, now: datetime, unwritten: list[Statement]
) -> tuple[Decision, Snapshot]:
    """What the backend does next, and the snapshot that says so.

    Whose turn it is in general is read only when the decision depends on it: not between two jobs of a
    session, nor while the backend is held or busy. What is ``unwritten`` of the books is written before.
    """
    snapshot = here.snapshot(now)
    if needs_heads(snapshot):
        heads, books = read_turns(backend_id, now, here.windows, unwritten)
        unwritten.clear()
        snapshot = replace(snapshot, heads=heads, books=books)
    return decide(snapshot), snapshot
