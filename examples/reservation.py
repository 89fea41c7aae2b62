"""A reservation for in one minute, while another instance floods the backend and has a long job running.

It shows that the window starts on time; that the long job is stopped, goes back to its place and completes
afterwards; that a job sent beforehand runs in the window by itself; that a session works inside; and that
what is left of the session at the end follows the end policy, here ``fail``.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done, with a key and the
name of another instance. The client's user is a manager of theirs, and may reserve time:

    export OTHER_TOKEN=$(.venv/bin/python manage.py newkey guest --name flood)
    export OTHER_INSTANCE=guest-lab
"""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, Sampler, Session

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
# Seconds from now until the window, and that it lasts.
AHEAD = int(os.environ.get("AHEAD", "60"))
LENGTH = int(os.environ.get("LENGTH", "60"))
# Short jobs of the flood, the shots of a short and of a long job, and the most circuits that a job may have.
FLOOD, FEW_SHOTS, SHOTS, MOST = 10, 1_000, 100_000, 200


class Tenant:
    """One client, and the service's own calls beside the official ones."""

    def __init__(self, token: str, instance: str) -> None:
        url = os.environ["QISKIT_IBM_URL"]
        self.address = url.rstrip("/")
        self.service = QiskitRuntimeService(
            channel="ibm_quantum_platform", url=url, token=token, instance=instance
        )
        self.backend = self.service.backend(BACKEND)
        self.headers = {
            "Authorization": f"apikey {token}",
            "Service-CRN": self.service.active_instance(),
            "Content-Type": "application/json",
        }
        circuit = QuantumCircuit(5)
        for _ in range(60):
            circuit.h(range(5))
            circuit.cx(0, 1)
        circuit.measure_all()
        self.circuit = generate_preset_pass_manager(1, backend=self.backend).run(circuit)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded answer to one of the service's own calls; a refusal ends the example."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{refusal.code}: {refusal.read().decode()}") from refusal

    def send(self, circuits: int = 0, mode: Session | None = None) -> RuntimeJobV2:
        """A short sampler job, or one with so many circuits that take their time."""
        sampler = Sampler(mode=mode or self.backend)
        if not circuits:
            sampler.options.max_execution_time = 5
            return sampler.run([self.circuit], shots=FEW_SHOTS)
        return sampler.run([self.circuit] * circuits, shots=SHOTS)

    def seconds_per_circuit(self, mode: Session | None = None) -> float:
        """How long one circuit of a long job takes here."""
        job = self.send(4, mode)
        job.result()
        times = self.ask("GET", f"/jobs/{job.job_id()}/metrics")["timestamps"]
        begun, ended = (datetime.fromisoformat(times[word]) for word in ("running", "finished"))
        return max((ended - begun).total_seconds() / 4, 0.01)


def pause_until(instant: datetime) -> None:
    """Wait for the clock."""
    time.sleep(max((instant - datetime.now(UTC)).total_seconds(), 0.0))


def outcome(job: RuntimeJobV2) -> str:
    """How the job ended, when it has."""
    job.wait_for_final_state()
    return str(job.status())


def clock(instant: str | None) -> str:
    """The time of day of an instant on the wire."""
    return f"{datetime.fromisoformat(instant):%H:%M:%S.%f}"[:-3] if instant else "never"


def tell(title: str, tenant: Tenant, job: RuntimeJobV2) -> None:
    """One line about a job that has ended."""
    ended = outcome(job)
    seen = tenant.ask("GET", f"/jobs/{job.job_id()}/metrics")
    times = seen["timestamps"]
    reason = (job.error_message() or "") if ended == "ERROR" else ""
    print(
        f"  {title:<34} {ended:<6} attempts {seen['attempts']}  started {clock(times['running'])}"
        f"  ended {clock(times['finished'])}  {reason}"
    )


def long_job(tenant: Tenant, seconds: float) -> RuntimeJobV2:
    """A job that has begun, and runs for about so long, as far as a job may."""
    job = tenant.send(min(int(seconds / tenant.seconds_per_circuit()), MOST))
    while job.status() == "QUEUED":
        time.sleep(0.05)
    return job


def work_inside(tenant: Tenant, end: datetime) -> list[RuntimeJobV2]:
    """A session that has more to do than fits into the window."""
    with Session(backend=tenant.backend, max_time="10m") as session:
        jobs = [tenant.send(mode=session) for _ in range(3)]
        jobs[-1].result()
        note("three jobs of our session are done; now it gets more than fits")
        each = max(int(LENGTH / 3 / tenant.seconds_per_circuit(session)), 1)
        jobs += [tenant.send(min(each, MOST), mode=session) for _ in range(8)]
        pause_until(end)
        time.sleep(1)
    return jobs


def note(what: str) -> None:
    """One line with the time."""
    print(f"  {datetime.now(UTC):%H:%M:%S}  {what}", flush=True)


def main() -> None:
    """Let the others work, book, work inside, and tell what happened."""
    ours = Tenant(os.environ["QISKIT_IBM_TOKEN"], os.environ["QISKIT_IBM_INSTANCE"])
    others = Tenant(os.environ["OTHER_TOKEN"], os.environ.get("OTHER_INSTANCE", "guest-lab"))
    foreign = [long_job(others, AHEAD + 30)]
    note("a long job of the others runs")
    start = datetime.now(UTC) + timedelta(seconds=AHEAD)
    wish = {"backend": BACKEND, "start": start.isoformat(), "duration": LENGTH, "end_policy": "fail"}
    window = ours.ask("POST", "/reservations", wish)
    end = datetime.fromisoformat(window["end"])
    note(f"{BACKEND} is reserved from {clock(window['start'])} to {clock(window['end'])} UTC")
    foreign += [others.send() for _ in range(FLOOD)]
    before = ours.send()
    pause_until(start - timedelta(seconds=1))
    note(f"a second before, the long job is {foreign[0].status()}")
    pause_until(start + timedelta(seconds=1))
    note(f"a second after, the long job is {foreign[0].status()}")
    inside = work_inside(ours, end)
    note("the window is over")

    print("\nOur jobs:")
    tell("sent before, without a session", ours, before)
    for number, job in enumerate(inside, start=1):
        tell(f"job {number} of our session", ours, job)
    print("\nThe others' jobs:")
    tell("the long one", others, foreign[0])
    for number, job in enumerate(foreign[1:], start=1):
        tell(f"short job {number}", others, job)

    seen = ours.ask("GET", f"/reservations/{window['id']}")
    begun = next(step["at"] for step in seen["history"] if step["state"] == "active")
    late = (datetime.fromisoformat(begun) - start).total_seconds()
    print(f"\nThe window is {seen['state']}. It began {late * 1000:.0f} ms after its time.")
    print(f"Its first job started at {clock(seen['first_job'])}.")
    print("None of the others' jobs started in it:", _kept_out(others, foreign, start, end))


def _kept_out(tenant: Tenant, jobs: list[RuntimeJobV2], start: datetime, end: datetime) -> bool:
    """Whether the last attempt of each of the jobs began outside the window."""
    starts = [tenant.ask("GET", f"/jobs/{job.job_id()}/metrics")["timestamps"]["running"] for job in jobs]
    return not any(start <= datetime.fromisoformat(each) < end for each in starts if each)


if __name__ == "__main__":
    main()
