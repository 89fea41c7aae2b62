"""What a reservation would delay, asked before it is made, and afterwards what really happened.

The backend is busy with jobs of another instance. A dry run lists which of them would start later, and by how
much. Then the window is booked, the jobs run, and each start is shown beside the forecast.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done, with an operator's
key, and a key and the name of another instance:

    export OPERATOR_TOKEN=$(.venv/bin/python manage.py newkey operator --name planning)
    export OTHER_TOKEN=$(.venv/bin/python manage.py newkey guest --name busy)
    export OTHER_INSTANCE=guest-lab
"""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, Sampler

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
# Jobs that wait, circuits of each, seconds from the dry run to the window, and that it lasts.
JOBS = int(os.environ.get("JOBS", "10"))
CIRCUITS = int(os.environ.get("CIRCUITS", "20"))
AHEAD, LENGTH = int(os.environ.get("AHEAD", "12")), int(os.environ.get("LENGTH", "60"))


def ask(token: str, crn: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The decoded answer to one of the service's own calls; a refusal ends the example with what it says."""
    headers = {"Authorization": f"apikey {token}", "Service-CRN": crn, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    url = os.environ["QISKIT_IBM_URL"].rstrip("/") + path
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        raise SystemExit(f"{refusal.code}: {refusal.read().decode()}") from refusal


def service_of(token: str, instance: str) -> QiskitRuntimeService:
    """The official client."""
    url = os.environ["QISKIT_IBM_URL"]
    return QiskitRuntimeService(channel="ibm_quantum_platform", url=url, token=token, instance=instance)


def make_busy(service: QiskitRuntimeService) -> list[RuntimeJobV2]:
    """Let the backend learn how long such jobs take, then queue many."""
    backend = service.backend(BACKEND)
    circuit = QuantumCircuit(5)
    circuit.h(range(5))
    circuit.measure_all()
    circuit = generate_preset_pass_manager(1, backend=backend).run(circuit)

    def send() -> RuntimeJobV2:
        return Sampler(mode=backend).run([circuit] * CIRCUITS, shots=100_000)

    for _ in range(3):
        send().result()
    return [send() for _ in range(JOBS)]


def show_forecast(told: dict[str, Any]) -> None:
    """The dry run's answer, in a few lines."""
    impact = told["impact"]
    print(f"Possible: {told['possible']}; rules that would be broken: {len(told['violations'])}.")
    print(f"{len(impact['later'])} jobs would start later:")
    for each in impact["later"]:
        print(
            f"  {each['job']}  {_clock(each['before'])} -> {_clock(each['after'])}  {_more(each['seconds'])}"
        )
    if impact["stopped"]:
        print(f"The running job would be stopped at {_clock(impact['stopped']['at'])}.")
    if impact["paused"]:
        print(f"A session would be paused at {_clock(impact['paused']['at'])}.")


def _clock(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant):%H:%M:%S}" if instant else "not foreseeable"


def _more(seconds: float | None) -> str:
    return "" if seconds is None else f"+{seconds:.1f} s"


def main() -> None:
    """Ask, book, wait, compare."""
    operator, other = os.environ["OPERATOR_TOKEN"], os.environ["OTHER_TOKEN"]
    others = service_of(other, os.environ.get("OTHER_INSTANCE", "guest-lab"))
    ours = service_of(os.environ["QISKIT_IBM_TOKEN"], os.environ["QISKIT_IBM_INSTANCE"])
    crn = ours.active_instance()
    jobs = make_busy(others)
    start = datetime.now(UTC) + timedelta(seconds=AHEAD)
    wish = {"backend": BACKEND, "start": start.isoformat(), "duration": LENGTH}
    told = ask(operator, crn, "POST", "/reservations?dry_run=true", wish)
    show_forecast(told)

    window = ask(operator, crn, "POST", "/reservations", wish)
    print(f"\nBooked from {_clock(window['start'])} to {_clock(window['end'])} UTC. What really happened:")
    foreseen = {each["job"]: each["after"] for each in told["impact"]["later"]}
    errors = []
    for job in jobs:
        job.result()
        began = datetime.fromisoformat(job.metrics()["timestamps"]["running"])
        after = foreseen.get(job.job_id())
        off = (began - datetime.fromisoformat(after)).total_seconds() if after else None
        errors += [] if off is None else [abs(off)]
        beside = f"foreseen {_clock(after)}, off by {off:+.1f} s" if off is not None else "not to be delayed"
        print(f"  {job.job_id()}  started {began:%H:%M:%S}  {beside}")
        assert not start <= began < start + timedelta(seconds=LENGTH), "nothing foreign starts in the window"
    if errors:
        print(f"Off by {sum(errors) / len(errors):.1f} s in the mean over {len(errors)} delayed jobs.")


if __name__ == "__main__":
    main()
