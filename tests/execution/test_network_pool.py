"""Children of the network pool reach a device over a network, and are sealed in all other ways."""

import json
import os
import pwd
import socket
from collections.abc import Iterator

import pytest
from qiskit import QuantumCircuit

from quantumsvc.backends.drivers.base import DeviceDocument, write_document
from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.messages import Ending, Failed, Finished
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end, running_pool
from tests.execution.conftest import FAKES
from tests.execution.remote_backend import controller
from tests.programs.payloads import decoded, sampler_params

SECRETS = {"DATABASE_URL": "postgresql://user:hunter2@127.0.0.1/qs", "QUANTUMSVC_SECRET_KEY": "hunter2"}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """A network pool with programs that try what they may not do."""
    folder = tmp_path_factory.mktemp("net")
    with running_pool(folder, "--network", programs=FAKES, environment=SECRETS) as running:
        yield running


def answer(lease: Lease, words: str) -> object:
    ending = run_to_end(lease, a_task(), words.encode())[-1]
    assert isinstance(ending, Finished), ending
    return json.loads(ending.result)


def test_it_lets_a_child_connect(lease: Lease) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answer(lease, f"network 127.0.0.1:{server.getsockname()[1]}") == "connected"


@pytest.mark.parametrize("call", ["fork", "exec", "kill_pool", "socket", "serve", "packet", "file", "trace"])
def test_it_refuses_all_else_that_no_job_needs(lease: Lease, call: str) -> None:
    assert answer(lease, f"try {call}") == "PermissionError"
    assert answer(lease, f"try {call}") == "PermissionError"


def test_it_gives_a_child_no_secret_and_no_rights(lease: Lease) -> None:
    facts = answer(lease, "facts")
    assert isinstance(facts, dict)
    assert not any("hunter2" in value for value in facts["environment"].values())
    if os.geteuid() == 0:
        assert facts["uid"] == pwd.getpwnam("nobody").pw_uid


def sample(pool: RunningPool, port: int) -> Ending:
    """Run a job on the remote device in a child of the pool."""
    where = {"path": "tests.execution.remote_backend.RemoteBackend", "network": True}
    options = {**where, "options": {"port": port, "password": "open sesame"}}
    key, document = write_document(DeviceDocument("remote", "qiskit", options))
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    with pool.client.lease("remote") as lease:
        params = sampler_params([(circuit, None, 20)])
        ending = run_to_end(lease, a_task(device=key), params, device=document)[-1]
        assert isinstance(ending, Finished | Failed), ending
        return ending


def test_it_runs_a_job_on_a_device_behind_a_network(tmp_path_factory: pytest.TempPathFactory) -> None:
    with controller() as port, running_pool(tmp_path_factory.mktemp("real"), "--network") as real:
        ending = sample(real, port)
    assert isinstance(ending, Finished), ending
    assert decoded(ending.result)[0].data.c.get_counts() == {"01": 20}


def test_it_fails_such_a_job_cleanly_where_there_is_no_network(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with controller() as port, running_pool(tmp_path_factory.mktemp("real")) as real:
        ending = sample(real, port)
    assert isinstance(ending, Failed)
    assert ending.code == 5203
    assert "Operation not permitted" in ending.reason
