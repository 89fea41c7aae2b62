import json
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.confine import KEPT_VARIABLES, clean_environment
from quantumsvc.backends.execution.messages import Finished
from quantumsvc.backends.execution.seal import call_filter
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end
from tests.execution.conftest import StartPool
from tests.execution.processes import children_of

SECRETS = {
    "DATABASE_URL": "postgresql://user:hunter2@127.0.0.1/qs",
    "QUANTUMSVC_SECRET_KEY": "hunter2",
    "PGPASSWORD": "hunter2",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def secretive(start_pool: StartPool) -> RunningPool:
    """A pool that was started with secrets in its environment."""
    return start_pool(environment=SECRETS)


@pytest.fixture
def child(secretive: RunningPool) -> Iterator[Lease]:
    """A child of it."""
    with secretive.client.lease("ring") as held:
        yield held


def answer(lease: Lease, words: str) -> Any:
    ending = run_to_end(lease, a_task(), words.encode())[-1]
    assert isinstance(ending, Finished), ending
    return json.loads(ending.result)


def test_it_shows_no_secret_in_any_process(secretive: RunningPool, child: Lease) -> None:
    pids = [secretive.process.pid, *children_of(secretive.process.pid)]
    assert child.pid in pids
    for pid in pids:
        shown = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"OMP_NUM_THREADS=1" in shown
        assert b"hunter2" not in shown
        assert not any(name.encode() in shown for name in SECRETS)


def test_it_gives_a_child_few_variables(child: Lease) -> None:
    environment = answer(child, "facts")["environment"]
    assert set(environment) <= set(clean_environment(dict.fromkeys(KEPT_VARIABLES, "x")))


def test_it_runs_one_thread_with_nothing_open_and_nowhere_to_print(child: Lease) -> None:
    facts = answer(child, "facts")
    assert facts["threads"] == 1
    assert facts["stdout"] == "/dev/null"
    kinds = sorted(each.split(":")[0] for each in facts["open"] if not each.startswith("/proc"))
    assert kinds == ["/dev/null"] * 3 + ["pipe"] + ["socket"] * 2


def test_it_has_loaded_nothing_that_could_reach_the_database(child: Lease) -> None:
    assert answer(child, "facts")["modules"] == []


@as_root
def test_it_runs_children_as_nobody(child: Lease) -> None:
    facts = answer(child, "facts")
    assert facts["uid"] == pwd.getpwnam("nobody").pw_uid
    assert facts["groups"] == []


@as_root
def test_it_lets_nobody_but_its_starter_connect(secretive: RunningPool) -> None:
    found = secretive.socket_path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == os.geteuid()


def test_it_reaches_no_network(child: Lease) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answer(child, f"network 127.0.0.1:{port}") != "connected"


def test_it_lives_in_a_network_of_its_own(secretive: RunningPool, child: Lease) -> None:
    assert os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net")


@pytest.mark.parametrize("call", ["fork", "exec", "kill_pool", "socket", "serve", "packet", "file", "trace"])
def test_it_refuses_calls_that_no_job_needs(child: Lease, call: str) -> None:
    assert answer(child, f"try {call}") == "PermissionError"
    assert answer(child, f"try {call}") == "PermissionError"


def test_it_lets_no_job_raise_its_limits(child: Lease) -> None:
    assert answer(child, "try raise_memory") == "ValueError"


def test_it_knows_no_filter_for_an_unknown_machine() -> None:
    assert call_filter("sparc", 1) is None


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_it_makes_filters_that_the_kernel_would_take(machine: str, network: bool) -> None:
    program = call_filter(machine, 1, network=network)
    assert program is not None
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096
