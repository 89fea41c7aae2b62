"""What a decision costs with a growing queue.

Run:  python -m tests.benchmarks.decision_cost [--jobs 1000 10000 100000 1000000]

A database of its own is filled with waiting jobs of 200 instances on one backend; then turns are taken
with nothing in a session (the general order, the most expensive decision) and inside an active session.
Each turn ends one job and claims the next, in one transaction.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.filling import fill

INSTANCES = 200
# Several short looks: this way, a moment in which the machine is slow does not decide the median.
ROUNDS, TURNS = 5, 50
BEGINNING = datetime(2026, 11, 21, tzinfo=UTC)


def main() -> None:
    """Fill, measure, print; once for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    sizes = sorted(parser.parse_args().jobs)
    from quantumsvc.hosting.postgres import running_postgres

    with tempfile.TemporaryDirectory(prefix="quantumsvc-benchmark-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder)) as address:
            os.environ |= {"DATABASE_URL": address, "QUANTUMSVC_DATA": folder}
            os.environ["DJANGO_SETTINGS_MODULE"] = "quantumsvc.settings"
            import django

            django.setup()
            measure(sizes)


def measure(sizes: list[int]) -> None:
    """The table: a line for each number of waiting jobs."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    backend = people()
    pattern = pattern_on(backend)
    write("waiting jobs   general order: median ms (p95)   in a session: median ms (p95)")
    filled = 0
    medians: list[float] = []
    for size in sizes:
        fill(pattern, "job", filled + 1, size)
        filled = size
        general, session = list[float](), list[float]()
        for _ in range(ROUNDS):
            general += turns(backend, in_session=False)
            session += turns(backend, in_session=True)
        medians.append(statistics.median(general))
        write(f"{size:12d}   {shown(general):>31s}   {shown(session):>29s}")
    write(f"growth of the general order from first to last: {medians[-1] / medians[0]:.2f}")


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
        for number in range(TURNS + 10):
            submit(author, backend, number / 1000, session_id=session.pk)
        make_active(session, now)
    acquired = acquire(backend_id=backend.pk, owner="benchmark", now=now)
    assert acquired is not None
    lease = acquired.lease
    taken: list[float] = []
    claim: Any = None
    for number in range(TURNS):
        ended = ending(claim) if isinstance(claim, Claim) else None
        began = time.perf_counter()
        claim = turn(lease, now=now + timedelta(milliseconds=number), ended=ended)
        taken.append((time.perf_counter() - began) * 1e3)
    recover(lease, now=now)
    if session is not None:
        cancel_session(session=session, now=now + timedelta(hours=1))
    return taken[10:]


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
