"""Looks at processes from outside."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that only waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def seconds_until(condition: Callable[[], bool], limit: float = 60.0) -> float:
    """How long it took for the condition to hold; fails after ``limit`` seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit, "it never happened"
        time.sleep(0.002)
    return time.monotonic() - began


def children_of(pid: int) -> list[int]:
    """The process ids of the living children."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in listed if not is_gone(int(each))]


def processor_seconds(pid: int) -> float:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
