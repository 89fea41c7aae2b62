"""From rows to the kernel's snapshot."""

from datetime import datetime, timedelta

from quantumsvc.scheduling.decisions import Hold, Idle, Start, Stop
from quantumsvc.scheduling.fairshare import Books, Meter
from quantumsvc.scheduling.policy import decide, needs_heads
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import ActiveSession, Snapshot
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.timers import max_ttl_deadline
from quantumsvc.statements import Statement
from sessions_app.models import Session
from sessions_app.services.queue import Front, read_turns


def snapshot_of(
    *,
    now: datetime,
    online: bool,
    active: Session | None,
    front: Front,
    heads: tuple[QueuedJob, ...] = (),
    books: Books | None = None,
) -> Snapshot:
    """One backend at ``now``; its sessions must have been settled."""
    return Snapshot(
        now=now,
        online=online,
        running=front.running,
        active=_active(active, front.session) if active else None,
        heads=heads,
        books=books or Books(),
        meters=_meters(active, front),
    )


def _active(session: Session, head: QueuedJob | None) -> ActiveSession | None:
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
    backend_id: int,
    *,
    now: datetime,
    online: bool,
    active: Session | None,
    front: Front,
    unwritten: list[Statement],
) -> tuple[Start | Hold | Idle, Snapshot]:
    """What the backend does next, and the snapshot that says so.

    Whose turn it is in general is read only when the decision depends on it: not between two jobs of a
    session, nor while the backend is held or busy. What is ``unwritten`` of the books is written before.
    """
    snapshot = snapshot_of(now=now, online=online, active=active, front=front)
    if needs_heads(snapshot):
        heads, books = read_turns(backend_id, now, unwritten)
        unwritten.clear()
        snapshot = snapshot_of(now=now, online=online, active=active, front=front, heads=heads, books=books)
    decision = decide(snapshot)
    assert not isinstance(decision, Stop), "no windows, nothing to give way to"
    return decision, snapshot
