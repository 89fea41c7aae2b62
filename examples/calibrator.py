"""A calibration by the client's own ``Calibrator``, and the lifetime of a qubit before and after it.

The demo chips drift: what their properties say was true when they were last calibrated. A job sees what
is true now, so it finds another T1 than the properties tell. After a calibration both agree again.
Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done, for an instance
that may calibrate; in the demo, open-lab may.
"""

import os
import time

import numpy as np
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, Sampler, Session
from qiskit_ibm_runtime.calibrator import Calibrator
from scipy.optimize import curve_fit

QUBITS = (0, 1, 2)
SHOTS = 4000
TIMES = np.linspace(0.0, 3.0, 9)


def decay(backend: IBMBackend, qubit: int, seconds: float) -> QuantumCircuit:
    """Excite a qubit, wait, measure."""
    circuit = QuantumCircuit(backend.num_qubits, 1)
    circuit.x(qubit)
    if seconds:
        circuit.delay(16 * max(round(seconds / backend.dt / 16), 1), qubit, unit="dt")
    circuit.measure(qubit, 0)
    return circuit


def lifetimes(backend: IBMBackend, mode: IBMBackend | Session) -> tuple[dict[int, float], str]:
    """T1 of the qubits in seconds, as one job sees them, and the job's id."""
    told = backend.properties(refresh=True)
    waits = {qubit: TIMES * told.t1(qubit) for qubit in QUBITS}
    circuits = [decay(backend, qubit, wait) for qubit in QUBITS for wait in waits[qubit]]
    job = Sampler(mode=mode).run(circuits, shots=SHOTS)
    ones = [pub.data.c.get_counts().get("1", 0) / SHOTS for pub in job.result()]
    found = {}
    for number, qubit in enumerate(QUBITS):
        points = ones[number * len(TIMES) : (number + 1) * len(TIMES)]
        found[qubit] = fitted(waits[qubit], np.array(points))
    return found, job.job_id()


def fitted(waits: np.ndarray, ones: np.ndarray) -> float:
    """The time constant of an exponential through the points."""

    def model(wait: np.ndarray, size: float, constant: float, rest: float) -> np.ndarray:
        return size * np.exp(-wait / constant) + rest

    best, _ = curve_fit(model, waits, ones, p0=(0.9, waits[-1] / 3, 0.05), maxfev=5000)
    return float(best[1])


def tell(title: str, backend: IBMBackend, seen: dict[int, float]) -> None:
    """What the properties say beside what a job saw."""
    told = backend.properties(refresh=True)
    print(f"{title}: properties of {told.last_update_date:%Y-%m-%d %H:%M:%S %Z}")
    for qubit in QUBITS:
        expected = told.t1(qubit)
        off = seen[qubit] / expected - 1
        print(
            f"  qubit {qubit}: T1 told {expected * 1e6:6.1f} us, seen {seen[qubit] * 1e6:6.1f} us, {off:+.0%}"
        )


def main() -> None:
    """Look, calibrate, look again."""
    service = QiskitRuntimeService()
    backend = service.backend(os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi"))
    with Session(backend=backend, max_time="25m") as session:
        before, first = lifetimes(backend, session)
        tell("before", backend, before)
        began = time.monotonic()
        job = Calibrator(session).run()
        result = job.result()
        print(f"calibrated {backend.name} by job {job.job_id()} in {time.monotonic() - began:.1f} s")
        print(f"  from {result.start} to {result.stop}")
        after, second = lifetimes(backend, session)
        tell("after", backend, after)
    for ident in (first, second):
        old = service.job(ident)
        print(f"job {ident} ran under the set of {old.properties().last_update_date:%Y-%m-%d %H:%M:%S %Z}")


if __name__ == "__main__":
    main()
