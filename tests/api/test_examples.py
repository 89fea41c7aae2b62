"""The examples do what they say, against a whole service, in a shell made ready as the README says."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import playwright
import pytest

from quantumsvc.hosting.record import read_record

ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
# The data folder lies right below the temporary one, where the database's user can enter.
PREFIX = "quantumsvc-examples-"


def bare_environment(home: Path) -> dict[str, str]:
    """As in a new shell of a user who never saved an account; nothing of the tests' own database."""
    ours = ("QUANTUMSVC_", "QISKIT_", "DATABASE_URL", "IAM_URL", "GLOBAL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "QUANTUMSVC_WORKERS": "2", "PYTHONWARNINGS": "ignore"}


@dataclass
class Service:
    """A service with demo data, started by ``manage.py up`` on a folder of its own."""

    folder: Path
    environment: dict[str, str]

    def wait(self, process: "subprocess.Popen[bytes]") -> None:
        """Until it answers; fails with what it printed when it doesn't."""
        end = time.monotonic() + 240
        while (found := read_record(self.folder)) is None or not found.ready:
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def in_shell(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a shell that was made ready by the line of the README."""
        client = shlex.join([*MANAGE, "client", "--shell", "--data", str(self.folder)])
        words = ["sh", "-c", f'eval "$({client})" && exec {command}']
        return self.run(words, self.environment)

    def run(self, words: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT
        )

    def example(self, name: str) -> str:
        """What an example prints; it must end well."""
        done = self.in_shell(f"{shlex.quote(sys.executable)} examples/{name}.py")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    home = Path(tempfile.mkdtemp(prefix=PREFIX))
    running = Service(folder, bare_environment(home))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [*MANAGE, "up", "--data", str(folder), "--port", str(port)]
    with running.log.open("wb") as log:
        process = subprocess.Popen(
            words, env=running.environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        running.wait(process)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)
        for each in (folder, home):
            shutil.rmtree(each, ignore_errors=True)


def test_it_runs_a_first_job(service: Service) -> None:
    printed = service.example("first_job")
    assert "on demo_nairobi" in printed
    assert "'00'" in printed
    assert "'11'" in printed


def test_it_runs_a_variational_loop_in_a_session(service: Service) -> None:
    printed = service.example("session_vqe")
    assert "step 15" in printed
    assert float(printed.partition("found ")[2].split()[0]) < -1.1
    assert "max_time: 1500" in printed
    assert "status: In progress, accepting new jobs" in printed
    assert "status: Closed" in printed
    assert "DONE" in printed
    assert "the instance has used" in printed


def test_it_runs_independent_jobs_in_a_batch(service: Service) -> None:
    printed = service.example("batch")
    shares = [float(line.split()[-5]) for line in printed.splitlines() if "all agreed" in line]
    assert len(shares) == 4
    assert min(shares) > 70
    assert "batch: Closed" in printed


def test_it_runs_unchanged_programs_with_a_saved_account(service: Service) -> None:
    saving = (
        "import os; from qiskit_ibm_runtime import QiskitRuntimeService as S; "
        "S.save_account(channel='ibm_quantum_platform', url=os.environ['QISKIT_IBM_URL'], "
        "token=os.environ['QISKIT_IBM_TOKEN'], instance='open-lab', set_as_default=True)"
    )
    done = service.in_shell(f"{shlex.quote(sys.executable)} -c {shlex.quote(saving)}")
    assert done.returncode == 0, done.stderr
    found = read_record(service.folder)
    assert found is not None
    three = {
        "IAM_URL": found.url,
        "GLOBAL_SEARCH_URL": found.url,
        "GLOBAL_CATALOG_URL": f"{found.url}/catalog",
    }
    again = service.run([sys.executable, "examples/first_job.py"], {**service.environment, **three})
    assert again.returncode == 0, again.stderr
    assert "'11'" in again.stdout


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("sh examples/rest/session.sh", ["Completed", '"total_count":', "charged: "]),
        ("{python} examples/rest/session.py", ["angle 3.14", "is closed and cost", "the instance has used"]),
        ("{node} examples/rest/session.mjs", ["counts {", "is closed and cost", "tags javascript"]),
    ],
    ids=["curl", "python", "javascript"],
)
def test_it_runs_without_qiskit(service: Service, command: str, told: list[str]) -> None:
    done = service.in_shell(command.format(python=shlex.quote(sys.executable), node=shlex.quote(node())))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each for each in told if each not in done.stdout] == []


def node() -> str:
    """The machine's own, or the one that comes with Playwright."""
    return shutil.which("node") or str(Path(playwright.__file__).parent / "driver" / "node")


@pytest.mark.slow
def test_it_frees_the_backend_when_a_large_job_is_cancelled(service: Service) -> None:
    printed = service.example("cancel_28_qubits")
    assert "cancelled: CANCELLED" in printed
    assert float(printed.partition("the next job is ")[2].split()[2]) < 3.0


@pytest.mark.slow
def test_it_calibrates_by_the_client_and_a_job_sees_the_difference(service: Service) -> None:
    printed = service.example("calibrator")
    before, after = printed.partition("after: ")[::2]
    assert "calibrated demo_nairobi by job" in before
    off = [abs(int(line.rpartition(",")[2].strip(" %"))) for line in after.splitlines() if "seen" in line]
    assert len(off) == 3
    assert max(off) < 25, "what the properties tell is what a job sees"
    sets = [line.rpartition("set of ")[2] for line in after.splitlines() if "ran under" in line]
    assert sets[0] < sets[1]
