"""Cancel a large simulation while it runs, and see that the backend is free at once.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done.
"""

import sys
import time

from qiskit import QuantumCircuit
from qiskit.circuit.library import n_local
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, Sampler

QUBITS = 28
PATIENCE = 60.0


def large_circuit() -> QuantumCircuit:
    """28 entangled qubits: 4 GiB of amplitudes, minutes of work."""
    circuit = n_local(QUBITS, ["ry", "rz"], "cx", entanglement="linear", reps=6)
    circuit = circuit.assign_parameters([0.1 * (i + 1) for i in range(circuit.num_parameters)]).decompose()
    circuit.measure_all()
    return circuit


def small_circuit() -> QuantumCircuit:
    """Two entangled qubits."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def wait_until(job: RuntimeJobV2, *states: str) -> float:
    """Seconds until the job is in one of these states; ends the program when that takes too long."""
    began = time.monotonic()
    while job.status() not in states:
        if time.monotonic() - began > PATIENCE:
            sys.exit(f"job {job.job_id()} is still {job.status()} after {PATIENCE:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began


def main() -> None:
    """Start the large job and one behind it, cancel the first, wait for the second."""
    service = QiskitRuntimeService()
    backend = service.backend("ibmq_qasm_simulator")
    sampler = Sampler(mode=backend)

    large = sampler.run([large_circuit()], shots=10)
    small = sampler.run([small_circuit()], shots=100)
    waited = wait_until(large, "RUNNING", "DONE", "ERROR")
    print(f"the {QUBITS}-qubit job {large.job_id()} is {large.status()} after {waited:.2f} s")
    if large.status() != "RUNNING":
        sys.exit(f"it ended before it could be cancelled: {large.error_message()}")
    time.sleep(3.0)
    print(f"three seconds later: it is {large.status()}, the job behind it is {small.status()}")

    began = time.monotonic()
    large.cancel()
    print(f"cancelled: {large.status()} after {time.monotonic() - began:.2f} s")
    wait_until(small, "RUNNING", "DONE", "ERROR")
    print(f"the next job is {small.status()} after {time.monotonic() - began:.2f} s")
    print(f"its result: {small.result()[0].data.meas.get_counts()}")
    print(f"charged for the cancelled job: {large.metrics()['usage']['qpu_charge_time_seconds']:.1f} s")


if __name__ == "__main__":
    main()
