# type: ignore
"""The page "Sessions" of September 2022, its block as printed: a primitive as a context manager.

Clients up to 0.8 have it. What the page's dots stand for is filled below.
"""

from notebook import cell, dots
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, QiskitRuntimeService

cell("What the page takes for granted")
service = QiskitRuntimeService()
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
observable = SparsePauliOp("ZZ")
Estimator = dots(
    Estimator,
    circuits=[circuit],
    observables=[observable],
    service=service,
    options={"backend": "ibmq_qasm_simulator"},
)

cell("How to run a job in a session")

with Estimator(...):
    ...

cell("The same, with jobs")

with Estimator(...) as estimator:
    print(estimator(circuits=[0], observables=[0]))
    print(estimator(circuits=[circuit], observables=[observable]))

for job in service.jobs(limit=2):
    print(job.job_id if isinstance(job.job_id, str) else job.job_id(), job.status().name)
