"""What stands around in the scene of the pictures: chips with a history, results, drawn circuits, plans."""

import json
import math
from datetime import datetime, timedelta
from typing import Any

from qiskit.primitives.containers import BitArray

from quantumsvc import clock
from quantumsvc.accounts import services as accounts
from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.execution.sketches import CircuitSketch, Gate, PubSketch, Sketch, encode_sketch
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.services import compact, install_device
from quantumsvc.notices.models import Channel, Subscription
from quantumsvc.notices.subscribing import subscribe
from sessions_app.models import Job, JobSketch
from sessions_app.services.calibrations.planning import create_schedule
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from tests.results import estimated, sampled

DEVICES = ("demo_nairobi", "demo_manila", "ibmq_qasm_simulator", "demo_kolkata")
DAYS_OF_SETS = 9


def chips() -> list[Backend]:
    """Devices of the demo, of which the chips were calibrated daily."""
    now = clock.now()
    known = {each.name: each for each in demo_devices()}
    made = [install_device(device=known[name], now=now) for name in DEVICES]
    for backend in made[:2]:
        _history(backend, now)
    return made


def _history(backend: Backend, now: datetime) -> None:
    """A set a day whose values wander, so that there is drift to be seen."""
    shipped = str(CalibrationSet.objects.get(backend=backend).properties)
    for day in range(DAYS_OF_SETS):
        document = json.loads(shipped)
        for number, qubit in enumerate(document["qubits"]):
            for item in qubit:
                wave = 1 + 0.12 * math.sin(day * 1.3 + number)
                item["value"] *= wave if item["name"] in {"T1", "T2"} else 1 / wave
        at = now - timedelta(days=DAYS_OF_SETS - day, hours=1)
        CalibrationSet.objects.create(
            backend=backend, taken_at=at, properties=compact(document), source="measured"
        )


def counts_result(shots: int = 4096) -> bytes:
    """What a sampler finds in three entangled qubits of a noisy chip."""
    shares = {
        "000": 0.462,
        "111": 0.431,
        "001": 0.024,
        "010": 0.021,
        "110": 0.019,
        "011": 0.018,
        "100": 0.015,
    }
    counts = {key: int(share * shots) for key, share in shares.items()}
    counts["101"] = shots - sum(counts.values())
    return sampled(meas=BitArray.from_counts(counts, num_bits=3))


def values_result() -> bytes:
    """What an estimator finds for twelve parameter sets, with errors."""
    values = [-1.1 + 0.9 * math.cos(k / 2.1) for k in range(12)]
    return estimated(evs=values, stds=[0.04 + 0.01 * (k % 3) for k in range(12)])


def draw(job: Job) -> None:
    """Let the job's circuit be drawn: three qubits, entangled and measured."""
    chain = [Gate(0, "h", "h", [0]), Gate(1, "cx", "cx", [0, 1]), Gate(2, "cx", "cx", [1, 2])]
    ends = [Gate(3 + row, "measure", "measure", [row], f"meas[{row}]") for row in range(3)]
    circuit = CircuitSketch(
        name="ghz", qubits=3, bits=3, gates=6, depth=4, parameters=0, counts={"h": 1, "cx": 2, "measure": 3},
        wires=[0, 1, 2], drawn=[*chain, *ends], is_cut=False,
    )  # fmt: skip
    pub = PubSketch(circuit=0, amount="4096 shots", shape="one set")
    options = (
        '{\n  "default_shots": 4096,\n  "dynamical_decoupling": {"enable": true, "sequence_type": "XY4"}\n}'
    )
    sketch = Sketch(circuits=[circuit], circuit_count=1, pubs=[pub], pub_count=1, options=options)
    JobSketch.objects.create(job=job, body=encode_sketch(sketch))


def plans(backends: list[Backend], operator: User) -> str:
    """A nightly calibration, one that waits, and the id of the latter."""
    now = clock.now()
    fields: dict[str, Any] = {
        "name": "Every night",
        "rrule": "FREQ=DAILY",
        "time_zone": "Europe/Berlin",
        "starts_at": now + timedelta(hours=9),
        "window_minutes": 20,
    }
    create_schedule(backend=backends[0], fields=fields, by=operator, now=now)
    wish = Wish(due_at=now - timedelta(minutes=6), note="after the cable was changed")
    return request_calibration(backend=backends[0], wish=wish, now=now, by=operator).pk


def settings_of(user: User, lab: Instance) -> Subscription:
    """Two keys, one of them revoked, and mail about jobs."""
    now = clock.now()
    accounts.issue_key(user=user, name="laptop", now=now - timedelta(days=40))
    old = accounts.issue_key(user=user, name="old cluster", now=now - timedelta(days=200))
    accounts.revoke_key(key=old.key, now=now - timedelta(days=3))
    accounts.change_instance(
        instance=lab,
        settings={"usage_allocation_seconds": 3_600, "usage_limit_seconds": 3_600},
        now=now,
        actor=None,
    )
    User.objects.filter(pk=user.pk).update(email="wanda@lab.example")
    user.refresh_from_db()
    kinds = ["job.ended", "session.closing", "reservation.soon"]
    made = subscribe(owner=user, channel=Channel.MAIL, address="", kinds=kinds, actor=user, now=now)
    return made.subscription
