"""What a waiting job is told about why it waits: every kind of waiting that two tenants can bring about.

Run it like ``two_instances.py``: with the client's variables, and OTHER_TOKEN and OTHER_INSTANCE. With
OPERATOR_PAUSE and OPERATOR_RESUME set to two shell commands, a paused backend is shown too:

    update="from quantumsvc.backends.models import Backend; Backend.objects.update"
    export OPERATOR_PAUSE=".venv/bin/python manage.py shell -c \\"$update(is_paused=True)\\""
    export OPERATOR_RESUME=".venv/bin/python manage.py shell -c \\"$update(is_paused=False)\\""
"""

import json
import os
import subprocess
import time
import urllib.request
from contextlib import suppress
from typing import Any

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, Sampler, Session
from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
LONG, SHORT = 100_000, 100


class Tenant:
    """One client, and the questions it asks beside the official ones."""

    def __init__(self, token: str, instance: str) -> None:
        url = os.environ["QISKIT_IBM_URL"]
        self.service = QiskitRuntimeService(
            channel="ibm_quantum_platform", url=url, token=token, instance=instance
        )
        self.backend = self.service.backend(BACKEND)
        self.address = url.rstrip("/")
        self.headers = {
            "Authorization": f"apikey {token}",
            "Service-CRN": self.service.active_instance(),
        }
        circuit = QuantumCircuit(5)
        circuit.h(range(5))
        circuit.measure_all()
        self.circuit = generate_preset_pass_manager(1, backend=self.backend).run(circuit)

    def send(self, *, shots: int = SHORT, circuits: int = 1, mode: Session | None = None) -> RuntimeJobV2:
        """A sampler job; many circuits with many shots run for some seconds."""
        return Sampler(mode=mode or self.backend).run([self.circuit] * circuits, shots=shots)

    def send_long(self, mode: Session | None = None) -> RuntimeJobV2:
        """A job that runs for some seconds, once it does."""
        job = self.send(shots=LONG, circuits=40, mode=mode)
        while job.status() == "QUEUED":
            time.sleep(0.02)
        return job

    def tell(self, title: str, job: RuntimeJobV2) -> None:
        """Ask why the job waits, and print the answer."""
        request = urllib.request.Request(f"{self.address}/jobs/{job.job_id()}/queue", headers=self.headers)
        with urllib.request.urlopen(request) as answer:
            body: dict[str, Any] = json.load(answer)
        print(f"\n{title}:")
        print(json.dumps(body, indent=2))


def stop(*jobs: RuntimeJobV2) -> None:
    """Cancel those that have not ended, the last first, so that none starts for it."""
    for job in reversed(jobs):
        with suppress(RuntimeInvalidStateError):
            job.cancel()


def behind_a_running_job(ours: Tenant, others: Tenant) -> None:
    """S1, F2, F3: one of these is next, and the others wait for their turns."""
    running = ours.send_long()
    first, second, foreign = ours.send(), ours.send(), others.send()
    ours.tell("A job of ours, behind another one of ours that runs", first)
    ours.tell("The next job of the same user", second)
    others.tell("A job of the other instance", foreign)
    stop(running, second, first, foreign)


def behind_a_session(ours: Tenant, others: Tenant) -> None:
    """S4, S5: the session first, whether it has a job or not."""
    session = Session(backend=ours.backend, max_time="10m")
    try:
        ours.send(mode=session).result()
        foreign = others.send()
        others.tell("A foreign job, while the session has no job", foreign)
        running = ours.send_long(session)
        second, third = ours.send(mode=session), ours.send(mode=session)
        ours.tell("A job of the session, while another one of it runs", second)
        ours.tell("The job after that one", third)
        others.tell("The foreign job, while the session works", foreign)
        stop(running, second, third, foreign)
    finally:
        session.close()


def behind_a_pause(ours: Tenant) -> None:
    """S10: the operator has paused the queue."""
    if "OPERATOR_PAUSE" not in os.environ:
        return
    subprocess.run(os.environ["OPERATOR_PAUSE"], shell=True, check=True)
    try:
        job = ours.send()
        ours.tell("A job on a paused backend", job)
        stop(job)
    finally:
        subprocess.run(os.environ["OPERATOR_RESUME"], shell=True, check=True)


def main() -> None:
    """Bring about one kind of waiting after the other."""
    ours = Tenant(os.environ["QISKIT_IBM_TOKEN"], os.environ["QISKIT_IBM_INSTANCE"])
    others = Tenant(os.environ["OTHER_TOKEN"], os.environ.get("OTHER_INSTANCE", "guest-lab"))
    behind_a_running_job(ours, others)
    behind_a_session(ours, others)
    behind_a_pause(ours)


if __name__ == "__main__":
    main()
