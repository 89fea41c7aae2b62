"""What a job's inputs are, for people: told by a child, kept, and never opened here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from quantumsvc.backends.execution.client import ExecutionPool, PoolBusy
from quantumsvc.backends.execution.messages import Crashed, Event, Failed, Finished
from quantumsvc.backends.execution.sketches import Sketch, encode_sketch
from quantumsvc.backends.execution.testing import running_pool
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobPayload, JobSketch
from sessions_app.services import sketching
from sessions_app.services.deleting import delete_job
from sessions_app.services.endings import cancel_job
from sessions_app.services.sketching import Told, sketch_of
from sessions_app.services.submission import Author
from tests.factories import at, submit
from tests.programs.payloads import sampler_params
from tests.services.children import FakeChild

EMPTY = Sketch(circuits=[], circuit_count=0, pubs=[], pub_count=0)


class FakePool:
    """Leases the same child to whoever asks."""

    def __init__(self, *events: Event, busy: bool = False) -> None:
        self.events, self.busy, self.children, self.asked = events, busy, list[FakeChild](), list[Any]()

    def lease(self, key: str, **how: Any) -> Any:
        self.asked.append((key, how))
        if self.busy:
            raise PoolBusy("all at work")
        self.children.append(FakeChild(*self.events))
        return self.children[-1].lease


@pytest.fixture
def job(alice: Author, backend: Backend) -> Job:
    return submit(alice, backend)


def use(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketching, "pool_for", lambda backend: pool)


def test_it_asks_a_child_once_and_keeps_the_answer(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = FakePool(Finished(encode_sketch(EMPTY)))
    use(pool, monkeypatch)
    assert sketch_of(job) == Told(EMPTY) == sketch_of(job)
    (child,) = pool.children
    ((asked, params),) = child.tasks
    assert (asked.only_told, asked.device, asked.session_id) == (True, "", None)
    assert params == bytes(job.payload.params)
    assert child.killed_at is not None, "it serves nobody after it has read this"
    assert pool.asked == [(f"sketch of {job.instance_id}", {"modest": True})]


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Failed(8004, "It is no circuit."), "It is no circuit."),
        (Crashed("killed", "cpu"), "The inputs can't be shown: reading them takes too much."),
        (Finished(b'{"circuits":[{"drawn":"<svg>"}]}'), "The inputs can't be shown."),
    ],
)
def test_it_keeps_why_there_is_nothing_to_tell(
    job: Job, event: Event, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = FakePool(event)
    use(pool, monkeypatch)
    assert sketch_of(job) == Told(why_not=sentence) == sketch_of(job)
    assert len(pool.children) == 1


@pytest.mark.parametrize(
    "pool", [FakePool(busy=True), FakePool(Crashed("gone", "pool")), FakePool()], ids=("busy", "lost", "slow")
)
def test_it_asks_again_after_what_may_pass(job: Job, pool: FakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketching, "PATIENCE_SECONDS", 0.05)
    use(pool, monkeypatch)
    assert sketch_of(job).sketch is None
    assert not JobSketch.objects.exists()
    use(FakePool(Finished(encode_sketch(EMPTY))), monkeypatch)
    assert sketch_of(job) == Told(EMPTY)


def test_it_asks_few_children_at_one_time(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = FakePool(Finished(encode_sketch(EMPTY)))
    use(pool, monkeypatch)
    with sketching._turns, sketching._turns:
        assert "Ask again" in sketch_of(job).why_not
    assert not pool.children


def test_it_hides_what_is_private(alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = FakePool(Finished(encode_sketch(EMPTY)))
    use(pool, monkeypatch)
    assert "hidden" in sketch_of(submit(alice, backend, private=True)).why_not
    assert not pool.children


def test_it_has_nothing_to_tell_without_a_payload(job: Job) -> None:
    JobPayload.objects.all().delete()
    assert "not kept" in sketch_of(job).why_not


def test_it_deletes_the_sketch_with_the_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakePool(Finished(encode_sketch(EMPTY))), monkeypatch)
    sketch_of(job)
    cancel_job(job=job, now=at(1))
    delete_job(job=job, now=at(2), by=job.user)
    assert not JobSketch.objects.exists()


def test_it_keeps_nothing_of_a_job_that_was_deleted_meanwhile(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job.objects.filter(pk=job.pk).update(deleted_at=at(1), state="cancelled", finished_at=at(1))
    use(FakePool(Finished(encode_sketch(EMPTY))), monkeypatch)
    sketch_of(job)
    assert not JobSketch.objects.exists()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutionPool]:
    folder: Path = tmp_path_factory.mktemp("pool")
    with running_pool(folder, "--max-children", "1", "--spares", "0") as running:
        yield running.client


def test_it_reads_a_real_payload_in_a_real_child(
    alice: Author, backend: Backend, pool: ExecutionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit = QuantumCircuit(2, 2, name="<b>bell</b>")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    job = submit(alice, backend, params=sampler_params([(circuit, None, 100)]))
    use(pool, monkeypatch)
    with pool.lease("somebody's warm child") as child:
        child.release()
    assert "No process is free" in sketch_of(job).why_not, "a warm child does not end for a drawing"
    with pool.lease("somebody's warm child") as child:
        assert child.warm
        child.kill()
    found = sketch_of(job).sketch
    assert found is not None
    assert [gate.name for gate in found.circuits[0].drawn] == ["h", "cx", "measure", "measure"]
