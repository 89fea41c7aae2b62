"""What is written down about the running service: who runs it, at which address, as which processes.

The lock says that somebody runs on a data folder; the record says who, and lets the next start end
what a killed one left behind.
"""

import fcntl
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from quantumsvc.hosting.folders import run_dir
from quantumsvc.hosting.processes import members_of_session, signal_session, start_mark

_LEFTOVER_SECONDS = 10.0


class AlreadyRunning(Exception):
    """Somebody else runs the service on this data folder; the message says who."""


@dataclass
class Record:
    """``parts`` maps a part's name to its process id and start mark. ``url`` has no path."""

    pid: int
    mark: str | None
    port: int
    url: str
    ready: bool = False
    parts: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def is_running(self) -> bool:
        """Whether the process that wrote this still lives."""
        return _is_same(self.pid, self.mark)


def record_path(data_dir: Path) -> Path:
    """The file of the record."""
    return run_dir(data_dir) / "service.json"


def read_record(data_dir: Path) -> Record | None:
    """The last record, whether its service still runs or not; ``None`` when there is none."""
    try:
        found: dict[str, Any] = json.loads(record_path(data_dir).read_text())
        parts = {name: (int(pid), mark) for name, (pid, mark) in found.pop("parts").items()}
        return Record(**found, parts=parts)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_record(data_dir: Path, record: Record) -> None:
    """Replace the record in one step, so that a reader never sees half of it."""
    path = record_path(data_dir)
    half = path.with_suffix(".new")
    half.write_text(json.dumps(asdict(record)))
    half.replace(path)


def new_record(port: int, url: str) -> Record:
    """A record of the present process."""
    return Record(pid=os.getpid(), mark=start_mark(os.getpid()), port=port, url=url)


def take_lock(data_dir: Path) -> IO[str]:
    """Become the one service on ``data_dir`` for as long as the returned file is open.

    Raises ``AlreadyRunning``. The lock goes away with its holder, however that ends.
    """
    lock = (data_dir / "up.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadyRunning(_who_runs(data_dir)) from None
    return lock


def _who_runs(data_dir: Path) -> str:
    record = read_record(data_dir)
    who = f" (process {record.pid}, {record.url})" if record and record.is_running() else ""
    return (
        f"The service already runs on {data_dir}{who}. Stop it first, or give this one another --data folder."
    )


def end_leftovers(data_dir: Path) -> list[str]:
    """Kill the parts that a killed service left behind; their names. Call it with the lock held.

    The database isn't among them: it knows its own, and gets the time to stop in order.
    """
    record = read_record(data_dir)
    if record is None:
        return []
    left = {name: pid for name, (pid, mark) in record.parts.items() if _may_be_left(pid, mark)}
    for pid in left.values():
        signal_session(pid, signal.SIGKILL)
    end = time.monotonic() + _LEFTOVER_SECONDS
    while time.monotonic() < end and any(members_of_session(pid) for pid in left.values()):
        time.sleep(0.02)
    return list(left)


def _may_be_left(pid: int, mark: str | None) -> bool:
    """Whether the session of ``pid`` is still the one of that record.

    A process that leads it answers by its start mark. When only its members live, the number can't
    have been given to anybody else meanwhile, but only within the same boot of the machine.
    """
    if mark is None:
        return False
    if (found := start_mark(pid)) is not None:
        return found == mark
    return mark.split("/")[0] == (start_mark(os.getpid()) or "").split("/")[0] and bool(
        members_of_session(pid)
    )


def _is_same(pid: int, mark: str | None) -> bool:
    if mark is not None:
        return start_mark(pid) == mark
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
