"""A session of one instance against a flood of single jobs of another, from three clients at once.

It shows that no foreign job starts between two jobs of an active session, that foreign jobs start when the
session has been idle for its ITTL, that the session's next job wakes it, and that its max TTL ends it.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done, with a key and
the name of another instance, and with a short ITTL, so that nobody has to wait for five minutes:

    export OTHER_TOKEN=$(.venv/bin/python manage.py newkey guest --name flood)
    export OTHER_INSTANCE=guest-lab
    .venv/bin/python manage.py shell -c "from quantumsvc.backends.models import Backend; \\
        Backend.objects.filter(name='demo_nairobi').update(dedicated_interactive_ttl=5)"
"""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import numpy as np
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit.library import n_local
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, QiskitRuntimeService, RuntimeJobV2, Sampler, Session
from qiskit_ibm_runtime.exceptions import IBMRuntimeError

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
STEPS, FLOOD = 8, 12
# Seconds that the session's owner thinks between two jobs, and that the session may last.
THINK, LENGTH = 0.4, 40
OBSERVABLE = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])


def started(job: RuntimeJobV2) -> datetime:
    """When the job began to run."""
    return datetime.fromisoformat(job.metrics()["timestamps"]["running"])


def ended(job: RuntimeJobV2) -> datetime:
    """When the job had ended."""
    return datetime.fromisoformat(job.metrics()["timestamps"]["finished"])


class Energy:
    """The estimator jobs of one session."""

    def __init__(self, service: QiskitRuntimeService) -> None:
        backend = service.backend(BACKEND)
        passes = generate_preset_pass_manager(1, backend=backend, seed_transpiler=7)
        self.ansatz = passes.run(n_local(2, ["ry"], "cx", reps=1))
        self.session = Session(backend=backend, max_time=LENGTH)
        self.estimator = Estimator(mode=self.session)

    def ask(self, angle: float) -> RuntimeJobV2:
        """Submit the job for one point of the search."""
        angles = np.full(self.ansatz.num_parameters, angle)
        return self.estimator.run([(self.ansatz, OBSERVABLE.apply_layout(self.ansatz.layout), angles)])


def flood(service: QiskitRuntimeService, together: Barrier) -> list[RuntimeJobV2]:
    """One client of the other instance: many single jobs, as fast as they can be sent."""
    backend = service.backend(BACKEND)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    circuit = generate_preset_pass_manager(1, backend=backend).run(circuit)
    together.wait()
    return [Sampler(mode=backend).run([circuit], shots=20_000) for _ in range(FLOOD)]


def search(energy: Energy, together: Barrier) -> list[RuntimeJobV2]:
    """The client with the session: it looks at each result, thinks, and asks again."""
    first = energy.ask(0.0)
    first.result()
    jobs = [first]
    together.wait()
    for step in range(1, STEPS):
        time.sleep(THINK)
        jobs.append(energy.ask(step / STEPS))
        value = float(jobs[-1].result()[0].data.evs)
        print(f"  session: step {step + 1}, energy {value:+.3f}")
    return jobs


def tell_who_started_between(ours: list[RuntimeJobV2], foreign: list[RuntimeJobV2]) -> None:
    """What the clock times say about the session while it was active, and after."""
    begin, end = started(ours[0]), ended(ours[-1])
    between = [job for job in foreign if begin <= started(job) <= end]
    first = min(started(job) for job in foreign)
    print(f"{len(ours)} jobs of the session in {(end - begin).total_seconds():.1f} s")
    print(f"foreign jobs that started between two of them: {len(between)} of {len(foreign)}")
    print(f"the first foreign job started {(first - end).total_seconds():.2f} s after the session's last")


def tell_of(session: Session) -> None:
    """What the session says of itself."""
    details = session.details() or {}
    for name in ("state", "interactive_timeout", "max_time", "started_at", "activated_at", "closed_at"):
        print(f"  {name}: {details.get(name)}")


def wait_until_idle_too_long(session: Session) -> None:
    """Until the session has given the backend back."""
    while (session.details() or {})["state"] == "active":
        time.sleep(0.1)


def main() -> None:
    """Three clients at once; then the session rests, wakes up and runs out."""
    ours = QiskitRuntimeService()
    others = [
        QiskitRuntimeService(
            channel="ibm_quantum_platform",
            url=os.environ["QISKIT_IBM_URL"],
            token=os.environ["OTHER_TOKEN"],
            instance=os.environ.get("OTHER_INSTANCE", "guest-lab"),
        )
        for _ in range(2)
    ]
    energy, together = Energy(ours), Barrier(3)
    with ThreadPoolExecutor(3) as clients:
        floods = [clients.submit(flood, other, together) for other in others]
        jobs = clients.submit(search, energy, together).result()
        foreign = [job for each in floods for job in each.result()]
    print("now the session's owner thinks for longer than the ITTL")
    wait_until_idle_too_long(energy.session)
    tell_of(energy.session)
    late = energy.ask(1.0)
    late.result()
    for job in foreign:
        job.result()
    tell_who_started_between(jobs, foreign)
    before = sum(started(job) < started(late) for job in foreign)
    print(f"the session's next job waited in the general order: {before} foreign jobs went before it")
    print("and woke the session:")
    tell_of(energy.session)
    print("now its owner waits for the max TTL")
    while (energy.session.details() or {})["state"] != "closed":
        time.sleep(0.2)
    tell_of(energy.session)
    try:
        energy.ask(0.0)
    except IBMRuntimeError as refusal:
        print("a further job is refused:", *re.findall(r'"message":"([^"]*)"', str(refusal)))


if __name__ == "__main__":
    main()
