# type: ignore
"""The page "Sessions" of September 2022, its block as printed, with a client of its day: 0.6.2.

In that release a primitive is itself the session's context manager, and is called instead of run.
"""

from notebook import cell, dots
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, QiskitRuntimeService

cell("What the page takes for granted")
# From the environment, this release reads no channel.
service = QiskitRuntimeService(channel="ibm_quantum")
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
options = {"backend": "ibmq_qasm_simulator"}
# The page prints dots for what a primitive is made of: here they stand for these.
observables = [SparsePauliOp("ZZ"), SparsePauliOp("XI")]
Estimator = dots(Estimator, [circuit], observables, service=service, options=options)

cell("How to run a job in a session: the block as printed, in which nothing is called")

with Estimator(...):
  pass

cell("The same with a call, which starts the session")
with Estimator(...) as estimator:
    result = estimator([0, 0], [0, 1])
print(result)

cell("The jobs API: start_session")
with Estimator(...) as estimator:
    inputs = {**estimator._session._initial_inputs, "circuit_indices": [0], "observable_indices": [0]}
    inputs["parameter_values"] = [[]]
first = service.run("estimator", inputs, {"backend_name": "ibmq_qasm_simulator"}, start_session=True)
print("a new session:", first.result()["values"])

cell("The jobs API: session_id")
second = service.run(
    "estimator", inputs, {"backend_name": "ibmq_qasm_simulator"}, session_id=first.job_id
)
print("in that session:", second.result()["values"])
service._api_client.close_session(first.job_id)
print(first.status().name, second.status().name)
