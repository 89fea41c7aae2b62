"""What isolation costs: ``python -m tests.benchmarks.execution_overhead``.

Prints medians and 95th percentiles in milliseconds of a job that does nothing, of leasing, and of
killing a child that is busy in Python and in the simulator.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.kernel import resident_size
from quantumsvc.backends.execution.messages import NeedDevice
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end, running_pool


def main() -> None:
    """Run all measurements against one pool."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_pool(Path(folder), "--max-children", "4", programs="tests.execution.aer_programs") as pool,
    ):
        with pool.client.lease("noop") as lease:
            show("job that does nothing", lambda: run_to_end(lease, a_task(), b"noop"), 1000)
            size = b"say " + b"x" * 1_000_000
            show("job with 1 MB in and out", lambda: run_to_end(lease, a_task(), size), 100)
        show("lease and release, warm", lambda: pool.client.lease("noop").release(), 300)
        show("lease a new child, run, kill", lambda: fresh(pool), 30)
        for words, repetitions in ((b"spin", 20), (b"aer 26", 5)):
            times = [killing(pool, words) for _ in range(repetitions)]
            report(f"kill a child busy with {words.decode()}", times)


def fresh(pool: RunningPool) -> None:
    """One job in a child that nobody used before."""
    lease = pool.client.lease(f"fresh {time.monotonic()}")
    run_to_end(lease, a_task(), b"noop")
    lease.kill()


def killing(pool: RunningPool, words: bytes) -> float:
    """Seconds from the wish to the confirmed death of a busy child."""
    lease = pool.client.lease("doomed")
    lease.start(a_task(), words)
    await_device(lease)
    while words.startswith(b"aer") and resident_size(lease.pid) < 900 * 1024**2:
        time.sleep(0.01)
    time.sleep(0.1)
    began = time.perf_counter()
    if not lease.kill():
        raise RuntimeError("the death wasn't confirmed")
    return time.perf_counter() - began


def await_device(lease: Lease) -> None:
    """Wait for the child's question and answer it."""
    asked = False
    while not asked:
        asked = any(isinstance(event, NeedDevice) for event in lease.wait(5))
    lease.give_device(b"{}")


def show(name: str, act: Callable[[], object], repetitions: int) -> None:
    """Time an action that many times, after one that doesn't count."""
    act()
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    report(name, times)


def report(name: str, seconds: list[float]) -> None:
    """One line of the table."""
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.95)]
    middle = statistics.median(ordered)
    print(f"{name:36} n={len(ordered):5} median {middle * 1e3:8.3f} ms  p95 {late * 1e3:8.3f} ms")


if __name__ == "__main__":
    main()
