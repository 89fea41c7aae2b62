# type: ignore
"""The page "Run jobs in a session", its blocks as printed and in its order, one cell each."""

from notebook import cell, display, dots

cell("Prerequisites")

from qiskit_ibm_runtime import QiskitRuntimeService

service = QiskitRuntimeService()

cell("What the page takes for granted")
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, Sampler, Session

circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
observable = SparsePauliOp("ZZ")
# The page prints dots for what is run: here they stand for these two.
Estimator.run = dots(Estimator.run, circuit, observable)

cell("Open a session: Session class")

session= Session(service=service, backend="ibmq_qasm_simulator")
estimator = Estimator(session=session)
sampler = Sampler(session=session)

cell("Open a session: context manager")

with Session(service=service, backend="ibmq_qasm_simulator"):
  estimator = Estimator()
  sampler = Sampler()

cell("Specify a backend: by its name")

backend = "ibmq_qasm_simulator"
with Session(backend=backend):
  ...

cell("Specify a backend: the object")

backend = service.get_backend("ibmq_qasm_simulator")
with Session(backend=backend):
  ...

cell("Specify the session length")

with Session(service=service, backend=backend, max_time="25m"):
  ...

cell("Close a session")

with Session(service=service, backend=backend):
    estimator = Estimator()
    job = estimator.run(...)

# The session is no longer accepting jobs but the submitted job will run to completion
result = job.result()

print(result)

cell("Cancel a session: releases 0.13 or later")

with Session(service=service, backend=backend) as session:
    estimator = Estimator()
    job1 = estimator.run(...)
    job2 = estimator.run(...)
    # You can use session.cancel() to fail all pending jobs, for example,
    # if you realize you made a mistake.
    session.cancel()

for job in (job1, job2):
    job.wait_for_final_state()
    print(job.status().name, job.error_message())

cell("Cancel a session: releases 0.13 or later, once more")

with Session(service=service, backend=backend) as session:
    estimator = Estimator()
    job1 = estimator.run(...)
    job2 = estimator.run(...)
    # You can use session.cancel() to fail all pending jobs, for example,
    # if you realize you made a mistake.
    session.cancel()

for job in (job1, job2):
    job.wait_for_final_state()
    print(job.status().name, job.error_message())

cell("Cancel a session: releases before 0.13")

with Session(service=service, backend=backend) as session:
  estimator = Estimator()
  job = estimator.run(...)
  # Do not close here, the job might not be completed!
  result = job.result()
  # Reaching this line means that the job is finished.
  # This close() method would fail all pending jobs.
  session.close()

print(result)

cell("Invoke multiple primitives: a circuit for the sampler")

from qiskit.circuit.random import random_circuit

sampler_circuit = random_circuit(2, 2, seed=0).decompose(reps=1)
sampler_circuit.measure_all()
display(circuit.draw("mpl"))

cell("Invoke multiple primitives: one after another")

from qiskit_ibm_runtime import Session, Sampler, Estimator

with Session(backend=backend):
  sampler = Sampler()
  estimator = Estimator()

  result = sampler.run(sampler_circuit).result()
  print(f">>> Quasi-probability distribution from the sampler job: {result.quasi_dists[0]}")

  result = estimator.run(circuit, observable).result()
  print(f">>> Expectation value from the estimator job: {result.values[0]}")

cell("Invoke multiple primitives: both at once")

from qiskit_ibm_runtime import Session, Sampler, Estimator

with Session(backend=backend):
  sampler = Sampler()
  estimator = Estimator()

  sampler_job = sampler.run(sampler_circuit)
  estimator_job = estimator.run(circuit, observable)

  print(
      f">>> Quasi-probability distribution from the sampler job: {sampler_job.result().quasi_dists[0]}"
  )
  print(f">>> Expectation value from the estimator job: {estimator_job.result().values[0]}")

cell("Determine session details")

from qiskit_ibm_runtime import QiskitRuntimeService

service = QiskitRuntimeService()

with Session(service=service, backend="ibmq_qasm_simulator") as session:
    estimator = Estimator()
    job = estimator.run(circuit, observable)
    print(session.details())

cell("Full example")

from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import QiskitRuntimeService, Session, Estimator, Options

circuit = random_circuit(2, 2, seed=1).decompose(reps=1)
observable = SparsePauliOp("IY")

options = Options()
options.optimization_level = 2
options.resilience_level = 2

service = QiskitRuntimeService()
with Session(service=service, backend="ibmq_qasm_simulator"):
    estimator = Estimator(options=options)
    job = estimator.run(circuit, observable)
    result = job.result()

display(circuit.draw("mpl"))
print(f" > Observable: {observable.paulis}")
print(f" > Expectation value: {result.values[0]}")
print(f" > Metadata: {result.metadata[0]}")
