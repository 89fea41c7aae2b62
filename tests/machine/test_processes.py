"""Several worker processes over several backends, of which some are killed while they work (J2, S1)."""

import random
import time
from datetime import timedelta

import pytest

from quantumsvc import clock
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from sessions_app.models import BackendLease, Job, JobEvent
from sessions_app.services.endings import cancel_job
from sessions_app.services.opening import close_session, open_session
from sessions_app.services.submission import Author, submit_job
from sessions_app.services.timekeeper import sweep
from tests.factories import envelope, make_author
from tests.machine import rows
from tests.machine.people import make_site
from tests.machine.processes import WorkerProcesses, wait_until

WORKERS, BACKENDS, JOBS, KILLS = 4, 3, 600, 6


def send(author: Author, backend: Backend, number: int, session: str | None = None) -> Job:
    sent = envelope(backend, session_id=session)
    return submit_job(author=author, envelope=sent, digest=number.to_bytes(32, "big"), now=clock.now())


def fill(backends: list[Backend]) -> None:
    """Single jobs of two tenants on every backend, and a session and a batch on the first."""
    authors = [make_author(), make_author()]
    for number in range(JOBS):
        send(authors[number % 2], backends[number % BACKENDS], number)
    for mode in SessionMode:
        session = open_session(
            instance=authors[0].instance, user=authors[0].user, backend=backends[0], mode=mode,
            max_ttl=None, now=clock.now(),
        )  # fmt: skip
        for number in range(5):
            send(authors[0], backends[0], JOBS + 10 + number + 10 * (mode is SessionMode.BATCH), session.pk)
        close_session(session=session, now=clock.now())


def pending() -> bool:
    return Job.objects.filter(state__in=("queued", "running")).exists()


def busy(workers: WorkerProcesses) -> list[str]:
    """Those of the living workers that hold a backend."""
    return [each.owner for each in BackendLease.objects.order_by("pk") if each.owner in workers.running]


def forget_the_dead() -> None:
    """Leases of the killed run out after 15 s; here time is short, so half a second of silence is enough."""
    silent = clock.now() + timedelta(seconds=14.5)
    BackendLease.objects.filter(expires_at__lt=silent).update(expires_at=clock.now())


def never_two_at_once(backend: Backend) -> None:
    """S1, from the events: between a start and what ends that attempt, nothing else starts."""
    running = ""
    moves = JobEvent.objects.filter(job__backend=backend)
    edges = [event for event in moves if "running" in (event.source, event.target)]
    for event in sorted(edges, key=lambda e: (e.at, e.target == "running", e.pk)):
        if event.target == "running":
            assert running == "", f"{event.job_id} began while {running} ran"
            running = event.job_id
        else:
            assert running == event.job_id
            running = ""
    assert running == ""


@pytest.mark.django_db(transaction=True)
def test_it_loses_and_doubles_nothing_when_workers_are_killed() -> None:
    chance = random.Random(11)
    backends = [make_site() for _ in range(BACKENDS)]
    fill(backends)
    accepted = set(Job.objects.values_list("pk", flat=True))
    with WorkerProcesses(WORKERS, seconds_per_job=0.01) as workers:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.3))
            assert wait_until(lambda: bool(busy(workers)), 120, forget_the_dead)
            workers.kill(chance.choice(busy(workers)))
            cancel_one(chance)
            forget_the_dead()
        assert wait_until(lambda: not pending(), 180, forget_the_dead), "everything ends"
    sweep(clock.now())
    assert set(Job.objects.values_list("pk", flat=True)) == accepted
    for backend in backends:
        rows.check_backend(backend)
        never_two_at_once(backend)
    every_attempt_is_accounted_for()


def cancel_one(chance: random.Random) -> None:
    """One that waits or runs, whichever it is by now."""
    idents = list(
        Job.objects.filter(state="queued", session=None).order_by("pk").values_list("pk", flat=True)
    )
    if idents:
        cancel_job(job=Job.objects.get(pk=chance.choice(idents)), now=clock.now())


def every_attempt_is_accounted_for() -> None:
    """Each attempt began once and ended once; those that were lost are counted; who is fenced off is mute."""
    lost = 0
    for job in Job.objects.prefetch_related("events"):
        began = [event.attempt for event in job.events.all() if event.target == "running"]
        ended = [event for event in job.events.all() if event.source == "running"]
        assert began == list(range(1, job.attempt + 1))
        assert [event.attempt for event in ended] == began
        assert sum(event.cause == "worker_lost" for event in ended) == job.lost_attempts
        assert sum(event.target in ("completed", "failed", "cancelled") for event in job.events.all()) == 1
        lost += job.lost_attempts
    assert lost, "some were killed while they worked"
