"""Small facts about processes: who a number belongs to, how to tie a child to its parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1

# Looked up before any fork: a child between fork and exec must not import or allocate much.
_prctl: Callable[..., int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Let the kernel send this process ``number`` when its parent dies. Does nothing outside Linux.

    "Parent" is the *thread* that made this process, so children are started from a thread that stays.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(number))


def start_mark(pid: int) -> str | None:
    """When process ``pid`` started, in a form that only compares equal for the same process.

    ``None`` when there is no such process (a zombie counts as gone) or nothing can be known.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in "ZX" else f"{_boot_id()}/{after_name[19]}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def members_of_session(session: int) -> list[int]:
    """Process ids of this user's processes in ``session``, zombies left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def signal_session(session: int, number: int) -> None:
    """Send ``number`` to everything in the session (and process group) that ``session`` leads."""
    for send, target in [(os.killpg, session), *((os.kill, pid) for pid in members_of_session(session))]:
        try:
            send(target, number)
        except (ProcessLookupError, PermissionError):
            continue


def describe_exit(code: int) -> str:
    """A process's end in words: its exit code, or the signal that killed it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
