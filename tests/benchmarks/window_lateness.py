"""How late windows start under load (W2): dedicated reservations at compressed time, on a whole service.

Run:  python -m tests.benchmarks.window_lateness [--windows 100] [--backends 4] [--waiting 1000]

A service of its own is started in a fresh folder. Each backend gets short windows, one after the other, for
an instance with hardly any shares, 1000 waiting jobs of another instance that run far longer than they are
expected to, and shortly before each window a job of its owner. So at nearly every start a foreign job runs
and must be stopped.
Lateness is the time from a window's start to the start of the owner's first job in it, by their rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.client import percentile

ROOT = Path(__file__).resolve().parents[2]
LENGTH, PAUSE = timedelta(seconds=2.5), timedelta(seconds=1.5)
# From the booking to the first window.
LEAD = timedelta(seconds=5)
# So long before each start the owner sends a job, which must wait for it: a foreign one runs.
BEFORE = timedelta(seconds=0.4)
DEVICES = ("demo_manila", "demo_nairobi", "demo_guadalupe", "demo_kolkata")


def main() -> None:
    """Start, load, wait until the last window has ended, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--backends", type=int, default=4, choices=range(1, 5))
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--port", type=int, default=18990)
    options = parser.parse_args()
    print("$ python -m tests.benchmarks.window_lateness", *sys.argv[1:], flush=True)
    with tempfile.TemporaryDirectory(prefix="quantumsvc-lateness-") as folder:
        Path(folder).chmod(0o755)
        os.environ |= {"QUANTUMSVC_DATA": folder, "DJANGO_SETTINGS_MODULE": "quantumsvc.settings"}
        with (Path(folder) / "up.log").open("wb") as log:
            up = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(options.port)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
            try:
                wait_for_service(Path(folder))
                measure(options)
            finally:
                up.terminate()
                up.wait(60)


def wait_for_service(folder: Path) -> None:
    """Until the demo is there and the service runs."""
    deadline = time.monotonic() + 120
    while not (folder / "demo-client.json").exists() or not (folder / "run" / "execution.sock").exists():
        if time.monotonic() > deadline:
            raise SystemExit("the service did not start")
        time.sleep(0.5)
    time.sleep(8)


def measure(options: argparse.Namespace) -> None:
    """Book the windows, send the jobs, and tell how it went."""
    import django

    django.setup()
    from quantumsvc import clock
    from quantumsvc.backends.models import Backend

    backends = list(Backend.objects.filter(name__in=DEVICES[: options.backends]).order_by("name"))
    owner, other = people()
    each = -(-options.windows // len(backends))
    for backend in backends:
        expect_little(backend)
        queue(backend, other, options.waiting // len(backends), long=True)
    first = clock.now() + LEAD
    for backend in backends:
        book(backend, owner, first, each)
    for number in range(each):
        wait_until(first + number * (LENGTH + PAUSE) - BEFORE)
        for backend in backends:
            queue(backend, owner, 1, long=False)
    wait_until(first + each * (LENGTH + PAUSE) + timedelta(seconds=3))
    report(backends, owner)


def wait_until(instant: datetime) -> None:
    """Sleep until then."""
    from quantumsvc import clock

    time.sleep(max((instant - clock.now()).total_seconds(), 0))


def people() -> tuple[Any, Any]:
    """The windows' owner, whom fair share serves last outside of them, and the one who floods."""
    from quantumsvc.accounts.models import Instance
    from sessions_app.services.submission import Author

    Instance.objects.filter(name="guest-lab").update(shares=1)
    Instance.objects.filter(name="open-lab").update(shares=100_000)
    authors = []
    for name in ("guest-lab", "open-lab"):
        instance = Instance.objects.get(name=name)
        member = instance.memberships.exclude(role="reader").select_related("user").earliest("id")
        authors.append(Author(user=member.user, instance=instance))
    return authors[0], authors[1]


def expect_little(backend: Any) -> None:
    """As if jobs had taken a tenth of a second so far: the fit test lets them start before any window."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sessions_app_runtime WHERE backend_id = %s", [backend.pk])
        cursor.execute(
            "INSERT INTO sessions_app_runtime (backend_id, program, user_id, mean, deviation, runs) "
            "SELECT %s, 'sampler', id, 0.1, 0, 5 FROM accounts_user",
            [backend.pk],
        )


def book(backend: Any, owner: Any, first: datetime, count: int) -> None:
    """Dedicated windows with short pauses, past the rules of booking, which know no seconds."""
    from django.db import transaction

    from quantumsvc import clock
    from quantumsvc.accounts.models import User
    from reservations_app.services.booking import Wish, take
    from reservations_app.services.rules import Span

    operator = User.objects.get(username="operator")
    for number in range(count):
        start = first + number * (LENGTH + PAUSE)
        wish = Wish(backend=backend, instance=owner.instance, span=Span(start, start + LENGTH))
        with transaction.atomic():
            take(wish, by=operator, now=clock.now())


def queue(backend: Any, author: Any, count: int, *, long: bool) -> None:
    """That many waiting jobs."""
    from quantumsvc import clock
    from quantumsvc.wire.envelope import read_job
    from sessions_app.services.submission import answered, submission_digest, submit_job

    body = json.dumps({"program_id": "sampler", "backend": backend.name, "params": params(long)}).encode()
    for number in range(count):
        digest = submission_digest(author, body + str(number).encode() + os.urandom(8))
        job = submit_job(author=author, envelope=read_job(body), digest=digest, now=clock.now())
        answered(job.pk)


def params(long: bool) -> Any:
    """Two entangled qubits and many shots: minutes of work for ``long``, else a moment."""
    from qiskit import QuantumCircuit

    from tests.programs.payloads import sampler_params

    circuit = QuantumCircuit(2, 2)
    for _ in range(60 if long else 2):
        circuit.sx(0)
        circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    pubs = [(circuit, None, 100_000 if long else 10)] * (150 if long else 1)
    return json.loads(sampler_params(pubs))


def report(backends: list[Any], owner: Any) -> None:
    """The table, from the rows."""
    from reservations_app.models import Window
    from sessions_app.models import Job, JobEvent

    late, stopped, states = [], 0, dict[str, int]()
    for window in Window.objects.filter(backend__in=backends).order_by("starts_at"):
        states[window.state] = states.get(window.state, 0) + 1
        inside = {"backend": window.backend, "started_at__gte": window.starts_at}
        ran = Job.objects.filter(instance=owner.instance, started_at__lt=window.ends_at, **inside)
        begun = ran.order_by("started_at").values_list("started_at", flat=True).first()
        if begun is not None:
            late.append((begun - window.starts_at).total_seconds() * 1e3)
        stopped += JobEvent.objects.filter(
            job__backend=window.backend, source="running", target="queued",
            at__gte=window.starts_at, at__lt=window.ends_at,
        ).exists()  # fmt: skip
    print(f"windows by state: {states}; {len(late)} in which the owner's jobs ran; "
          f"{stopped} at whose start a foreign job was stopped")  # fmt: skip
    shown = ", ".join(f"p{p} {percentile(late, p):.0f}" for p in (50, 95, 99))
    print(f"lateness of the owner's first job, ms: {shown}, most {max(late):.0f}")


if __name__ == "__main__":
    main()
