"""A Bell pair on a noisy 7-qubit device: the shortest complete use of the service.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done.
"""

import os

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, Sampler


def main() -> None:
    """Entangle two qubits, measure them a thousand times and print what was seen."""
    service = QiskitRuntimeService()
    backend = service.backend(os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi"))

    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    circuit = generate_preset_pass_manager(1, backend=backend).run(bell)

    job = Sampler(mode=backend).run([circuit], shots=1000)
    print("job", job.job_id(), "on", backend.name)
    print(job.result()[0].data.meas.get_counts())


if __name__ == "__main__":
    main()
