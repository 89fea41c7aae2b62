"""Programs and devices for the tests of execution: small, rude or hungry, as ``params`` says."""

import ctypes
import json
import logging
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from quantumsvc.backends.execution.caches import CountingCache
from quantumsvc.backends.execution.messages import Task
from quantumsvc.backends.execution.reporting import ChannelReporter


class Told(Exception):
    """An error as the real programs raise them."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def build_device(document: bytes) -> dict[str, Any]:
    """The document, and a number that differs for each build."""
    return {"document": document.decode(), "built": random.getrandbits(64)}


def run_program(
    task: Task, params: bytes, device: dict[str, Any], reporter: ChannelReporter, cache: CountingCache
) -> bytes:
    """Do the action that the first word of ``params`` names; the rest are its arguments."""
    action, *words = params.decode().split(" ", 1)
    reporter.phase("executing")
    value = ACTIONS[action](words[0] if words else "", task, device, reporter, cache)
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _spin(*_: object) -> None:
    while True:
        pass


def _fill(word: str, *_: object) -> int:
    return len(bytearray(int(word)))


def _aer(word: str, *_: object) -> None:
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    circuit = QuantumCircuit(int(word))
    for _depth in range(40):
        circuit.h(range(int(word)))
    circuit.measure_all()
    result = AerSimulator(method="statevector").run(circuit, shots=10).result()
    if not result.success:
        raise RuntimeError(result.status)


def _log(word: str, task: Task, device: object, reporter: ChannelReporter, cache: object) -> None:
    logging.getLogger("qiskit.tests").info("a record at %s", "info")
    logging.getLogger("qiskit.tests").debug("a record at debug")
    reporter.log("ERROR", "a line with \0 in it")
    reporter.progress(1, 2)
    reporter.metric("depth", 3)
    for _ in range(int(word or 0)):
        reporter.log("ERROR", "x" * 10_000)


def _cache(word: str, task: Task, device: object, reporter: object, cache: CountingCache) -> str:
    return cache.get_or_make("kind", word, lambda: f"{word} by {task.job_id}")


def _raise(word: str, *_: object) -> None:
    kinds: dict[str, BaseException] = {
        "told": Told(7000, "That gate isn't in the basis."),
        "unexpected": ZeroDivisionError("one by none"),
        "exit": SystemExit(3),
        "memory": RuntimeError("ERROR: Insufficient memory to run circuit"),
    }
    raise kinds[word]


def _nest(*_: object) -> None:
    _nest()


def _garbage(word: str, *_: object) -> None:
    """Write past the reporter, as code that took over the process would."""
    for descriptor in range(3, 64):
        try:
            end = socket.socket(fileno=os.dup(descriptor))
            end.getpeername()
            end.send(bytes.fromhex(word))
        except OSError:
            continue
    time.sleep(30)


def _flood(word: str, task: object, device: object, reporter: ChannelReporter, cache: object) -> None:
    while True:
        reporter.metric("x", "y" * 1000)


def _hang_up(*_: object) -> None:
    os.closerange(3, 64)
    time.sleep(30)


def _echo_later(word: str, task: object, device: object, reporter: object, cache: object) -> bytes:
    """End well, then send bytes when the task is over already."""
    for descriptor in range(3, 64):
        try:
            end = socket.socket(fileno=os.dup(descriptor))
            end.getpeername()
        except OSError:
            continue
        threading.Timer(0.1, end.send, [bytes.fromhex(word)]).start()
    return b""


def _work(word: str, *_: object) -> None:
    until = time.process_time() + float(word)
    while time.process_time() < until:
        pass


def _network(word: str, *_: object) -> str:
    host, port = word.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=2)
    except OSError as error:
        return type(error).__name__
    return "connected"


def _try_call(word: str, *_: object) -> str:
    """Try something that a job has no business doing; the answer is what became of it."""
    tries: dict[str, Callable[[], object]] = {
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
        "kill_pool": lambda: os.kill(os.getppid(), signal.SIGKILL),
        "socket": lambda: socket.socket(socket.AF_UNIX),
        "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "serve": lambda: socket.create_server(("127.0.0.1", 0)),
        "file": lambda: open("/tmp/left-by-a-job", "w").close(),
        "raise_memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (2**50, 2**50)),
        "trace": lambda: _checked(ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)),
    }
    try:
        tries[word]()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "done"


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "refused")


def _facts(*_: object) -> dict[str, object]:
    return {
        "environment": dict(os.environ),
        "uid": os.getuid(),
        "groups": os.getgroups(),
        "stdout": os.readlink("/proc/self/fd/1"),
        "open": [
            os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if _is_open(each)
        ],
        "threads": len(os.listdir("/proc/self/task")),
        "random": random.getrandbits(64),
        "modules": [name for name in ("django", "psycopg") if name in sys.modules],
    }


def _is_open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


ACTIONS: dict[str, Callable[..., object]] = {
    "noop": lambda *_: b"",
    "say": lambda word, *_: word.encode(),
    "device": lambda word, task, device, *_: device,
    "spin": _spin,
    "sleep": lambda word, *_: time.sleep(float(word)),
    "fill": _fill,
    "aer": _aer,
    "big": lambda word, *_: bytes(int(word)),
    "log": _log,
    "cache": _cache,
    "raise": _raise,
    "nest": _nest,
    "garbage": _garbage,
    "flood": _flood,
    "hang-up": _hang_up,
    "echo-later": _echo_later,
    "work": _work,
    "network": _network,
    "try": _try_call,
    "facts": _facts,
    "die": lambda word, *_: os._exit(int(word)),
    "signal": lambda word, *_: signal.raise_signal(signal.Signals[word]),
}
