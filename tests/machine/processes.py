"""Real worker processes against the database of the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Self

from django.db import connection


class WorkerProcesses:
    """So many worker processes; ``with`` ends them, however many were killed and started anew meanwhile."""

    def __init__(self, number: int, *, seconds_per_job: float) -> None:
        self.seconds_per_job = seconds_per_job
        self.names = (f"w{index}" for index in count())
        # By the name under which they hold leases.
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for _ in range(number):
            self._start()

    def __enter__(self) -> Self:
        for process in self.running.values():
            wait_ready(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _start(self) -> None:
        name = next(self.names)
        command = [sys.executable, "-m", "tests.machine.looping", name, str(self.seconds_per_job)]
        environment = {**os.environ, "DATABASE_URL": database_url()}
        self.running[name] = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)

    def kill(self, name: str) -> None:
        """Kill one without a word, and start another in its place."""
        victim = self.running.pop(name)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        assert victim.stdout is not None
        victim.stdout.close()
        self._start()


def wait_ready(process: "subprocess.Popen[bytes]") -> None:
    """Return when the process has said that it looks at backends."""
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", "the worker process did not start"


def database_url() -> str:
    """Where this process's database is, for others."""
    names = connection.settings_dict
    host, port = names["HOST"] or "", names["PORT"] or ""
    password = f":{names['PASSWORD']}" if names["PASSWORD"] else ""
    if str(host).startswith("/"):
        return f"postgresql://{names['USER']}{password}@/{names['NAME']}?host={host}&port={port}"
    return f"postgresql://{names['USER']}{password}@{host}:{port}/{names['NAME']}"


def wait_until(condition: Callable[[], bool], seconds: float, then: Callable[[], object]) -> bool:
    """Call ``then`` every fiftieth of a second until the condition holds; False when it did not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        then()
        time.sleep(0.02)
    return condition()
