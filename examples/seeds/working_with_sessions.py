# type: ignore
"""The page "Working with sessions", its block as printed.

``Session(service)`` without a backend belongs to the cloud channel: the service chooses a backend. The page passes the
parameter values before the observable, while the client takes the observable first; the two names are filled so that
the printed line runs.
"""

from notebook import cell
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, Options, QiskitRuntimeService, Session

cell("What the page takes for granted")
service = QiskitRuntimeService()
options = Options()
circuit = QuantumCircuit(2)
circuit.ry(Parameter("angle"), 0)
circuit.cx(0, 1)
parameters, observable = SparsePauliOp("ZZ"), [0.3]

cell("How to run a job in a session")

with Session(service) as session:
  estimator = Estimator(session=session, options=options) #primitive constructor
  estimator.run(circuit, parameters, observable) #job call

cell("What came of it")
job = service.jobs(limit=1)[0]
job.wait_for_final_state()
print(job.backend().name, job.status().name, job.result())
print(session.details())
