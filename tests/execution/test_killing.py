import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from quantumsvc.backends.execution.client import Lease, PoolUnavailable
from quantumsvc.backends.execution.kernel import resident_size
from quantumsvc.backends.execution.messages import Crashed, Failed, Finished, Metric, NeedDevice, Phase
from quantumsvc.backends.execution.testing import RunningPool, a_task, events_to_end, run_to_end
from tests.execution.conftest import AER, StartPool
from tests.execution.processes import children_of, is_gone, processor_seconds, seconds_until

# Killed children need 70 ms for their end where nothing else runs (seconds).
SOON = 5
BUSY = ["spin", "aer 26"]
"""A Python loop, and a simulation that never lets Python run (1 GiB of state)."""


def begin(lease: Lease, words: str) -> None:
    """Start a task and return once it is busy."""
    lease.start(a_task(), words.encode())
    began = False
    while not began:
        for event in lease.wait(5):
            if isinstance(event, NeedDevice):
                lease.give_device(b"{}")
            assert not isinstance(event, Failed | Crashed), event
            began = began or isinstance(event, Phase)
    await_busy(lease.pid, words)


def await_busy(pid: int, words: str) -> None:
    """Return once the simulation has its memory, or the loop has looped a while."""
    if words.startswith("aer"):
        seconds_until(lambda: resident_size(pid) > 900 * 1024**2)
    before = processor_seconds(pid)
    seconds_until(lambda: processor_seconds(pid) > before + 0.1)


@contextmanager
def worker(pool: RunningPool, words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds a lease with a busy child: the process and the child's id."""
    command = [sys.executable, "-m", "tests.execution.holder", str(pool.socket_path), words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            await_busy(child, words)
            yield process, child
        finally:
            process.kill()


@pytest.mark.parametrize("words", BUSY)
def test_it_kills_a_busy_child_soon(aer_pool: RunningPool, words: str) -> None:
    lease = aer_pool.client.lease(f"kill {words}")
    begin(lease, words)
    began = time.monotonic()
    assert lease.kill()
    assert is_gone(lease.pid)
    assert time.monotonic() - began < SOON
    assert not lease.alive
    with aer_pool.client.lease(f"kill {words}") as following:
        assert run_to_end(following, a_task(), b"say next")[-1] == Finished(b"next")


def test_it_kills_a_busy_child_that_is_released(pool: RunningPool) -> None:
    lease = pool.client.lease("impatient")
    begin(lease, "spin")
    lease.release()
    assert is_gone(lease.pid)


def test_it_may_be_killed_and_released_again_and_again(pool: RunningPool) -> None:
    lease = pool.client.lease("over")
    for _ in range(2):
        assert lease.kill()
        lease.release()
        assert lease.poll() == []


@pytest.mark.parametrize("words", BUSY)
def test_it_ends_the_child_of_a_worker_that_is_killed(aer_pool: RunningPool, words: str) -> None:
    with worker(aer_pool, words) as (process, child):
        process.send_signal(signal.SIGKILL)
        assert seconds_until(lambda: is_gone(child)) < SOON


@pytest.mark.parametrize("words", BUSY)
def test_it_ends_all_children_with_the_pool(start_pool: StartPool, words: str) -> None:
    pool = start_pool(programs=AER)
    lease = pool.client.lease("ring")
    begin(lease, words)
    children = children_of(pool.process.pid)
    assert lease.pid in children
    pool.process.kill()
    assert seconds_until(lambda: all(map(is_gone, children))) < SOON
    ending = events_to_end(lease)[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "pool"
    with pytest.raises(PoolUnavailable):
        pool.client.lease("ring")


def test_it_ends_all_children_when_the_pool_is_stopped(start_pool: StartPool) -> None:
    pool = start_pool()
    lease = pool.client.lease("ring")
    begin(lease, "spin")
    children = children_of(pool.process.pid)
    pool.process.terminate()
    assert pool.process.wait(60) == 0
    assert seconds_until(lambda: all(map(is_gone, children))) < SOON
    lease.kill()


@pytest.mark.parametrize(
    ("words", "cause", "part"),
    [
        ("die 7", "exit", "exit code 7"),
        ("signal SIGSEGV", "signal", "SIGSEGV"),
        ("signal SIGKILL", "memory", "ran out of memory"),
    ],
)
def test_it_tells_how_a_child_died(lease: Lease, words: str, cause: str, part: str) -> None:
    ending = run_to_end(lease, a_task(), words.encode())[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == cause
    assert part in ending.reason
    assert not lease.alive
    with pytest.raises(RuntimeError, match="dead"):
        lease.start(a_task(), b"noop")


def test_it_notices_the_death_of_a_child_without_a_task(lease: Lease) -> None:
    os.kill(lease.pid, signal.SIGKILL)
    events = lease.wait(5)
    assert [type(each) for each in events] == [Crashed]


def test_it_tells_all_that_came_before_a_death(lease: Lease) -> None:
    lease.start(a_task(), b"noop")
    while not any(isinstance(event, NeedDevice) for event in lease.wait(5)):
        pass
    lease.give_device(b"{}")
    time.sleep(0.2)
    os.kill(lease.pid, signal.SIGKILL)
    seconds_until(lambda: is_gone(lease.pid))
    time.sleep(0.1)
    events = lease.poll()
    kinds = [type(each) for each in events if not isinstance(each, Metric)]
    assert kinds == [Phase, Finished, Crashed]
