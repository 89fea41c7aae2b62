"""How long an iteration of a variational loop takes, through the service and in the client's local mode.

Run against a running service:  python tests/benchmarks/session_loop.py [--iterations 60]

As a file, not with -m: the client looks at all its callers on every call, and what -m puts below them costs
it some milliseconds each time.

Both sides run the same Estimator jobs in turn, in one process and with one simulation thread
(OMP_NUM_THREADS=1, as in the service): a 5-qubit ansatz on the 7-qubit noisy
device, without mitigation, seeded. The server's own share is read from the jobs' metrics.
"""

import argparse
import itertools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.client import connect, local_twin, percentile

# The precision of a job that runs long enough for others to queue up behind it.
SLOW = 1 / 300


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--backend", default="demo_nairobi")
    parser.add_argument(
        "--left-alone", type=int, default=0, help="also so many starts after 32 quiet seconds"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    run(options.backend, options.iterations, options.left_alone)


def run(backend_name: str, iterations: int, left_alone: int) -> None:
    """Both loops side by side, then the server's share."""
    from qiskit_ibm_runtime import EstimatorV2, Session

    service = connect()
    backend = service.backend(backend_name)
    pub = problem(backend)
    local = EstimatorV2(mode=local_twin(backend), options=settings())
    with Session(backend=backend, max_time="25m") as session:
        remote = EstimatorV2(mode=session, options=settings())
        jobs: list[Any] = []
        sides: dict[str, list[float]] = {"service": [], "local": []}
        for number in range(iterations + 2):
            values = np.random.default_rng(number).uniform(-1, 1, pub[0].num_parameters)
            for side, estimator in (("service", remote), ("local", local)):
                taken = timed(lambda: jobs.append(estimator.run([(*pub, values)])), jobs)  # noqa: B023
                if number >= 2:
                    sides[side].append(taken)
        mine = [job for job in jobs if hasattr(job, "_api_client")]
        report_loop(sides)
        report_calls(mine[-1])
        report_share("interactive (next job sent after the result)", mine[2:])
        remote.run([(*pub, values)], precision=SLOW)
        burst = [remote.run([(*pub, values)]) for _ in range(iterations)]
        burst[-1].result()
        report_gaps(burst)
    report_idle(backend, pub, "idle backend", pause=5.5, count=8)
    if left_alone:
        report_idle(backend, pub, "backend that its worker has left", pause=32, count=left_alone)


def settings() -> dict[str, Any]:
    """The same on both sides."""
    return {"resilience_level": 0, "default_precision": 1 / 32, "simulator": {"seed_simulator": 7}}


def problem(backend: Any) -> tuple[Any, Any]:
    """A 5-qubit ansatz fitted to the device, and its observable."""
    from qiskit import transpile
    from qiskit.circuit.library import n_local
    from qiskit.quantum_info import SparsePauliOp

    ansatz = transpile(
        n_local(5, ["ry"], "cx", "linear", reps=2), backend, optimization_level=1, seed_transpiler=7
    )
    terms = [("ZZIII", 1.0), ("IZZII", 1.0), ("IIZZI", 1.0), ("IIIZZ", 1.0)]
    return ansatz, SparsePauliOp.from_list(terms).apply_layout(ansatz.layout)


def timed(submit: Callable[[], None], jobs: list[Any]) -> float:
    """Seconds from submission to result."""
    began = time.perf_counter()
    submit()
    jobs[-1].result()
    return time.perf_counter() - began


def report_loop(sides: dict[str, list[float]]) -> None:
    """Medians, their ratio and difference."""
    service, local = (statistics.median(sides[name]) * 1e3 for name in ("service", "local"))
    write(f"iteration, median ms:  service {service:.1f}   local {local:.1f}   "
          f"ratio {service / local:.2f}   difference {service - local:.1f}")  # fmt: skip


def report_calls(job: Any) -> None:
    """What each of the calls of one iteration costs, median of 30."""
    client = job._api_client
    calls: dict[str, Callable[[], Any]] = {
        "GET /instances/usage": client.cloud_usage,
        "GET /backends/{name}/status": lambda: client.backend_status(job.backend().name),
        "GET /jobs/{id} (ended)": lambda: client.job_get(job.job_id()),
        "GET /jobs/{id}/results": lambda: client.job_results(job.job_id()),
    }
    for name, call in calls.items():
        taken = []
        for _ in range(30):
            began = time.perf_counter()
            call()
            taken.append((time.perf_counter() - began) * 1e3)
        write(f"  {name:32s} {statistics.median(taken):6.1f} ms")


def moments(job: Any) -> tuple[datetime, datetime, datetime]:
    """When a job was created, when its child began with it and when its result was there."""
    metrics = job.metrics()
    times = (metrics["timestamps"]["created"], metrics["phases"]["preparing"], metrics["phases"]["ended"])
    created, began, ended = (datetime.fromisoformat(text) for text in times)
    return created, began, ended


def report_share(title: str, jobs: list[Any]) -> None:
    """From the arrival of a submission to the child's start, on a backend held for the session."""
    write(f"submit to start, {title}: {summary(waits_of(jobs))}")


def waits_of(jobs: list[Any]) -> list[float]:
    """From the arrival of each submission to its child's start, in milliseconds."""
    return [(began - created).total_seconds() * 1e3 for created, began, _ in map(moments, jobs)]


def report_gaps(jobs: list[Any]) -> None:
    """Between one job's result and the next one's start, where the next one was queued by then."""
    gaps = gaps_of(jobs)
    write(f"gap between {len(gaps) + 1} queued jobs of a session: {summary(gaps)}")


def gaps_of(jobs: list[Any]) -> list[float]:
    """The same in milliseconds."""
    times = sorted((moments(job) for job in jobs), key=lambda moment: moment[1])
    return [
        (later[1] - earlier[2]).total_seconds() * 1e3
        for earlier, later in itertools.pairwise(times)
        if later[0] < earlier[2]
    ]


def summary(numbers: list[float]) -> str:
    """Median and 95th percentile, in milliseconds."""
    return f"median {statistics.median(numbers):.1f} ms, p95 {percentile(numbers, 95):.1f} ms"


def report_idle(backend: Any, pub: tuple[Any, Any], title: str, *, pause: float, count: int) -> None:
    """Submission to start on a backend where nothing ran for ``pause`` seconds.

    A worker stays with its backend for half a minute; after that the next job must find one.
    """
    from qiskit_ibm_runtime import EstimatorV2

    jobs = []
    for number in range(count):
        time.sleep(pause)
        values = np.random.default_rng(number).uniform(-1, 1, pub[0].num_parameters)
        jobs.append(EstimatorV2(mode=backend, options=settings()).run([(*pub, values)]))
        jobs[-1].result()
    report_share(title, jobs)


def write(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
