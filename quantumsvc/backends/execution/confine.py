"""Takes from a process everything that running a job doesn't need."""

import contextlib
import fcntl
import itertools
import os
import pwd
import resource
import signal
import sys
from pathlib import Path

from quantumsvc.backends.execution import kernel, seal
from quantumsvc.backends.execution.options import MEBIBYTE, PoolOptions

IMPORT_ROOT = Path(__file__).resolve().parents[3]
"""Where the package is imported from."""
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH")
SINGLE_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
FILE_BYTES_MAX = MEBIBYTE
OPEN_FILES_MAX = 64
PROCESSES_MAX = 512
"""Of the user as a whole, where it is a user of the pool's own: a bar for fork bombs."""


def clean_environment(found: dict[str, str], threads: int = 1) -> dict[str, str]:
    """The variables an execution process may have; ``threads`` are those that the simulator takes.

    One unless the operator says otherwise: several children that each take all cores are several times
    slower than the same children with one thread. Other libraries start their threads when they are
    imported, which is before the children are forked, so they get none.
    """
    kept = {name: found[name] for name in KEPT_VARIABLES if name in found}
    several = {**dict.fromkeys(SINGLE_THREAD_VARIABLES, "1"), "OMP_NUM_THREADS": str(threads)}
    folders = [each for each in kept.pop("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(each)]
    path = os.pathsep.join(dict.fromkeys([str(IMPORT_ROOT), *folders]))
    fixed = {
        "PYTHONPATH": path,
        "PYTHONSAFEPATH": "1",
        "QISKIT_PARALLEL": "FALSE",
        "HOME": "/",
    }
    return kept | several | fixed | {"PYTHONDONTWRITEBYTECODE": "1"}


def close_all_but(*keep: int) -> None:
    """Close every descriptor above standard error except these."""
    edges = [2, *sorted(keep), os.sysconf("SC_OPEN_MAX")]
    for low, high in itertools.pairwise(edges):
        os.closerange(low + 1, high)


def leave_network() -> bool:
    """Go where there is no network but a loopback that is down; False when the system forbids it."""
    if os.geteuid() == 0:
        return kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC)
    user, group = os.geteuid(), os.getegid()
    if not kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC):
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def drop_root(name: str) -> None:
    """Become ``name`` for good when started by root; exits when there is no such user."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        sys.exit(f"there is no user {name} to run jobs as: name another with --user")
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def confine_pool() -> None:
    """For the pool itself: no core dumps, no new privileges, not to be looked into by its children."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def confine_child(handoff: int, lifeline: int, pool: int, options: PoolOptions) -> None:
    """For a child, right after the fork: it dies with the pool and holds nothing of it."""
    os.setsid()
    close_all_but(handoff, lifeline)
    _mute()
    _die_with_pool(lifeline, pool)
    _offer_to_oom_killer()
    _limit(options)
    seal.seal(network=options.network)


def _mute() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _die_with_pool(lifeline: int, pool: int) -> None:
    """Two ways that need no Python to run: the simulator keeps the interpreter lock for a whole run.

    The signal's default action ends the process as soon as the pool's end of the pipe is closed.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != pool:
        os._exit(0)


def _offer_to_oom_killer() -> None:
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else the file belongs to root
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _limit(options: PoolOptions) -> None:
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES_MAX,
        resource.RLIMIT_NOFILE: OPEN_FILES_MAX,
        resource.RLIMIT_AS: kernel.virtual_size() + options.memory_mb * MEBIBYTE,
    }
    if os.geteuid() == _uid_of(options.user):
        bounds[resource.RLIMIT_NPROC] = PROCESSES_MAX
    for kind, value in bounds.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _uid_of(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None
