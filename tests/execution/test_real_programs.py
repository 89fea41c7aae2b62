"""The product's own programs in sealed children: what they import or open late would fail here."""

import json
import warnings
from collections.abc import Iterator

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.drivers.base import DeviceDocument, write_document
from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.messages import Event, Finished, Phase
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end, running_pool
from tests.programs.payloads import decoded, estimator_params, executor_params, sampler_params

MEBIBYTE = 1024 * 1024
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def real_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """A pool as the service runs it."""
    with running_pool(tmp_path_factory.mktemp("real")) as running:
        yield running


@pytest.fixture(scope="module")
def documents() -> dict[str, tuple[str, bytes]]:
    """Key and bytes of each demo device's document."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in demo_devices():
            document = DeviceDocument(
                name=row.name,
                driver=row.driver,
                options=row.options,
                configuration=row.configuration,
                properties=row.properties,
            )
            found[row.name] = write_document(document)
    return found


@pytest.fixture
def child(real_pool: RunningPool) -> Iterator[Lease]:
    """A child of it."""
    with real_pool.client.lease("demo_nairobi") as held:
        yield held


def circuit(measured: bool = True) -> QuantumCircuit:
    """A Bell pair in the gates of the 7-qubit device."""
    pair = QuantumCircuit(7)
    pair.rz(1.5707963, 0)
    pair.sx(0)
    pair.cx(0, 1)
    if measured:
        pair.measure_all()
    return pair


def run(child: Lease, documents: dict[str, tuple[str, bytes]], program: str, params: bytes) -> list[Event]:
    key, document = documents["demo_nairobi"]
    task = a_task(program=program, device=key, session_id="s", seed=7, memory_bytes=512 * MEBIBYTE)
    events = run_to_end(child, task, params, device=document)
    assert isinstance(events[-1], Finished), events[-5:]
    return events


def test_it_samples(child: Lease, documents: dict[str, tuple[str, bytes]]) -> None:
    events = run(child, documents, "sampler", sampler_params([circuit()]))
    assert isinstance(events[-1], Finished)
    assert decoded(events[-1].result)[0].data.meas.num_shots > 0
    assert [each.name for each in events if isinstance(each, Phase)] == [
        "preparing",
        "executing",
        "finishing",
    ]


def test_it_gives_the_same_samples_for_the_same_seed(
    child: Lease, documents: dict[str, tuple[str, bytes]]
) -> None:
    params = sampler_params([circuit()])
    one, two = (run(child, documents, "sampler", params)[-1] for _ in range(2))
    assert isinstance(one, Finished)
    assert isinstance(two, Finished)
    counts = [decoded(each.result)[0].data.meas.get_counts() for each in (one, two)]
    assert counts[0] == counts[1]


def test_it_estimates(child: Lease, documents: dict[str, tuple[str, bytes]]) -> None:
    params = estimator_params([(circuit(measured=False), SparsePauliOp("IIIIIZZ"))])
    ending = run(child, documents, "estimator", params)[-1]
    assert isinstance(ending, Finished)
    assert 0.5 < float(decoded(ending.result)[0].data.evs) <= 1.1


def test_it_executes(child: Lease, documents: dict[str, tuple[str, bytes]]) -> None:
    program = QuantumProgram(shots=100)
    program.append_circuit_item(circuit())
    ending = run(child, documents, "executor", executor_params(program))[-1]
    assert isinstance(ending, Finished)
    assert json.loads(ending.result)


def test_it_builds_all_demo_devices(real_pool: RunningPool, documents: dict[str, tuple[str, bytes]]) -> None:
    for name, (key, document) in documents.items():
        with real_pool.client.lease(name) as lease:
            events = run_to_end(lease, a_task(device=key), b"{}", device=document)
            assert getattr(events[-1], "code", 0) // 1000 == 8  # the empty payload, not the device
            assert getattr(events[-1], "code", 0) != 8030
