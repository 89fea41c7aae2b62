"""One attempt: how a child's end, a time limit, a cancellation and a lost lease end it (J2-J4)."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from quantumsvc import clock
from quantumsvc.backends.execution.client import PoolUnavailable
from quantumsvc.backends.execution.messages import (
    Crashed,
    Event,
    Failed,
    Finished,
    Log,
    Metric,
    NeedDevice,
    Phase,
    Progress,
    Transpiled,
)
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import backend_channel, listening
from quantumsvc.scheduling.states import Cause, JobState
from reservations_app.models import Window
from sessions_app.models import BackendLease, Job, JobCircuits, JobEvent, JobLog, LedgerLine
from sessions_app.services import attempt as attempts
from sessions_app.services import drain as drains
from sessions_app.services.attempt import Abandoned, Attempt, ChildLost
from sessions_app.services.dispatch import Claim
from sessions_app.services.drain import Children, look_at_backend
from sessions_app.services.endings import cancel_job
from sessions_app.services.leases import LeaseLost, acquire
from tests.factories import at, make_author, make_backend, submit
from tests.reservations.making import cancelled, make_window
from tests.services.children import FakeChild
from tests.services.worker import Worker

# For what takes milliseconds, on a machine that is busy (seconds).
SOON = 20.0

committed = pytest.mark.django_db(transaction=True)


def claimed(**over: Any) -> tuple[Worker, Claim]:
    """A worker that holds a backend and has just started a job on it."""
    backend = make_backend()
    submit(make_author(), backend, **over)
    worker = Worker(backend)
    step = worker.turn(1)
    assert isinstance(step, Claim)
    return worker, step


@contextmanager
def attempt_of(worker: Worker, claim: Claim, child: FakeChild, channel: str = "") -> Iterator[Attempt]:
    with listening(channel or backend_channel(claim.backend.pk)) as bell:
        yield Attempt(claim, child.lease, bell, worker.lease)


def later(deed: Callable[[], object], seconds: float = 0.2) -> threading.Timer:
    """Do it in another thread, with a connection of its own that is closed afterwards."""

    def run() -> None:
        try:
            deed()
        finally:
            connection.close()

    timer = threading.Timer(seconds, run)
    timer.start()
    return timer


@pytest.mark.django_db
def test_it_keeps_what_the_child_told_of_its_run() -> None:
    worker, claim = claimed(log_level="info")
    told: list[Event] = [
        NeedDevice("another device"),
        Phase("executing", 1.0),
        Progress(1, 2),
        Log("INFO", "hello", 2.0),
        Metric("cache_hits", 3),
    ]
    child = FakeChild(*told)
    with attempt_of(worker, claim, child) as attempt:
        timer = later(lambda: child.tell(Finished(b"[]")), 0.15)
        ending = attempt.run()
        timer.join()
    assert (ending.state, ending.cause, ending.result) == (JobState.COMPLETED, Cause.FINISHED, b"[]")
    assert ending.log == "1970-01-01T00:00:02.000000Z INFO: hello"
    assert ending.metrics["cache_hits"] == 3
    assert set(ending.metrics["phases"]) == {"executing", "ended"}
    assert (child.devices, child.killed_at) == ([], None)
    job = Job.objects.get(pk=claim.job.pk)
    assert (job.phase, job.progress_done, job.progress_total) == ("executing", 1, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(("private", "kept"), [(False, [["OPENQASM", ""]]), (True, [])])
def test_it_keeps_the_circuits_that_were_made_to_fit(private: bool, kept: list[list[str]]) -> None:
    worker, claim = claimed(private=private)
    child = FakeChild(Transpiled("OPENQASM"), Transpiled(""), Finished(b"{}"))
    with attempt_of(worker, claim, child) as attempt:
        attempt.run()
    assert list(JobCircuits.objects.values_list("texts", flat=True)) == kept


@pytest.mark.django_db
def test_it_gives_the_child_the_device_that_the_task_names() -> None:
    worker, claim = claimed()
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt:
        timer = later(lambda: child.tell(NeedDevice(child.tasks[0][0].device), Finished(b"")), 0.1)
        attempt.run()
        timer.join()
    assert len(child.devices) == 1
    assert claim.backend.name.encode() in child.devices[0]
    assert child.tasks[0][1] == claim.params


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("event", "cause", "code"),
    [
        (Failed(7000, "No such gate."), Cause.PROGRAM_FAILED, 7000),
        (Crashed("Most likely the machine ran out of memory.", "memory"), Cause.CHILD_DIED, 5206),
        (Crashed("The job's process was stopped.", "killed"), Cause.CHILD_DIED, 5206),
        (Crashed("The job's process broke the protocol.", "protocol"), Cause.CHILD_DIED, 5206),
        (Crashed("The job's process crashed (SIGSEGV).", "signal"), Cause.CHILD_DIED, 5206),
        (Crashed("The job's process ended by itself.", "exit"), Cause.CHILD_DIED, 5206),
        (Crashed("The job used up its processor time.", "cpu"), Cause.CHILD_DIED, 1305),
    ],
)
def test_it_fails_a_job_for_good_by_what_it_did(event: Failed | Crashed, cause: Cause, code: int) -> None:
    worker, claim = claimed()
    with attempt_of(worker, claim, FakeChild(event)) as attempt:
        ending = attempt.run()
    assert (ending.state, ending.cause, ending.reason_code) == (JobState.FAILED, cause, code)
    assert ending.reason == event.reason


@pytest.mark.django_db
def test_it_does_not_blame_a_job_for_the_end_of_the_pool() -> None:
    worker, claim = claimed()
    child = FakeChild(Crashed("The execution pool ended while the job ran.", "pool"))
    with attempt_of(worker, claim, child) as attempt, pytest.raises(ChildLost, match="pool ended"):
        attempt.run()
    assert child.killed_at is not None


@pytest.mark.django_db
def test_it_kills_at_the_time_limit() -> None:
    worker, claim = claimed()
    claim.job.max_seconds = 1
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt:
        ending = attempt.run()
        assert child.killed_at is not None
        assert 1.0 <= child.killed_at - attempt.began < SOON
    assert (ending.state, ending.cause, ending.reason_code) == (JobState.FAILED, Cause.TIME_LIMIT, 1305)
    assert "1 seconds" in ending.reason


def cancelled_while_running(claim: Claim, attempt: Attempt, child: FakeChild) -> float:
    """Cancel the job while it runs; how long after the cancellation its child was killed, in seconds."""
    moments: list[float] = []

    def cancel() -> None:
        cancel_job(job=Job.objects.get(pk=claim.job.pk), now=clock.now())
        moments.append(time.monotonic())

    timer = later(cancel)
    with pytest.raises(Abandoned):
        attempt.run()
    timer.join()
    assert child.killed_at is not None
    return child.killed_at - moments[0]


@committed
def test_it_kills_at_the_bell_of_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "LOOK_AGAIN", 60.0)
    worker, claim = claimed()
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt:
        assert cancelled_while_running(claim, attempt, child) < SOON


@committed
def test_it_notices_a_cancellation_whose_bell_was_lost() -> None:
    worker, claim = claimed()
    child = FakeChild()
    with attempt_of(worker, claim, child, "a channel that nobody rings") as attempt:
        assert cancelled_while_running(claim, attempt, child) < SOON


@pytest.mark.django_db
def test_it_goes_on_at_a_bell_that_is_not_for_it() -> None:
    worker, claim = claimed()
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt, listening() as other:
        channel = backend_channel(claim.backend.pk)
        other.link.execute("SELECT pg_notify(%s, 'stop another'), pg_notify(%s, 'look')", [channel, channel])
        timer = later(lambda: child.tell(Finished(b"")))
        assert attempt.run().state == JobState.COMPLETED
        timer.join()


def before_a_window(start: float) -> tuple[Worker, Claim, Window]:
    """A job that runs now, and a window of others that begins in ``start`` seconds."""
    worker, claim = claimed(cost=1)
    # The clock of this test is the real one: the job was started long before it.
    begins = clock.now() + timedelta(seconds=start)
    window = make_window(
        backend=claim.backend, starts_at=begins, ends_at=begins + timedelta(hours=1), created_at=begins
    )
    return worker, replace(claim, gives_way_at=begins), window


@committed
def test_w2_it_stops_when_a_window_of_others_begins_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "LOOK_AGAIN", 60.0)
    worker, claim, window = before_a_window(0.4)
    child = FakeChild()
    with attempt_of(worker, claim, child, "a channel that nobody rings") as attempt:
        with pytest.raises(Abandoned):
            attempt.run()
        late = (clock.now() - window.starts_at).total_seconds()
    assert child.killed_at is not None
    assert 0 <= late < SOON
    job = Job.objects.get(pk=claim.job.pk)
    assert (job.state, job.started_at, job.lost_attempts) == ("queued", None, 0)
    assert (job.created_at, job.quantum_seconds) == (claim.job.created_at, 0.0)
    assert (
        JobEvent.objects.filter(job=job).order_by("pk").values_list("cause", flat=True).last() == "displaced"
    )
    assert not LedgerLine.objects.exists()


@committed
@pytest.mark.parametrize("deed", ["cancelled", "moved"])
def test_w2_it_goes_on_when_the_window_is_no_longer_there(deed: str) -> None:
    worker, claim, window = before_a_window(0.2)
    Window.objects.filter(pk=window.pk).update(**cancelled())
    if deed == "moved":
        later_on = window.starts_at + timedelta(minutes=1)
        make_window(backend=claim.backend, starts_at=later_on, ends_at=window.ends_at)
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt:
        timer = later(lambda: child.tell(Finished(b"[]")), 0.5)
        assert attempt.run().state == JobState.COMPLETED
        timer.join()
        assert (attempt.gives_way_at < math.inf) == (deed == "moved")
    assert Job.objects.get(pk=claim.job.pk).state == "running"


@pytest.mark.django_db
def test_it_kills_when_another_worker_has_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "HEARTBEAT", timedelta(seconds=0.1))
    worker, claim = claimed()
    BackendLease.objects.update(expires_at=at(2))
    assert acquire(backend_id=claim.backend.pk, owner="w2", now=at(3)) is not None
    child = FakeChild()
    with attempt_of(worker, claim, child) as attempt, pytest.raises(LeaseLost):
        attempt.run()
    assert child.killed_at is not None


@pytest.fixture
def no_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drains, "LINGER", timedelta(0))


def drain_with(monkeypatch: pytest.MonkeyPatch, backend: Backend, *children: FakeChild) -> None:
    """Look after the backend until it is idle, with these children one after the other."""
    left = iter(children)
    monkeypatch.setattr(Children, "child_for", lambda *_: next(left).lease)
    look_at_backend(backend.pk)


@committed
@pytest.mark.usefixtures("no_lingering")
def test_it_runs_a_job_again_whose_pool_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_backend()
    job = submit(make_author(), backend)
    lost = FakeChild(Crashed("The execution pool ended while the job ran.", "pool"))
    drain_with(monkeypatch, backend, lost, FakeChild(Finished(b"[]")))
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lost_attempts) == ("completed", 2, 1)
    path = JobEvent.objects.filter(job=job).order_by("pk").values_list("target", flat=True)
    assert list(path) == ["queued", "running", "queued", "running", "completed"]


@committed
@pytest.mark.usefixtures("no_lingering")
def test_it_keeps_the_reason_of_a_child_that_died_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, author = make_backend(), make_author()
    jobs = [submit(author, backend, n) for n in range(2)]
    told: list[Event] = [
        Log("INFO", "so far, so good", 1.0),
        Crashed("The machine ran out of memory.", "memory"),
    ]
    drain_with(monkeypatch, backend, FakeChild(*told), FakeChild(Finished(b"[]")))
    first, second = (Job.objects.get(pk=job.pk) for job in jobs)
    assert (first.state, first.attempt, first.reason_code) == ("failed", 1, 5206)
    assert first.reason == "The machine ran out of memory."
    assert "so far, so good" in JobLog.objects.get(job=first).text
    assert second.state == "completed"


@committed
@pytest.mark.parametrize("in_session", [True, False])
def test_s2_it_wakes_for_a_system_job_while_a_session_holds_or_nothing_waits(
    in_session: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drains, "LINGER", timedelta(seconds=0 if in_session else 1))
    backend, author = make_backend(dedicated_interactive_ttl=1), make_author()
    submit(author, backend, start_session=in_session)
    due_at = clock.now() + timedelta(seconds=0.3)
    system = submit(author, backend)
    Job.objects.filter(pk=system.pk).update(is_system=True, due_at=due_at)
    drain_with(monkeypatch, backend, FakeChild(Finished(b"[]")), FakeChild(Finished(b"[]")))
    system.refresh_from_db()
    assert system.started_at is not None
    assert timedelta(0) <= system.started_at - due_at < timedelta(seconds=0.5)


class Starting:
    """A pool that is away for the first few times it is asked."""

    socket_path = "pool.sock"

    def __init__(self, away: int, child: FakeChild) -> None:
        self.away, self.child = away, child

    def lease(self, key: str) -> object:
        self.away -= 1
        if self.away >= 0:
            raise PoolUnavailable("nobody listens")
        return self.child.lease


@pytest.mark.django_db
def test_it_waits_for_a_pool_that_is_being_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _, claim = claimed()
    child = FakeChild()
    monkeypatch.setattr(drains, "pool_for", lambda _: Starting(2, child))
    assert Children().child_for(claim) is child.lease


@committed
@pytest.mark.usefixtures("no_lingering")
def test_it_gives_a_job_back_unharmed_when_there_is_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drains, "POOL_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(drains, "pool_for", lambda _: Starting(10**6, FakeChild()))
    backend = make_backend()
    job = submit(make_author(), backend)
    look_at_backend(backend.pk)
    job.refresh_from_db()
    assert (job.state, job.lost_attempts) == ("queued", 0)
    assert BackendLease.objects.get(backend=backend).expires_at is None
