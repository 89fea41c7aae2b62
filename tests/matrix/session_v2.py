# type: ignore
"""A session with primitives of version 2, by a client from 0.28 on."""

import time

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler.preset_passmanagers import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2, Session
from steps import Steps, about

step = Steps()
theta = Parameter("theta")
known = {}


def need(truth, told=""):
    assert truth, told
    return told


def fitted(*, measured):
    """A Bell pair that is turned by an expression of a parameter, fitted to the device."""
    circuit = QuantumCircuit(2)
    circuit.ry(2 * theta, 0)
    circuit.cx(0, 1)
    if measured:
        circuit.measure_all()
    manager = generate_preset_pass_manager(1, backend=known["chip"], initial_layout=[0, 1])
    return manager.run(circuit)


@step("login")
def login():
    known["service"] = QiskitRuntimeService(
        channel=about("CHANNEL"), token=about("TOKEN"), url=about("URL"), instance=about("INSTANCE")
    )
    return known["service"].instances()


@step("backends")
def backends():
    names = [backend.name for backend in known["service"].backends()]
    known["chip"] = known["service"].backend(about("BACKEND"))
    need({about("BACKEND"), "ibmq_qasm_simulator"} <= set(names))
    need(known["chip"].properties() is not None and known["chip"].status().operational)
    return names


@step("sampler")
def sampler():
    with Batch(backend=known["chip"]) as batch:
        primitive = SamplerV2(mode=batch)
        job = primitive.run([(fitted(measured=True), [0.785398], 2000)])
        counts = job.result()[0].data.meas.get_counts()
    need(counts["00"] + counts["11"] > 1600 and sum(counts.values()) == 2000, counts)
    return counts


@step("estimator")
def estimator():
    circuit = fitted(measured=False)
    operator = SparsePauliOp("ZZ").apply_layout(circuit.layout)
    with Session(backend=known["chip"]) as session:
        primitive = EstimatorV2(mode=session)
        known["job"] = primitive.run([(circuit, operator, [0.785398])])
        value = float(known["job"].result()[0].data.evs)
        known["details"], known["session"] = session.details(), session
    need(0.8 < value < 1.1, value)
    return value


@step("device")
def device():
    details = known["details"]
    need(details["state"] == "active" and details["backend_name"] == about("BACKEND"), details)
    return details["max_time"]


@step("close")
def close():
    for _ in range(50):
        if known["session"].details()["state"] == "closed":
            break
        time.sleep(0.1)
    details = known["session"].details()
    need(details["state"] == "closed" and not details["accepting_jobs"], details)
    return details["closed_at"]


@step("cancel")
def cancel():
    with Session(backend=known["chip"]) as session:
        primitive = SamplerV2(mode=session)
        circuit = fitted(measured=True)
        jobs = [primitive.run([(circuit, [0.1], 20_000)] * 5) for _ in range(6)]
        session.cancel()
    states = []
    for job in jobs:
        job.wait_for_final_state()
        states.append(getattr(job.status(), "name", job.status()))
    return states


@step("jobs")
def jobs():
    found = known["service"].jobs(limit=3)
    again = known["service"].job(known["job"].job_id())
    need(again.inputs["pubs"] and len(found) == 3)
    need(getattr(again.status(), "name", again.status()) == "DONE")
    need(again.metrics()["usage"]["quantum_seconds"] > 0 and isinstance(again.logs(), str))
    return again.job_id()


@step("refusal")
def refusal():
    """An option that isn't offered is refused by its name."""
    primitive = EstimatorV2(mode=known["chip"])
    primitive.options.resilience.pec_mitigation = True
    circuit = fitted(measured=False)
    job = primitive.run([(circuit, SparsePauliOp("ZZ").apply_layout(circuit.layout), [0.1])])
    try:
        job.result()
    except Exception as error:
        return need("pec_mitigation" in str(error), str(error))
    raise AssertionError("the option was passed over")


step.tell()
