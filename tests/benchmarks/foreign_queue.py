"""What a long queue of others costs a session: the gap between its jobs, and from submission to start.

Run where the service runs:  python tests/benchmarks/foreign_queue.py [--jobs 100000] [--rounds 3]

In one session, in turn and several times: without anything else in the queue, and with that many jobs of
other instances waiting on the same backend. The others' jobs are put into the service's database directly,
and taken out again before the session ends, so none of them ever starts. Use the demo's data only.
"""

import argparse
import os
import statistics
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.client import connect
from tests.benchmarks.filling import empty, fill
from tests.benchmarks.session_loop import SLOW, gaps_of, problem, settings, summary, waits_of, write

PREFIX = "foreign-"


def main() -> None:
    """Print the figures with an empty and with a long queue, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="demo_nairobi")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
    import django

    django.setup()
    run(options.backend, options.jobs, options.rounds)


def run(backend_name: str, count: int, rounds: int) -> None:
    """Measure in one session, now without and now with the others' jobs."""
    from qiskit_ibm_runtime import EstimatorV2, Session

    service = connect()
    backend = service.backend(backend_name)
    pub = problem(backend)
    seen: dict[str, tuple[list[float], list[float]]] = {"empty": ([], []), "long": ([], [])}
    with Session(backend=backend, max_time="25m") as session:
        estimator = EstimatorV2(mode=session, options=settings())
        measure(estimator, pub)
        for _ in range(rounds):
            add(seen["empty"], measure(estimator, pub))
            with others_waiting(backend_name, count):
                add(seen["long"], measure(estimator, pub))
    report(seen, count)


def measure(estimator: Any, pub: tuple[Any, Any]) -> tuple[list[float], list[float]]:
    """The gaps between 30 queued jobs, and from submission to start of 15 that were sent one by one."""
    values = np.zeros(pub[0].num_parameters)
    singles = []
    for _ in range(15):
        singles.append(estimator.run([(*pub, values)]))
        singles[-1].result()
    estimator.run([(*pub, values)], precision=SLOW)
    burst = [estimator.run([(*pub, values)]) for _ in range(30)]
    burst[-1].result()
    return gaps_of(burst), waits_of(singles)


def add(sums: tuple[list[float], list[float]], found: tuple[list[float], list[float]]) -> None:
    """Put what was measured to what was measured before."""
    for total, part in zip(sums, found, strict=True):
        total += part


@contextmanager
def others_waiting(backend_name: str, count: int) -> Iterator[None]:
    """That many waiting jobs of all other instances on the backend."""
    from sessions_app.models import Job

    pattern = Job.objects.filter(backend__name=backend_name, session__isnull=False).latest("created_at")
    fill(pattern, PREFIX, 1, count, but=pattern.instance.name)
    try:
        yield
    finally:
        empty(PREFIX)


def report(seen: dict[str, tuple[list[float], list[float]]], count: int) -> None:
    """A line for each figure."""
    for number, title in enumerate(("gap between queued jobs of a session", "submit to start, held backend")):
        empty, long = seen["empty"][number], seen["long"][number]
        ratio = statistics.median(long) / statistics.median(empty)
        write(
            f"{title}: empty queue {summary(empty)}; {count} foreign jobs {summary(long)}; ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
