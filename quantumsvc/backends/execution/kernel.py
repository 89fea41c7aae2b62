"""The few Linux calls that Python 3.11 has no name for. Elsewhere they answer False and do nothing."""

import ctypes
import functools
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int = 0, pointer: object = None) -> bool:
    """Set one attribute of this process; False when the kernel doesn't do it."""
    if sys.platform != "linux":
        return False
    zero = ctypes.c_ulong(0)
    target = zero if pointer is None else pointer
    return bool(_libc().prctl(option, ctypes.c_ulong(value), target, zero, zero) == 0)


def unshare(flags: int) -> bool:
    """Leave the namespaces that ``flags`` name; False when that isn't allowed here."""
    return sys.platform == "linux" and bool(_libc().unshare(flags) == 0)


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number; -1 when it fails."""
    return int(_libc().syscall(number, *arguments))


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """As mount(2). Raises OSError."""
    words = [word.encode() or None for word in (source, target, kind)]
    if _libc().mount(*words, ctypes.c_ulong(flags), data.encode() or None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def virtual_size(pid: int | str = "self") -> int:
    """The address space of a process in bytes; 0 when it can't be told."""
    return _pages(pid, 0)


def resident_size(pid: int | str = "self") -> int:
    """The resident memory of a process in bytes; 0 when it can't be told."""
    return _pages(pid, 1)


def _pages(pid: int | str, column: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
