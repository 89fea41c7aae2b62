"""How fast the kernel is by itself: starts per second, and what a decision, an explanation, a forecast cost.

    python -m tests.benchmarks.kernel_speed [--starts 40000]

Goals: at least 20 000 job starts a second with 200 instances; a decision's cost does not grow with the
queue, because it is given heads.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median

from quantumsvc.scheduling.actors import Sitting
from quantumsvc.scheduling.explain import explain
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.forecast import forecast
from quantumsvc.scheduling.policy import decide
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.timeline import Timeline
from quantumsvc.scheduling.world import World

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCES, USERS = 200, 3


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=40_000)
    options = parser.parse_args()
    write("| world | instances | starts | starts per second, submitting included | without |")
    write("|---|--:|--:|--:|--:|")
    for name, tree, sessions in (("flat", False, False), ("tree", True, False), ("sessions", True, True)):
        whole, running = starts_per_second(options.starts, tree=tree, sessions=sessions)
        write(f"| {name} | {INSTANCES} | {options.starts} | {whole:,.0f} | {running:,.0f} |")
    write("")
    write("| queue | decision on heads, us | explanation of one job, us | forecast of 1000 jobs, ms |")
    write("|--:|--:|--:|--:|")
    for length in (1_000, 10_000, 100_000):
        write(costs(length))


def books(*, tree: bool) -> Books:
    """Instances with 1 to 4 shares, at the root or below twenty groups."""
    groups = [Share(id=f"g{number}", shares=1 + number % 3) for number in range(20)] if tree else []
    leaves = [
        Share(id=f"i{number}", shares=1 + number % 4, parent=f"g{number % 20}" if tree else None)
        for number in range(INSTANCES)
    ]
    return Books([*groups, *leaves])


def queue_of(length: int, *, sessions: bool = False) -> list[QueuedJob]:
    """Jobs of all instances and users in turn; with sessions, every fifth instance sends in batches of 20."""
    return [
        QueuedJob(
            id=f"j{number:07d}",
            submitted_at=BEGIN + timedelta(microseconds=number),
            session=_session(number) if sessions and number % 5 == 0 else None,
            instance=f"i{number % INSTANCES}",
            user=f"u{number // INSTANCES % USERS}",
            expected=timedelta(seconds=1 + number % 7),
        )
        for number in range(length)
    ]


def _session(number: int) -> str:
    return f"s{number % INSTANCES}-{number // (INSTANCES * 20)}"


def starts_per_second(length: int, *, tree: bool, sessions: bool) -> tuple[float, float]:
    """Submit a queue and run it down, in virtual time."""
    jobs = queue_of(length, sessions=sessions)
    world = World(books(tree=tree))
    for session in {job.session: job for job in jobs if job.session}.values():
        world.open_session(_sitting(session))
    timeline = Timeline(world, BEGIN + timedelta(seconds=1), lambda work: work.entry.expected)
    begun = time.perf_counter()
    for job in jobs:
        world.submit(job, BEGIN + timedelta(seconds=1))
    submitted = time.perf_counter()
    timeline.run()
    ended = time.perf_counter()
    if world.starts != length:
        raise SystemExit(f"only {world.starts} of {length} jobs started")
    return length / (ended - begun), length / (ended - submitted)


def _sitting(job: QueuedJob) -> Sitting:
    return Sitting(
        id=job.session or "", instance=job.instance, user=job.user, mode=SessionMode.BATCH,
        max_ttl=28_800 * 100, interactive_ttl=60, created_at=BEGIN,
    )  # fmt: skip


def costs(length: int) -> str:
    """One line of the second table."""
    jobs = queue_of(length)
    heads = tuple(jobs[: INSTANCES * USERS])
    snapshot = Snapshot(now=BEGIN + timedelta(hours=1), heads=heads, books=books(tree=True))
    decision = timed(lambda: decide(snapshot), 50)
    explanation = timed(lambda: explain(snapshot, jobs[-1:]), 50)
    ahead = timed(lambda: forecast(snapshot, jobs[:1000]), 3)
    return f"| {length} | {decision * 1e6:,.0f} | {explanation * 1e6:,.0f} | {ahead * 1e3:,.0f} |"


def timed(act: Callable[[], object], times: int) -> float:
    """The median of so many goes, in seconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return median(taken)


def write(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
