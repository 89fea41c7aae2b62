"""Independent jobs in a batch: submitted together, run close together.

A batch does not keep the backend while it has no job, so others may run in between.
Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done.
"""

import os

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, Sampler

SIZES = (2, 3, 4, 5)


def ghz(qubits: int) -> QuantumCircuit:
    """All qubits entangled: ideally only zeros or only ones are measured."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(1, qubits):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()
    return circuit


def main() -> None:
    """Submit one job for each size, then collect how often all qubits agreed."""
    service = QiskitRuntimeService()
    backend = service.backend(os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi"))
    passes = generate_preset_pass_manager(3, backend=backend, seed_transpiler=7)

    with Batch(backend=backend, max_time="25m") as batch:
        sampler = Sampler(mode=batch)
        jobs = {size: sampler.run([passes.run(ghz(size))], shots=2000) for size in SIZES}
        print("batch", batch.session_id, "with", len(jobs), "jobs:", batch.status())
    # Leaving the block accepts no more jobs; those that were submitted are run.
    for size, job in jobs.items():
        counts = job.result()[0].data.meas.get_counts()
        agreed = counts.get("0" * size, 0) + counts.get("1" * size, 0)
        print(f"  {size} qubits: all agreed in {agreed / 20:.1f} % of the shots")

    details = batch.details() or {}
    print("batch:", batch.status(), "- its jobs ran", details["usage_time"], "s in all")
    listed = service.jobs(session_id=batch.session_id, descending=False)
    print("its jobs:", ", ".join(job.job_id() for job in listed))
    print("metrics of the last:", jobs[SIZES[-1]].metrics()["usage"])
    print("the instance has used", service.usage()["usage_consumed_seconds"], "s in the last 28 days")


if __name__ == "__main__":
    main()
