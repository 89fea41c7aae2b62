"""The whole service with one command: it starts from nothing, says what is wrong, leaves nothing behind."""

import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from quantumsvc.hosting.record import read_record
from quantumsvc.hosting.service_client import DemoAccount, write_account
from tests.hosting.conftest import make_data_dir

MANAGE = str(Path(__file__).resolve().parent.parent.parent / "manage.py")


def environment() -> dict[str, str]:
    """As in a shell in which nothing was set; the database is the embedded one."""
    unset = {"DATABASE_URL", "QUANTUMSVC_DATA", "QUANTUMSVC_PORT", "QUANTUMSVC_DB_POOL"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, "QUANTUMSVC_WORKERS": "1", "QUANTUMSVC_CHILD_THREADS": "2"}


def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, MANAGE, *arguments]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=180
    )


class Service:
    """A service run by ``manage.py up`` on a folder and a port of its own."""

    def __init__(self) -> None:
        # A folder that is missing, so that the first to make it is whoever needs it first.
        self.above = make_data_dir()
        self.above.chmod(0o755)
        self.data_dir = self.above / "data"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.log = self.above / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, MANAGE, "up", "--no-demo", *self.where()]
        with self.log.open("ab") as log:
            self.process = self._run(command, log)
        end = time.monotonic() + 180
        while (found := read_record(self.data_dir)) is None or not (found.ready and found.is_running()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def _run(self, command: list[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, env=environment(), stdout=log, stderr=log, start_new_session=True)

    def where(self) -> list[str]:
        return ["--data", str(self.data_dir), "--port", str(self.port)]

    def part(self, name: str) -> int:
        found = read_record(self.data_dir)
        assert found is not None
        return found.parts[name][0]

    def ask(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        finally:
            connection.close()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def left_processes(self) -> list[str]:
        """Command lines of all processes that know this folder or descend from this service."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.data_dir) in words:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        return found


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    running = Service()
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
    shutil.rmtree(running.above, ignore_errors=True)


def client_json(service: Service, *more: str) -> dict[str, Any]:
    done = manage("client", "--json", "--data", str(service.data_dir), *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_serves_from_an_empty_folder(service: Service) -> None:
    assert service.ask() == 200


def test_it_gives_the_pool_a_child_for_each_worker_and_some_to_keep_warm(service: Service) -> None:
    words = Path(f"/proc/{service.part('pool')}/cmdline").read_text().split("\0")
    assert words[words.index("--max-children") + 1] == "9"


def test_it_gives_each_simulation_its_threads(service: Service) -> None:
    assert "OMP_NUM_THREADS=2" in Path(f"/proc/{service.part('pool')}/environ").read_text().split("\0")


def test_it_prints_nothing_of_the_libraries_steps_at_the_start(service: Service) -> None:
    assert "Pass: " not in service.log.read_text()


def test_it_closes_the_data_folder_to_all_but_the_databases_user(service: Service) -> None:
    assert stat.S_IMODE(service.data_dir.stat().st_mode) & 0o067 == 0
    assert stat.S_IMODE((service.data_dir / "secret-key").stat().st_mode) == 0o600


def test_it_refuses_to_run_twice_on_the_same_data_and_says_who_runs(service: Service) -> None:
    again = manage("up", *service.where())
    assert again.returncode == 2
    assert f"already runs on {service.data_dir}" in again.stderr
    assert f"http://127.0.0.1:{service.port}" in again.stderr


def test_it_refuses_a_port_that_is_taken_and_starts_nothing(service: Service, data_dir: Path) -> None:
    other = manage("up", "--data", str(data_dir), "--port", str(service.port))
    assert other.returncode == 2
    assert f"Port {service.port} can't be used" in other.stderr
    assert not (data_dir / "database").exists()


def test_it_says_that_there_is_no_demo_account(service: Service) -> None:
    told = manage("client", "--json", "--data", str(service.data_dir))
    assert told.returncode == 2
    assert told.stdout == ""
    assert "no demo account" in told.stderr


def test_it_tells_a_client_the_port_of_the_running_service(service: Service) -> None:
    write_account(service.data_dir, DemoAccount("qs_x", "crn:v1:a", "demo_nairobi"))
    assert client_json(service)["url"] == f"http://127.0.0.1:{service.port}/experimental"
    assert client_json(service, "--instance", "crn:v1:b")["instance"] == "crn:v1:b"
    unknown = manage("client", "--data", str(service.data_dir), "--instance", "nobody's")
    assert unknown.returncode == 2
    assert "no instance named" in unknown.stderr


def test_it_refuses_no_caller_while_the_web_server_is_started_again(service: Service) -> None:
    os.kill(service.part("web"), signal.SIGKILL)
    assert service.ask() == 200
    assert "The part 'web' ended (killed by SIGKILL)" in service.log.read_text()


def test_it_says_that_nothing_runs_when_nothing_runs(data_dir: Path) -> None:
    told = manage("client", "--data", str(data_dir))
    assert told.returncode == 2
    assert f"No service runs on {data_dir}" in told.stderr


def test_it_starts_again_after_it_was_killed_and_leaves_nothing_after_a_stop(service: Service) -> None:
    assert service.process is not None
    service.process.kill()
    service.process.wait()
    service.start()
    assert service.ask() == 200
    shown = [line for line in service.log.read_text().splitlines() if "eval" in line]
    exported = subprocess.run(
        ["sh", "-c", shown[-1].partition("|")[2] + '\necho "$QISKIT_IBM_TOKEN $QISKIT_IBM_URL"'],
        capture_output=True, text=True, check=True, env=environment(), timeout=120,
    ).stdout  # fmt: skip
    assert exported.split() == ["qs_x", f"http://127.0.0.1:{service.port}/experimental"]
    assert "Applying" not in service.log.read_text().rpartition("Starting the database")[2]
    assert service.stop() == 0
    assert service.left_processes() == []
    assert read_record(service.data_dir) is None
