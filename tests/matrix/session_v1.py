# type: ignore
"""A session with primitives of version 1, by a client of their time."""

import time

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, Options, QiskitRuntimeService, Sampler, Session
from steps import Steps, about

step = Steps()
theta = Parameter("theta")
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
turned = QuantumCircuit(1)
turned.ry(2 * theta, 0)
measured, seen = bell.copy(), turned.copy()
measured.measure_all()
seen.measure_all()
known = {}


def leave(session):
    """Before 0.13, the end of the block leaves the session open, and its backend held."""
    if not hasattr(session, "cancel"):
        session.close()


def need(truth, told=""):
    assert truth, told
    return told


@step("login")
def login():
    service = QiskitRuntimeService(
        channel=about("CHANNEL"), token=about("TOKEN"), url=about("URL"), instance=about("INSTANCE")
    )
    known["service"] = service
    return need(about("INSTANCE") in service.instances(), service.instances())


@step("backends")
def backends():
    names = [backend.name for backend in known["service"].backends()]
    known["chip"] = known["service"].backend(about("BACKEND"))
    need({about("BACKEND"), "ibmq_qasm_simulator"} <= set(names))
    need(known["chip"].properties() is not None and known["chip"].status().operational)
    need(known["chip"].target.num_qubits == 7)
    return names


@step("sampler")
def sampler():
    with Session(service=known["service"], backend="ibmq_qasm_simulator", max_time="25m") as session:
        job = Sampler(options={"seed_simulator": 7}).run([measured, seen], [[], [0.5]], shots=4000)
        bells, turns = job.result().quasi_dists
        leave(session)
    need(abs(bells[0] - 0.5) < 0.05 and set(bells) == {0, 3}, bells)
    need(abs(turns[0] - 0.770) < 0.03, turns)
    return bells, turns


@step("estimator")
def estimator():
    options = Options()
    options.optimization_level, options.resilience_level = 2, 2
    with Session(service=known["service"], backend="ibmq_qasm_simulator") as session:
        job = Estimator(options=options).run(bell, SparsePauliOp(["ZZ", "XX"], [1.0, 0.5]))
        result = job.result()
        leave(session)
    need(abs(result.values[0] - 1.5) < 0.15, result.values)
    need(result.metadata[0]["zne"]["noise_amplification"]["noise_factors"] == [1, 3, 5], result.metadata)
    return result.values


@step("device")
def device():
    """On a noisy device: a session with its details, and one more job at the next level."""
    fitted = transpile(bell, known["chip"], optimization_level=1, initial_layout=[0, 1], seed_transpiler=1)
    operator = SparsePauliOp("ZZ").apply_layout(fitted._layout, known["chip"].num_qubits)
    with Session(service=known["service"], backend=known["chip"]) as session:
        first = Estimator(options={"resilience_level": 0}).run(fitted, operator)
        noisy = first.result().values[0]
        # Before 0.13, a session told nothing of itself.
        details = session.details() if hasattr(session, "details") else None
        better = Estimator(options={"resilience_level": 1}).run(fitted, operator).result().values[0]
        leave(session)
    need(0.75 < noisy < 0.99 and 0.8 < better < 1.1, (noisy, better))
    need(
        details is None or (details["state"] == "active" and details["backend_name"] == about("BACKEND")),
        details,
    )
    known["session"], known["job"] = session, first
    return noisy, better


@step("close")
def close():
    """The block's end closes; before 0.13, closing cancelled. No job is accepted afterwards."""
    if not hasattr(known["session"], "details"):
        try:
            Sampler(session=known["session"]).run(measured)
        except Exception as error:
            return need("closed" in str(error), str(error))
        raise AssertionError("the session took another job")
    for _ in range(50):
        if known["session"].details()["state"] == "closed":
            break
        time.sleep(0.1)
    details = known["session"].details()
    need(details["state"] == "closed" and not details["accepting_jobs"], details)
    return details["closed_at"]


@step("cancel")
def cancel():
    with Session(service=known["service"], backend="ibmq_qasm_simulator") as session:
        first = Sampler().run(measured)
        jobs = [Sampler().run([measured] * 200) for _ in range(8)]
        (session.cancel if hasattr(session, "cancel") else session.close)()
    first.wait_for_final_state()
    states = []
    for job in jobs:
        job.wait_for_final_state()
        states.append(job.status().name)
    return states


@step("jobs")
def jobs():
    found = known["service"].jobs(limit=5)
    again = known["service"].job(known["job"].job_id())
    need(again.inputs["circuits"] and again.status().name == "DONE" and len(found) == 5)
    need(again.metrics()["bss"]["seconds"] > 0 and isinstance(again.logs(), str))
    return again.job_id()


@step("refusal")
def refusal():
    """An option that isn't offered is refused by its name."""
    job = Estimator(session=Session(service=known["service"], backend="ibmq_qasm_simulator")).run(
        bell, SparsePauliOp("ZZ"), init_qubits=False
    )
    try:
        job.result()
    except Exception as error:
        return need("execution.init_qubits" in str(error), str(error))
    raise AssertionError("the option was passed over")


step.tell()
