"""``manage.py up``: everything on one machine, from nothing, until somebody stops it."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket

from django.conf import settings
from django.db import OperationalError

from quantumsvc.hosting import folders, preparation, record
from quantumsvc.hosting.parts import ChildPart, DatabasePart, Part, wait_for_end
from quantumsvc.hosting.pgprograms import DatabaseError
from quantumsvc.hosting.postgres import Postgres
from quantumsvc.hosting.service_client import NotReachable, banner, read_account
from quantumsvc.hosting.supervisor import StopSignals, Supervisor
from quantumsvc.hosting.web import command_for, listen

_HOST = "127.0.0.1"
_PREFIX_WIDTH = 11

# All that the pool's processes get to see of the environment: they run what strangers send.
_POOL_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH")
# A worker holds one child; beyond these, so many are kept warm for the instance they served last.
_KEPT_WARM = 8


class CannotStart(Exception):
    """The service can't start; the message says why and what to do."""


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    data_dir: Path
    port: int
    demo: bool


def say(name: str, text: str) -> None:
    """Print the lines with the part's name before each. A closed terminal is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        for line in text.splitlines() or [""]:
            print(f"{name:<{_PREFIX_WIDTH}}| {line}", flush=True)  # noqa: T201


def run_service(wish: Wish) -> int:
    """Run until a stop is asked for (0) or a part keeps ending (1).

    Raises ``CannotStart`` before anything of this run is left behind.
    """
    with _claimed(wish) as listener:
        stops = StopSignals()
        parts: list[Part] = []
        if settings.EMBEDDED_DATABASE:
            parts.append(DatabasePart(Postgres(wish.data_dir)))
        try:
            _prepare(wish, parts)
        except BaseException:
            for part in parts:
                part.ask_to_stop()
                wait_for_end(part, part.grace)
            raise
        parts += _children(wish, listener)
        return _supervise(wish, parts, stops)


@contextlib.contextmanager
def _claimed(wish: Wish) -> Iterator[socket]:
    """Hold the data folder and the port; nothing is started before both are ours."""
    try:
        folders.prepare(wish.data_dir)
        lock = record.take_lock(wish.data_dir)
    except (folders.FolderError, record.AlreadyRunning) as error:
        raise CannotStart(str(error)) from error
    with lock:
        for name in record.end_leftovers(wish.data_dir):
            say("up", f"Ended the part '{name}' that an earlier run left behind.")
        try:
            listener = listen(_HOST, wish.port)
        except OSError as error:
            raise CannotStart(
                f"Port {wish.port} can't be used ({error.strerror}). Something else may listen there; "
                "choose another with --port or QUANTUMSVC_PORT."
            ) from error
        with listener:
            yield listener


def _prepare(wish: Wish, parts: list[Part]) -> None:
    try:
        for part in parts:
            say("up", f"Starting the database in {wish.data_dir}.")
            part.start()
    except (DatabaseError, folders.FolderError) as error:
        raise CannotStart(str(error)) from error
    tell = partial(say, "up")
    try:
        preparation.apply_migrations(tell)
    except OperationalError as error:
        raise CannotStart(f"The database can't be used: {str(error).strip()}") from error
    preparation.collect_static_files(tell)
    if wish.demo:
        preparation.make_demo_data(tell)
    preparation.let_go_of_the_database()


def _children(wish: Wish, listener: socket) -> list[Part]:
    """Execution pools, workers, timekeeper and web server, in the order of their start."""
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    full = {
        # People try the demo with whatever client they have.
        **({"QUANTUMSVC_OLD_CLIENTS": "1"} if wish.demo else {}),
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "QUANTUMSVC_DATA": str(wish.data_dir),
        "QUANTUMSVC_PORT": str(wish.port),
    }
    workers = ChildPart("workers", [python, manage, "workers"], full, say, 8.0, settings.BASE_DIR)
    timekeeper = ChildPart("timekeeper", [python, manage, "timekeeper"], full, say, 3.0, settings.BASE_DIR)
    fd = listener.fileno()
    web = ChildPart("web", command_for(fd), full, say, 5.0, settings.BASE_DIR, keep_open=[fd])
    return [*pools(), workers, timekeeper, web]


def pools() -> list[ChildPart]:
    """The sealed pool, and the one whose children may open connections if the operator wants it."""
    parts = [_pool("pool", "--socket", settings.EXECUTION_SOCKET)]
    if settings.NETWORK_DRIVERS:
        parts.append(_pool("pool-net", "--network", "--socket", settings.EXECUTION_NETWORK_SOCKET))
    return parts


def _pool(name: str, *options: str) -> ChildPart:
    command = [sys.executable, "-m", "quantumsvc.backends.execution.pool", "--die-with-parent", *options]
    command += ["--threads", str(settings.CHILD_THREADS)]
    command += ["--max-children", str(settings.WORKERS + _KEPT_WARM)]
    return ChildPart(name, command, _pool_environment(), say, 3.0, settings.BASE_DIR)


def _pool_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _POOL_VARIABLES if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _supervise(wish: Wish, parts: list[Part], stops: StopSignals) -> int:
    base = f"http://{_HOST}:{wish.port}"
    written = record.new_record(wish.port, base)

    def note(is_ready: bool) -> None:
        written.parts = {part.name: known for part in parts if (known := part.identity()) is not None}
        written.ready = written.ready or is_ready
        record.write_record(wish.data_dir, written)
        if is_ready:
            say("up", _banner(base, wish.data_dir))

    supervisor = Supervisor(parts, port=wish.port, stops=stops, say=say, on_change=note)
    try:
        return supervisor.run()
    finally:
        record.record_path(wish.data_dir).unlink(missing_ok=True)


def _banner(base: str, data_dir: Path) -> str:
    try:
        account = read_account(data_dir)
    except NotReachable:
        account = None
    return banner(base, data_dir, account, is_default=data_dir == settings.DEFAULT_DATA_DIR)
