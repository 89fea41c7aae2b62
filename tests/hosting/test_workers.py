"""Tasks arrive once and soon, and a death among the workers never leaves the others waiting for ever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, transaction
from django_q.tasks import async_task

from quantumsvc.hosting.cluster import EXIT_START_AGAIN
from quantumsvc.hosting.processes import members_of_session

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[], "subprocess.Popen[bytes]"]


class Notes:
    """The file in which tasks leave their lines, and waiting for one to appear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()]

    def wait_for(self, word: str, seconds: float = 60.0) -> tuple[int, float]:
        """Process id and time of the note; fails after ``seconds``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for found, pid, at in self.lines():
                if found == word:
                    return int(pid), float(at)
            time.sleep(0.002)
        raise AssertionError(f"{word} was never noted: {self.lines()}")


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture
def start_workers() -> Iterator[Start]:
    """Starts two workers on the tests' database; all that is left of them is killed afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.hosting.run_workers"]
        started.append(subprocess.Popen(command, env=environment(), start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        for pid in members_of_session(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def environment() -> dict[str, str]:
    here: dict[str, Any] = connection.settings_dict
    who = quote(here["USER"]) + (f":{quote(here['PASSWORD'])}" if here["PASSWORD"] else "")
    where = f"?host={quote(here['HOST'])}" + (f"&port={here['PORT']}" if here["PORT"] else "")
    url = f"postgresql://{who}@/{quote(here['NAME'])}{where}"
    return {**os.environ, "DATABASE_URL": url, "QUANTUMSVC_SECRET_KEY": settings.SECRET_KEY}


def send(deed: str, notes: Notes, *rest: object) -> None:
    async_task(f"tests.hosting.deeds.{deed}", str(notes.path), *rest, save=False)


def test_it_begins_a_task_at_once(start_workers: Start, notes: Notes) -> None:
    start_workers()
    send("note", notes, "warm")
    notes.wait_for("warm")
    waits = []
    for number in range(10):
        time.sleep(0.05)
        sent = time.time()
        send("note", notes, f"n{number}")
        waits.append(notes.wait_for(f"n{number}")[1] - sent)
    # Typically 4 ms; a poll would need a second. Wide, because test machines are busy.
    assert sorted(waits)[5] < 0.5


def test_it_sends_nothing_from_a_transaction_that_is_rolled_back(start_workers: Start, notes: Notes) -> None:
    start_workers()
    with transaction.atomic():
        send("note", notes, "never")
        transaction.set_rollback(True)
    send("note", notes, "later")
    notes.wait_for("later")
    assert [line[0] for line in notes.lines()] == ["later"]


def test_it_does_not_let_a_task_wait_behind_a_long_one_while_a_worker_is_free(
    start_workers: Start, notes: Notes
) -> None:
    start_workers()
    start_workers()
    for number in range(3):
        send("linger", notes, f"long{number}", 60.0)
        notes.wait_for(f"begin-long{number}")
    send("note", notes, "short")
    notes.wait_for("short", seconds=30.0)


def test_it_ends_as_a_whole_when_an_idle_worker_is_killed_and_the_next_start_does_the_rest(
    start_workers: Start, notes: Notes
) -> None:
    cluster = start_workers()
    send("note", notes, "first")
    worker, _ = notes.wait_for("first")
    time.sleep(0.2)
    os.kill(worker, signal.SIGKILL)
    assert cluster.wait(60) == EXIT_START_AGAIN
    send("note", notes, "second")
    start_workers()
    notes.wait_for("second")


def test_it_goes_on_when_a_busy_worker_is_killed(start_workers: Start, notes: Notes) -> None:
    cluster = start_workers()
    send("linger", notes, "doomed", 60.0)
    worker, _ = notes.wait_for("begin-doomed")
    time.sleep(0.2)
    os.kill(worker, signal.SIGKILL)
    for number in range(2):
        send("linger", notes, f"n{number}", 5.0)
    # Both at once: the killed one's slot is free again.
    begun = [notes.wait_for(f"begin-n{number}")[1] for number in range(2)]
    assert abs(begun[0] - begun[1]) < 4
    assert cluster.poll() is None
    assert [line[0] for line in notes.lines()].count("begin-doomed") == 1


def test_it_keeps_its_capacity_when_tasks_can_not_be_imported(start_workers: Start, notes: Notes) -> None:
    cluster = start_workers()
    for _ in range(3):
        async_task("tests.hosting.unimportable.deed", save=False)
    send("note", notes, "good")
    notes.wait_for("good")
    assert cluster.poll() is None


def test_it_takes_all_its_processes_along_when_it_is_killed(start_workers: Start, notes: Notes) -> None:
    cluster = start_workers()
    send("linger", notes, "doomed", 60.0)
    notes.wait_for("begin-doomed")
    assert len(members_of_session(cluster.pid)) >= 5
    cluster.kill()
    cluster.wait()
    end = time.monotonic() + 60
    while members_of_session(cluster.pid):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_lets_a_long_task_know_that_it_should_leave(start_workers: Start, notes: Notes) -> None:
    cluster = start_workers()
    send("linger_until_stopped", notes, "drain")
    notes.wait_for("begin-drain")
    cluster.send_signal(signal.SIGTERM)
    assert cluster.wait(60) == 0
    notes.wait_for("end-drain")


def test_it_goes_on_after_its_connections_were_cut(start_workers: Start, notes: Notes) -> None:
    cluster = start_workers()
    send("note", notes, "before")
    notes.wait_for("before")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= 1
    send("note", notes, "after")
    notes.wait_for("after")
    assert cluster.poll() is None
