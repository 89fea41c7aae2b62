"""What the session's cache saves (L12): the time to prepare the same circuits in the first and in later jobs.

Run against a running service:  python tests/benchmarks/session_cache.py [--layers 150] [--jobs 8]

The same Sampler job is sent again and again, once in a session and once without; a circuit of some
thousand gates, so that reading and checking it takes a while, and few shots. Times are the jobs' own
phases, hits and misses are in their metrics.
"""

import argparse
import statistics
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.client import connect
from tests.benchmarks.session_loop import write


def main() -> None:
    """Print a line for each way, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--backend", default="demo_nairobi")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    from qiskit_ibm_runtime import Session

    backend = connect().backend(options.backend)
    circuit = deep_circuit(backend, options.layers)
    write(f"{sum(circuit.count_ops().values())} gates")
    with Session(backend=backend) as session:
        inside = [prepared(session, circuit) for _ in range(options.jobs)]
    outside = [prepared(backend, circuit) for _ in range(options.jobs)]
    tell("in a session", inside)
    tell("without", outside)
    later = statistics.median(ms for ms, _, _ in inside[2:])
    write(f"preparing, later jobs of the session / jobs without: "
          f"{later / statistics.median(ms for ms, _, _ in outside):.2f}")  # fmt: skip


def deep_circuit(backend: Any, layers: int) -> Any:
    """Single-qubit rotations on five qubits of the device, layer after layer."""
    from qiskit import QuantumCircuit, transpile

    circuit = QuantumCircuit(5)
    for layer in range(layers):
        for qubit in range(5):
            circuit.rx(0.1 + layer / 7, qubit)
            circuit.rz(0.2 + layer / 5, qubit)
        for qubit in range(layer % 2, 4, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return transpile(circuit, backend, optimization_level=0, seed_transpiler=1)


def prepared(mode: Any, circuit: Any) -> tuple[float, int, int]:
    """Milliseconds of preparing, cache hits and misses of one job."""
    from qiskit_ibm_runtime import SamplerV2

    job = SamplerV2(mode=mode).run([circuit], shots=10)
    job.result()
    metrics = job.metrics()
    measured = metrics["measured"]
    begun, ended = (datetime.fromisoformat(metrics["phases"][name]) for name in ("preparing", "executing"))
    return (ended - begun).total_seconds() * 1e3, measured["cache_hits"], measured["cache_misses"]


def tell(title: str, seen: list[tuple[float, int, int]]) -> None:
    """Each job's time, hits and misses."""
    shown = ", ".join(f"{ms:.1f} ({hits}/{misses})" for ms, hits, misses in seen)
    write(f"preparing {title}, ms (hits/misses): {shown}")


if __name__ == "__main__":
    main()
