import json
import time

import pytest

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.messages import Crashed, Failed, Finished
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end
from tests.execution.conftest import AER, StartPool

MEBIBYTE = 1024 * 1024


def test_it_fails_a_job_that_wants_too_much_memory_and_lives_on(lease: Lease) -> None:
    small = a_task(memory_bytes=256 * MEBIBYTE)
    ending = run_to_end(lease, small, b"fill %d" % (300 * MEBIBYTE))[-1]
    assert isinstance(ending, Failed)
    assert ending.code == 8024
    assert "256 MiB" in ending.reason
    assert isinstance(run_to_end(lease, small, b"fill %d" % (200 * MEBIBYTE))[-1], Finished)


def test_it_lets_a_job_with_a_larger_budget_have_more(lease: Lease) -> None:
    for budget, ending in ((128, Failed), (512, Finished), (128, Failed)):
        task = a_task(memory_bytes=budget * MEBIBYTE)
        assert isinstance(run_to_end(lease, task, b"fill %d" % (256 * MEBIBYTE))[-1], ending)


def test_it_fails_a_simulation_that_wants_too_much_memory_and_lives_on(aer_pool: RunningPool) -> None:
    task = a_task(memory_bytes=256 * MEBIBYTE)
    with aer_pool.client.lease("large") as lease:
        ending = run_to_end(lease, task, b"aer 26")[-1]
        assert isinstance(ending, Failed)
        assert ending.code == 8024
        assert isinstance(run_to_end(lease, task, b"aer 16")[-1], Finished)


def test_it_gives_no_task_more_than_the_pool_allows(start_pool: StartPool) -> None:
    pool = start_pool("--memory-mb", "128")
    with pool.client.lease("ring") as lease:
        for budget in (0, 10**12):
            ending = run_to_end(lease, a_task(memory_bytes=budget), b"fill %d" % (256 * MEBIBYTE))[-1]
            assert isinstance(ending, Failed)
            assert ending.code == 8024


@pytest.mark.parametrize("threads", [1, 3])
def test_it_gives_a_simulation_the_threads_it_may_have(start_pool: StartPool, threads: int) -> None:
    pool = start_pool("--threads", str(threads), programs=AER)
    with pool.client.lease("wide") as lease:
        assert isinstance(run_to_end(lease, a_task(), b"aer 18")[-1], Finished)
        ending = run_to_end(lease, a_task(), b"facts")[-1]
        assert isinstance(ending, Finished)
        # The child's own thread waits while one more runs the simulator and helps it.
        assert json.loads(ending.result)["threads"] == 1 + threads


def test_it_ends_a_job_that_used_up_its_processor_time(lease: Lease) -> None:
    began = time.monotonic()
    ending = run_to_end(lease, a_task(cpu_seconds=1), b"spin")[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "cpu"
    assert time.monotonic() - began < 60, "not for ever, though the machine may be busy"


def test_it_counts_processor_time_for_each_task_anew(lease: Lease) -> None:
    for _ in range(3):
        ending = run_to_end(lease, a_task(cpu_seconds=1), b"work 0.6")[-1]
        assert isinstance(ending, Finished)


@pytest.mark.parametrize(("size", "kind"), [(1000, Finished), (1001, Failed)])
def test_it_fails_a_result_over_its_size(lease: Lease, size: int, kind: type) -> None:
    ending = run_to_end(lease, a_task(max_result_bytes=1000), b"big %d" % size)[-1]
    assert isinstance(ending, kind)
    if isinstance(ending, Failed):
        assert ending.code == 8025
    assert isinstance(run_to_end(lease, a_task(), b"noop")[-1], Finished)
