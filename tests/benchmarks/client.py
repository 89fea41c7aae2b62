"""The official client, pointed at the running service."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# The service's children use one thread; a local simulation with more would also take the service's cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]


def connect() -> Any:
    """A service object for the demo key, as ``manage.py client --json`` tells."""
    command = [sys.executable, str(ROOT / "manage.py"), "client", "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    os.environ.update(told["env"])
    from qiskit_ibm_runtime import QiskitRuntimeService

    return QiskitRuntimeService(
        channel="ibm_quantum_platform", token=told["token"], instance=told["instance"], url=told["url"]
    )


def local_twin(backend: Any) -> Any:
    """A simulator of this machine with the backend's own target and errors."""
    from qiskit_aer import AerSimulator

    return AerSimulator.from_backend(backend)


def percentile(numbers: list[float], p: float) -> float:
    """The p-th percentile, by the nearest rank."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]
