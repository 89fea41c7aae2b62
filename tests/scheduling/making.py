"""Builders with defaults, so that a case says only what it is about."""

from datetime import timedelta

from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.snapshot import ActiveSession
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.windows import EndPolicy, Window, WindowMode
from tests.scheduling.times import at


def job(
    ident: str,
    when: float = 0,
    session: str | None = None,
    *,
    of: str = "a/ann",
    takes: float = 0,
    expires: float | None = None,
    barred: Bar | None = None,
) -> QueuedJob:
    """A waiting job ``of`` an instance and user."""
    instance, user = of.split("/")
    return QueuedJob(
        id=ident,
        submitted_at=at(when),
        session=session,
        instance=instance,
        user=user,
        expected=timedelta(seconds=takes),
        expires_at=None if expires is None else at(expires),
        barred=barred,
    )


def active(
    mode: str = "dedicated",
    *,
    head: QueuedJob | None = None,
    shorter: QueuedJob | None = None,
    idle_until: float | None = None,
    ends: float = 1000,
    accepting: bool = True,
    ident: str = "s",
    of: str = "a/ann",
    since: float | None = None,
) -> ActiveSession:
    """The session that has the backend."""
    instance, user = of.split("/")
    return ActiveSession(
        id=ident,
        mode=SessionMode(mode),
        accepting_jobs=accepting,
        ends_at=at(ends),
        interactive_deadline=None if idle_until is None else at(idle_until),
        head=head,
        shorter=shorter,
        instance=instance,
        user=user,
        interactive_ttl=timedelta(seconds=300),
        activated_at=None if since is None else at(since),
    )


def window(
    start: float,
    end: float,
    instance: str | None = None,
    mode: str = "dedicated",
    *,
    users: str = "",
    policy: str = "release",
    lends: float = 0,
) -> Window:
    """Held time; for nobody unless an instance is named, and then for all its users or those named."""
    return Window(
        id=f"w{start:g}",
        start=at(start),
        end=at(end),
        instance=instance,
        mode=WindowMode(mode),
        users=frozenset(users.split()),
        end_policy=EndPolicy(policy),
        filler=timedelta(seconds=lends),
    )
