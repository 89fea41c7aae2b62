"""What must be true of the rows whatever has happened; each check names the rule it is about."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import JOB_MOVES, SESSION_MOVES, TERMINAL_JOB_STATES
from sessions_app.models import (
    InstanceUsage,
    Job,
    JobEvent,
    JobPayload,
    JobResult,
    LedgerLine,
    Session,
    SessionEvent,
    UsageBucket,
    UserUsage,
)

Payer = tuple[int, int]


def check_backend(backend: Backend) -> None:
    """S1, S8, L8, L10: of a backend whose overdue sessions were settled."""
    jobs = list(Job.objects.filter(backend=backend).select_related("session"))
    sessions = list(Session.objects.filter(backend=backend))
    assert sum(job.state == "running" for job in jobs) <= 1, "S1"
    assert sum(session.state == "active" for session in sessions) <= 1, "S8"
    for job in jobs:
        gone = job.session is not None and job.session.state == "closed" and not job.outlived_session
        assert not (job.state == "queued" and gone), "L8"
    of_jobs = list(JobEvent.objects.filter(job__backend=backend).select_related("job").order_by("id"))
    of_sessions = list(SessionEvent.objects.filter(session__backend=backend).order_by("id"))
    check_events(jobs, of_jobs, JOB_MOVES, "job_id")
    check_events(sessions, of_sessions, SESSION_MOVES, "session_id")
    check_contents(jobs)
    for session in sessions:
        runs = [
            event for event in of_jobs if event.job.session_id == session.pk and not alone(event, session)
        ]
        check_times(session, [event for event in of_sessions if event.session_id == session.pk], runs)
    check_sums(backend)
    check_ledger(backend, jobs, sessions, of_sessions)


def check_events(
    things: Iterable[Any], events: Iterable[Any], moves: Mapping[Any, frozenset[Any]], key: str
) -> None:
    """J1: the events of each are a path through the table of moves, in time, and end where it is."""
    table = {"": frozenset({str(next(iter(moves)))})}
    table |= {str(source): frozenset(map(str, targets)) for source, targets in moves.items()}
    last: dict[str, tuple[str, datetime]] = {}
    for event in events:
        state, at = last.get(getattr(event, key), ("", event.at))
        assert event.source == state, "each event begins where the one before ended"
        assert event.target in table[state], f"{state} to {event.target}"
        assert event.at >= at
        last[getattr(event, key)] = event.target, event.at
    assert {ident: state for ident, (state, _) in last.items()} == {each.pk: each.state for each in things}


def alone(event: JobEvent, session: Session) -> bool:
    """W2: of a job that had to give way after its session had closed, and ran by itself."""
    return bool(event.job.outlived_session and session.closed_at and event.at >= session.closed_at)


def check_contents(jobs: list[Job]) -> None:
    """J5: an accepted job keeps what was sent; it has a result if, and only if, it completed."""
    idents = {job.pk for job in jobs}
    assert set(JobPayload.objects.filter(pk__in=idents).values_list("pk", flat=True)) == idents
    results = set(JobResult.objects.filter(pk__in=idents).values_list("pk", flat=True))
    assert results == {job.pk for job in jobs if job.state == "completed"}


def check_times(session: Session, events: list[SessionEvent], runs: list[JobEvent]) -> None:
    """L3, L4, L6, L15: what a session reports of itself fits together, and with its jobs and events."""
    activations = [event.at for event in events if event.target == "active"]
    first, last = (activations[0], activations[-1]) if activations else (None, None)
    assert (session.started_at, session.activated_at) == (first, last)
    if first and last:
        left = timedelta(seconds=session.max_ttl) - (last - first)
        assert session.active_ttl == left.total_seconds()
        assert session.closed_at is None or session.closed_at <= first + timedelta(seconds=session.max_ttl)
    started = [event.at for event in runs if event.target == "running"]
    ended = [event.at for event in runs if event.source == "running" and event.target != "queued"]
    assert session.last_job_started == max(started, default=None)
    assert session.last_job_completed == max(ended, default=None)
    assert session.created_at <= (session.started_at or session.created_at)


def check_sums(backend: Backend) -> None:
    """F2: the sums are the buckets added up."""
    of_users: Counter[Payer] = Counter()
    of_instances: Counter[int] = Counter()
    for bucket in UsageBucket.objects.filter(backend=backend):
        of_users[bucket.instance_id, bucket.user_id] += bucket.microseconds
        of_instances[bucket.instance_id] += bucket.microseconds
    users = UserUsage.objects.filter(backend=backend)
    assert {(each.instance_id, each.user_id): each.microseconds for each in users} == of_users
    instances = InstanceUsage.objects.filter(backend=backend)
    assert {each.instance_id: each.microseconds for each in instances} == of_instances


def check_ledger(
    backend: Backend, jobs: list[Job], sessions: list[Session], events: list[SessionEvent]
) -> None:
    """L17: the lines are what jobs and sessions say of themselves, each once; the sums are the lines."""
    lines = list(LedgerLine.objects.filter(backend=backend))
    assert len({(line.kind, line.subject, line.since) for line in lines}) == len(lines)
    of_jobs = {line.subject: line.microseconds for line in lines if line.kind == "job"}
    assert of_jobs == {job.pk: owed for job in jobs if (owed := owed_by(job, events))}
    of_sessions: Counter[str] = Counter()
    for line in lines:
        if line.kind == "session":
            of_sessions[line.subject] += line.microseconds
    dedicated = {session.pk: session for session in sessions if session.mode == "dedicated"}
    used = {ident: micro(each.active_seconds) for ident, each in dedicated.items()}
    assert of_sessions == {ident: amount for ident, amount in used.items() if amount}
    assert {(line.subject, line.since) for line in lines if line.kind == "session"} == {
        (session, since) for session, since in activations(events) if session in dedicated
    }
    paid: Counter[Payer] = Counter()
    for line in lines:
        paid[line.instance_id, line.user_id] += line.microseconds
    users = UserUsage.objects.filter(backend=backend)
    assert {(each.instance_id, each.user_id): each.microseconds for each in users} == paid


def owed_by(job: Job, events: list[SessionEvent]) -> int:
    """What a job that has ended must have paid itself, in microseconds."""
    if job.finished_at is None or job.started_at is None or not job.quantum_seconds:
        return 0
    if job.session is None or job.session.mode == "batch" or job.outlived_session:
        return micro(job.quantum_seconds)
    left = [event.at for event in events if event.session_id == job.session_id and event.source == "active"]
    meanwhile = [each for each in left if job.started_at < each <= job.finished_at]
    return micro((job.finished_at - max(meanwhile)).total_seconds()) if meanwhile else 0


def activations(events: list[SessionEvent]) -> list[tuple[str, datetime]]:
    """The sessions that were active for some time, and since when."""
    began: dict[str, datetime] = {}
    found = []
    for event in events:
        if event.source == "active" and event.at > began[event.session_id]:
            found.append((event.session_id, began[event.session_id]))
        if event.target == "active":
            began[event.session_id] = event.at
    return found


def micro(seconds: float) -> int:
    return round(seconds * 1_000_000)


def charged(backend: Backend) -> dict[tuple[str, str], int]:
    """What each user of each instance has been charged on the backend, in microseconds."""
    return {
        (str(each.instance_id), str(each.user_id)): each.microseconds
        for each in UserUsage.objects.filter(backend=backend)
        if each.microseconds
    }


def ended_jobs() -> dict[str, str]:
    """The jobs that have ended, and how."""
    ended = Job.objects.filter(state__in=[state.value for state in TERMINAL_JOB_STATES])
    return dict(ended.values_list("pk", "state"))
