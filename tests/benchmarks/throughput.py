"""Trivial jobs per second with 1, 4 and 16 backends, and the CPU of an idle service.

Throughput:   python -m tests.benchmarks.throughput [--workers 2] [--jobs 1500]
Idle service: python -m tests.benchmarks.throughput --idle DATA [--seconds 20]

A trivial job is not simulated: a worker process claims it, and completes it on the journey that claims the
next; decision, charge, events and result are as always. The database is a fresh one, without fsync,
unless ``DATABASE_URL`` names another; jobs are submitted before the time runs.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

BACKENDS = (1, 4, 16)
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print one of the tables, with the command that makes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1500)
    parser.add_argument("--idle", metavar="DATA", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print("$ python -m tests.benchmarks.throughput", *sys.argv[1:])
    if options.idle:
        report_idle(options.idle, options.seconds)
    else:
        report_throughput(options.workers, options.jobs)


def report_throughput(workers: int, jobs: int) -> None:
    """Each row in tables of its own: a database made for it, and dropped afterwards."""
    import tests.database  # noqa: F401

    os.environ["DJANGO_SETTINGS_MODULE"] = "quantumsvc.settings"
    import django

    django.setup()
    from django.test.utils import setup_databases, teardown_databases

    print(f"\n{jobs} jobs, {workers} worker processes")
    print(f"{'backends':>8} {'seconds':>8} {'jobs/s':>8}")
    for backends in BACKENDS:
        old = setup_databases(verbosity=0, interactive=False)
        try:
            seconds = run(backends, workers, jobs)
        finally:
            teardown_databases(old, verbosity=0)
        print(f"{backends:8} {seconds:8.2f} {jobs / seconds:8.0f}", flush=True)


def run(backends: int, workers: int, jobs: int) -> float:
    """Seconds from the first start of a job to the last end."""
    from django.db import connection
    from django.db.models import Max, Min

    from quantumsvc import clock
    from sessions_app.models import BackendLease, Job
    from sessions_app.services.submission import submit_job
    from tests.factories import envelope, make_author
    from tests.machine.people import make_site
    from tests.machine.processes import WorkerProcesses, wait_until

    sites = [make_site() for _ in range(backends)]
    authors = [make_author() for _ in range(4)]
    with WorkerProcesses(workers, seconds_per_job=0) as processes:
        held = clock.now().replace(year=9000)
        for site in sites:
            BackendLease.objects.update_or_create(backend=site, defaults={"expires_at": held})
        for number in range(jobs):
            submit_job(
                author=authors[number % 4],
                envelope=envelope(sites[number % backends]),
                digest=number.to_bytes(32, "big"),
                now=clock.now(),
            )
        assert processes.running
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        BackendLease.objects.update(expires_at=None)
        pending = Job.objects.filter(state__in=("queued", "running"))
        done = wait_until(lambda: not pending.exists(), 300, lambda: time.sleep(0.1))
    assert done, "not all jobs ended"
    edges = Job.objects.aggregate(first=Min("started_at"), last=Max("finished_at"))
    return float((edges["last"] - edges["first"]).total_seconds())


def report_idle(data: Path, seconds: float) -> None:
    """Seconds of CPU that the service's processes used, by part; all descendants count."""
    record = json.loads((data / "run" / "service.json").read_text())
    tops = {"up": record["pid"], **{name: entry[0] for name, entry in record["parts"].items()}}
    postmaster = next(data.glob("*/postmaster.pid"), None)
    if postmaster is not None:
        tops["database"] = int(postmaster.read_text().splitlines()[0])
    parts = {name: family(pid, set(tops.values()) - {pid}) for name, pid in tops.items()}
    before = {name: used(pids) for name, pids in parts.items()}
    time.sleep(seconds)
    print(f"\n{'part':>12} {'processes':>10} {'% of one core':>14}")
    total = 0.0
    for name, pids in parts.items():
        share = 100 * (used(pids) - before[name]) / seconds
        total += share
        print(f"{name:>12} {len(pids):10} {share:14.2f}")
    print(f"{'all':>12} {sum(map(len, parts.values())):10} {total:14.2f}")


def family(pid: int, others: set[int]) -> list[int]:
    """The process and its descendants, without those of other parts."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            if child not in others:
                found += family(child, others)
    return found


def used(pids: list[int]) -> float:
    """Seconds of CPU that the living ones of these processes have used, with that of their ended children."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(int(ticks) for ticks in fields[11:15])
    return total / TICKS


if __name__ == "__main__":
    main()
