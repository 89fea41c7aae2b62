import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from quantumsvc.backends.execution.client import ExecutionPool, PoolBusy, PoolUnavailable
from quantumsvc.backends.execution.messages import Finished
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end
from tests.execution.conftest import StartPool
from tests.execution.processes import children_of, is_gone, seconds_until


def use(pool: RunningPool, key: str, jobs: int = 0) -> tuple[int, bool]:
    """Lease a child, run some jobs, release it: its process id and whether it was warm."""
    with pool.client.lease(key) as lease:
        for _ in range(jobs):
            assert isinstance(run_to_end(lease, a_task(), b"noop")[-1], Finished)
        return lease.pid, lease.warm


def test_it_gives_a_key_its_warm_child_back(pool: RunningPool) -> None:
    first, _ = use(pool, "reuse", 1)
    other, _ = use(pool, "reuse of another", 1)
    assert use(pool, "reuse") == (first, True)
    assert other != first


def test_it_gives_two_leases_of_a_key_two_children(pool: RunningPool) -> None:
    with pool.client.lease("double") as one, pool.client.lease("double") as two:
        assert one.pid != two.pid


def test_it_recycles_a_child_after_its_jobs(start_pool: StartPool) -> None:
    pool = start_pool("--max-jobs", "3")
    first, _ = use(pool, "ring", 2)
    assert use(pool, "ring", 1) == (first, True)
    assert use(pool, "ring")[0] != first
    seconds_until(lambda: is_gone(first))


def test_it_tells_a_worker_that_holds_on_when_its_child_is_worn(start_pool: StartPool) -> None:
    pool = start_pool("--max-jobs", "2")
    with pool.client.lease("ring") as lease:
        worn = []
        for _ in range(2):
            run_to_end(lease, a_task(), b"noop")
            worn.append(lease.worn())
    assert worn == [False, True]


def test_it_recycles_a_child_that_has_grown(start_pool: StartPool) -> None:
    pool = start_pool("--rss-mb", "1")
    with pool.client.lease("ring") as lease:
        assert lease.worn()
    seconds_until(lambda: is_gone(lease.pid))


def test_it_ends_children_that_nobody_uses(start_pool: StartPool) -> None:
    pool = start_pool("--idle-seconds", "0.1", "--spares", "0")
    pid, _ = use(pool, "ring", 1)
    seconds_until(lambda: is_gone(pid))


def test_it_keeps_a_spare_ready(start_pool: StartPool) -> None:
    pool = start_pool("--spares", "2")
    seconds_until(lambda: len(children_of(pool.process.pid)) >= 2)
    use(pool, "ring")
    seconds_until(lambda: len(children_of(pool.process.pid)) >= 3)


def test_it_refuses_when_all_children_are_at_work(start_pool: StartPool) -> None:
    pool = start_pool("--max-children", "1")
    with pool.client.lease("ring"), pytest.raises(PoolBusy, match="all 1 children"):
        pool.client.lease("line")
    use(pool, "line", 1)


def test_it_ends_an_idle_child_of_another_key_for_room(start_pool: StartPool) -> None:
    pool = start_pool("--max-children", "1")
    first, _ = use(pool, "ring", 1)
    second, warm = use(pool, "line", 1)
    assert (second != first, warm) == (True, False)
    seconds_until(lambda: is_gone(first))


def test_it_says_at_once_that_there_is_no_pool(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(PoolUnavailable):
        ExecutionPool(tmp_path / "nothing").lease("ring")
    assert time.monotonic() - began < 5


def test_it_replaces_a_dead_idle_child(pool: RunningPool) -> None:
    pid, _ = use(pool, "mortal", 1)
    os.kill(pid, signal.SIGKILL)
    seconds_until(lambda: not Path(f"/proc/{pid}").exists())
    again, warm = use(pool, "mortal", 1)
    assert (again != pid, warm) == (True, False)


def test_it_refuses_to_start_beside_a_running_pool(start_pool: StartPool) -> None:
    pool = start_pool()
    command = [sys.executable, "-m", "quantumsvc.backends.execution.pool", "--socket", str(pool.socket_path)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 1
    assert "already running" in second.stderr
    use(pool, "ring", 1)


def test_it_serves_several_workers_at_once(pool: RunningPool) -> None:
    pids: list[int] = []

    def work(name: str) -> None:
        for _ in range(5):
            pids.append(use(pool, name, 3)[0])

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(pids) == 20
    assert len(set(pids)) == 4
