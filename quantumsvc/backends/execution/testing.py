"""A pool for tests: ``with running_pool(tmp_path) as pool: pool.client.lease("key")``."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quantumsvc.backends.execution.client import ExecutionPool, Lease
from quantumsvc.backends.execution.confine import IMPORT_ROOT
from quantumsvc.backends.execution.messages import Crashed, Event, Failed, Finished, Limits, NeedDevice, Task

START_SECONDS = 60.0


@dataclass
class RunningPool:
    """A started pool: its process, its socket and a client for it."""

    process: subprocess.Popen[bytes]
    socket_path: Path
    client: ExecutionPool


@contextmanager
def running_pool(
    folder: Path, *options: str, programs: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[RunningPool]:
    """Start a pool with its socket in ``folder``, wait until it serves, stop it afterwards.

    ``programs`` names a module to use instead of the product's programs and drivers; ``options`` are
    further arguments of the pool.
    """
    socket_path = folder / "pool.sock"
    words = ["--programs", programs, "--drivers", programs] if programs else []
    command = [sys.executable, "-m", "quantumsvc.backends.execution.pool", "--socket", str(socket_path)]
    process = subprocess.Popen(
        [*command, *words, *options], env={**os.environ, **(environment or {})}, cwd=IMPORT_ROOT
    )
    try:
        client = ExecutionPool(socket_path)
        _await_ready(process, socket_path, client)
        yield RunningPool(process, socket_path, client)
    finally:
        process.terminate()
        process.wait(10)


def _await_ready(process: subprocess.Popen[bytes], socket_path: Path, client: ExecutionPool) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not socket_path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the pool didn't start (exit code {process.returncode})")
        time.sleep(0.01)
    client.lease("", timeout=START_SECONDS).release()


def a_task(**changes: object) -> Task:
    """A task with generous limits; ``changes`` replace fields of the task or of its limits."""
    limits: dict[str, int] = {
        "max_shots": 100_000, "max_pubs": 100, "max_qubits": 30, "max_gates": 1_000_000, "max_work": 10**9,
        "max_inflated_bytes": 10**8, "max_result_bytes": 10**7,
        "memory_bytes": 2 * 1024**3, "cpu_seconds": 120,
    }  # fmt: skip
    fields: dict[str, object] = {
        "job_id": "job", "attempt": 1, "program": "sampler", "device": "device-1", "backend": "ring",
        "session_id": None, "seed": None, "log_level": "INFO", "dry_run": False,
    }  # fmt: skip
    for name, value in changes.items():
        (limits if name in limits else fields)[name] = value  # type: ignore[assignment]
    return Task(**fields, limits=Limits(**limits))  # type: ignore[arg-type]


def run_to_end(lease: Lease, task: Task, params: bytes = b"", *, device: bytes = b"{}") -> list[Event]:
    """All events of one task, answering for its device; the last one is its ending."""
    lease.start(task, params)
    return events_to_end(lease, device=device)


def events_to_end(lease: Lease, *, device: bytes = b"{}", seconds: float = 60.0) -> list[Event]:
    """The rest of the events of the task under way."""
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not (events and isinstance(events[-1], Finished | Failed | Crashed)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no ending; so far {events[-3:]}")
        for event in lease.wait(1.0):
            if isinstance(event, NeedDevice):
                lease.give_device(device)
            events.append(event)
    return events
