"""What a decision costs with a growing queue.

Run:  python -m tests.benchmarks.decision_cost [--jobs 1000 10000 100000 1000000]

For each number there is a process with a database of its own, filled with so many waiting jobs of 200
instances on one backend. The processes take their turns in alternation, a few each, so that a moment in
which the machine is slow falls on all of them. Turns are taken with nothing in a session (the general order,
the most expensive decision) and inside an active session. Each ends one job and claims the next, in one
transaction. Filling a million takes minutes, and is quicker with TMPDIR=/dev/shm.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.benchmarks.filling import fill

INSTANCES = 200
# 250 turns of each kind in the end; those that warm a round up are not counted.
ROUNDS, TURNS, WARMING = 10, 25, 5


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    sizes = sorted(parser.parse_args().jobs)
    context = multiprocessing.get_context("spawn")
    queues = []
    for size in sizes:
        here, there = context.Pipe()
        process = context.Process(target=keep_queue, args=(size, there))
        process.start()
        # One after the other: filling is work for more than one processor.
        here.recv()
        queues.append((process, here))
    tell(sizes, measured([pipe for _, pipe in queues]))
    for process, pipe in queues:
        pipe.send(None)
        process.join()


def measured(pipes: list[Any]) -> list[dict[bool, list[float]]]:
    """For each queue the milliseconds of its turns, inside a session and not."""
    taken: list[dict[bool, list[float]]] = [{False: [], True: []} for _ in pipes]
    for _ in range(ROUNDS):
        for in_session in (False, True):
            for pipe, kept in zip(pipes, taken, strict=True):
                pipe.send(in_session)
                kept[in_session] += pipe.recv()
    return taken


def tell(sizes: list[int], taken: list[dict[bool, list[float]]]) -> None:
    """The table: a line for each number of waiting jobs."""
    write("waiting jobs   general order: median ms (p95)   in a session: median ms (p95)")
    for size, kept in zip(sizes, taken, strict=True):
        write(f"{size:12d}   {shown(kept[False]):>31s}   {shown(kept[True]):>29s}")
    first, last = (statistics.median(kept[False]) for kept in (taken[0], taken[-1]))
    write(f"growth of the general order from first to last: {last / first:.2f}")


def keep_queue(size: int, pipe: Connection) -> None:
    """A process with a queue of its own, which takes turns when it is told to."""
    from quantumsvc.hosting.postgres import running_postgres

    with tempfile.TemporaryDirectory(prefix="quantumsvc-benchmark-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder)) as address:
            os.environ |= {"DATABASE_URL": address, "QUANTUMSVC_DATA": folder}
            os.environ["DJANGO_SETTINGS_MODULE"] = "quantumsvc.settings"
            import django

            django.setup()
            backend = filled(size)
            pipe.send("ready")
            while (in_session := pipe.recv()) is not None:
                pipe.send(turns(backend, in_session=in_session))


def filled(size: int) -> Any:
    """A backend with so many waiting jobs."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    backend = people()
    fill(pattern_on(backend), "job", 1, size)
    return backend


def shown(numbers: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{statistics.median(numbers):.2f} ({sorted(numbers)[int(len(numbers) * 0.95)]:.2f})"


def people() -> Any:
    """A backend, a user and the instances."""
    from tests.factories import make_author, make_backend, make_instance

    make_author()
    for number in range(INSTANCES - 1):
        make_instance(shares=1 + number % 4)
    return make_backend(session_max_ttl=1_000_000, dedicated_interactive_ttl=1_000_000)


def pattern_on(backend: Any) -> Any:
    """A waiting job to copy."""
    from quantumsvc.accounts.models import Instance, User
    from sessions_app.services.submission import Author
    from tests.factories import submit

    author = Author(user=User.objects.earliest("id"), instance=Instance.objects.earliest("id"))
    return submit(author, backend, 0)


def turns(backend: Any, *, in_session: bool) -> list[float]:
    """Milliseconds of each turn."""
    from quantumsvc.accounts.models import Instance, User
    from quantumsvc.scheduling.states import SessionMode
    from sessions_app.models import BackendLease, Session
    from sessions_app.services.dispatch import Claim, recover, turn
    from sessions_app.services.leases import acquire
    from sessions_app.services.opening import cancel_session, open_session
    from sessions_app.services.submission import Author
    from tests.factories import START, submit

    now = START
    BackendLease.objects.filter(backend=backend).update(expires_at=None)
    session: Session | None = None
    if in_session:
        author = Author(user=User.objects.earliest("id"), instance=Instance.objects.earliest("id"))
        session = open_session(
            instance=author.instance, user=author.user, backend=backend,
            mode=SessionMode.DEDICATED, max_ttl=None, now=now,
        )  # fmt: skip
        for number in range(TURNS + WARMING):
            submit(author, backend, number / 1000, session_id=session.pk)
        make_active(session, now)
    acquired = acquire(backend_id=backend.pk, owner="benchmark", now=now)
    assert acquired is not None
    lease = acquired.lease
    taken: list[float] = []
    claim: Any = None
    for number in range(TURNS + WARMING):
        ended = ending(claim) if isinstance(claim, Claim) else None
        began = time.perf_counter()
        claim = turn(lease, now=now + timedelta(milliseconds=number), ended=ended)
        taken.append((time.perf_counter() - began) * 1e3)
    recover(lease, now=now)
    if session is not None:
        cancel_session(session=session, now=now + timedelta(hours=1))
    return taken[WARMING:]


def make_active(session: Any, now: datetime) -> None:
    """As if its first job had run a moment ago."""
    from django.db import transaction

    from sessions_app.services.lives import activate
    from sessions_app.services.transitions import lock_session

    with transaction.atomic():
        activate(lock_session(session.pk), now)


def ending(claim: Any) -> Any:
    """A job that ran for a tenth of a second."""
    from quantumsvc.scheduling.states import Cause, JobState
    from sessions_app.services.endings import Ending

    return Ending(
        job_id=claim.job.pk, session_id=claim.job.session_id, attempt=claim.job.attempt,
        state=JobState.COMPLETED, cause=Cause.FINISHED, result=b"{}", quantum_seconds=0.1,
        job=claim.job,
    )  # fmt: skip


def write(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
