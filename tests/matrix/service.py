"""A service with demo data, for as long as the matrix runs."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quantumsvc.hosting.record import read_record

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 180.0


@dataclass(frozen=True)
class Address:
    """Where the service answers, and whose key is used."""

    base: str
    token: str
    crn: str
    backend: str


@contextmanager
def known(folder: Path) -> Iterator[Address]:
    """A service that somebody else has started, and will stop."""
    yield address_of(folder)


def address_of(folder: Path) -> Address:
    """Where the service on this folder answers."""
    found = read_record(folder)
    assert found is not None, f"no service runs on {folder}"
    client = json.loads((folder / "demo-client.json").read_text())
    return Address(found.url, client["token"], client["instance"], client["backend"])


@contextmanager
def running() -> Iterator[Address]:
    """Start a service on a fresh folder and a free port, and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="quantumsvc-matrix-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", name, "--port", str(port)]
        ours = ("QUANTUMSVC_", "DATABASE_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=kept, cwd=ROOT)
        try:
            wait(process, folder)
            yield address_of(folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Until the service is ready; fails with its log when it ends or takes too long."""
    end = time.monotonic() + STARTS_WITHIN
    while (found := read_record(folder)) is None or not found.ready:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError((folder / "up.log").read_text())
        time.sleep(0.2)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
