"""Lets the unprivileged user reach the code when it lies in a folder closed to others, such as /root.

Nothing on disk changes: in a mount namespace of the pool's own, the closed folder is covered by an
empty one that holds only the code's folders. What else is in there becomes unreachable for jobs.
"""

import contextlib
import os
import stat
import sys
from pathlib import Path

from quantumsvc.backends.execution import kernel
from quantumsvc.backends.execution.confine import IMPORT_ROOT

MS_NOSUID_NODEV = 2 | 4
MS_BIND = 4096
MS_REC_PRIVATE = 16384 | (1 << 18)


def open_code_for_others() -> None:
    """Cover the closed folders above the code. Does nothing where there are none, or without the right to."""
    closed: dict[Path, set[Path]] = {}
    for folder in code_folders():
        if (above := closed_ancestor(folder)) is not None:
            closed.setdefault(above, set()).add(folder)
    if not closed or os.geteuid() != 0 or not kernel.unshare(kernel.CLONE_NEWNS):
        return
    before = os.umask(0o022)
    with contextlib.suppress(OSError):
        kernel.mount("none", "/", "", MS_REC_PRIVATE)
        for above, folders in closed.items():
            _cover(above, folders)
    os.umask(before)


def code_folders() -> set[Path]:
    """The folders that Python imports from, as real paths; none lies within another."""
    named = [
        sys.prefix,
        sys.base_prefix,
        str(IMPORT_ROOT),
        *sys.path,
        str(Path(sys.executable).resolve().parent),
    ]
    real = {Path(each).resolve() for each in named if each and os.path.isdir(each)}
    return {each for each in real if not any(other in real for other in each.parents)}


def closed_ancestor(folder: Path) -> Path | None:
    """The highest folder on the way to ``folder`` that others can't pass."""
    for above in reversed(folder.parents):
        if not above.stat().st_mode & stat.S_IXOTH:
            return above
    return None


def _cover(above: Path, folders: set[Path]) -> None:
    handles = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in folders}
    try:
        kernel.mount("none", str(above), "tmpfs", MS_NOSUID_NODEV, "mode=755,size=1m")
        for folder, handle in handles.items():
            folder.mkdir(parents=True)
            kernel.mount(f"/proc/self/fd/{handle}", str(folder), "", MS_BIND)
    finally:
        for handle in handles.values():
            os.close(handle)
