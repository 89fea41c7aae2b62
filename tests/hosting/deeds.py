"""Things that a worker does in the tests; each leaves a line in a file."""

import os
import time
from pathlib import Path

from quantumsvc.hosting.stopping import is_stopping


def note(path: str, word: str) -> None:
    """Append the word, this process's number and the time (seconds)."""
    with Path(path).open("a") as target:
        target.write(f"{word} {os.getpid()} {time.time():.6f}\n")


def linger(path: str, word: str, seconds: float) -> None:
    """Note the beginning, stay busy, note the end."""
    note(path, f"begin-{word}")
    time.sleep(seconds)
    note(path, f"end-{word}")


def linger_until_stopped(path: str, word: str) -> None:
    """Note the beginning, stay until the workers are asked to stop, note the end."""
    note(path, f"begin-{word}")
    while not is_stopping():
        time.sleep(0.02)
    note(path, f"end-{word}")
