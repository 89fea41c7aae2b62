"""How a pool is started."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """``memory_mb`` is the most a child may take beyond the warm state it is forked with, whatever a
    task asks for. A child is recycled after ``max_jobs`` jobs, at ``rss_mb`` of resident memory (0: no
    mark) or when nobody leased it for ``idle_seconds``. ``threads`` are those of
    one simulation. With ``network``, children may open connections: for drivers that talk to their device.
    """

    socket: Path
    max_children: int = 8
    spares: int = 1
    threads: int = 1
    memory_mb: int = 8192
    max_jobs: int = 500
    rss_mb: int = 1024
    idle_seconds: float = 600
    user: str = "nobody"
    programs: str = "quantumsvc.backends.programs"
    drivers: str = "quantumsvc.backends.drivers"
    network: bool = False
    die_with_parent: bool = False
    listener: int = -1

    def argv(self, listener: int) -> list[str]:
        """The same options as arguments, for a process that inherits the bound ``listener``."""
        words: list[str] = []
        for field in fields(self):
            value = listener if field.name == "listener" else getattr(self, field.name)
            flag = "--" + field.name.replace("_", "-")
            if isinstance(value, bool):
                words += [flag] if value else []
            else:
                words += [flag, str(value)]
        return words


def parse(argv: list[str]) -> PoolOptions:
    """Options from the command line; exits with a usage message when they make no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m quantumsvc.backends.execution.pool",
        description="Hold warm child processes that run jobs, apart from everything else.",
    )
    known = PoolOptions(socket=Path())
    add = parser.add_argument
    add("--socket", type=Path, required=True, help="unix socket that workers connect to")
    add("--max-children", type=int, default=known.max_children, help="children at one time")
    add("--spares", type=int, default=known.spares, help="children forked ahead of need")
    add("--threads", type=int, default=known.threads, help="threads that one simulation may use")
    add("--memory-mb", type=int, default=known.memory_mb, help="the most a job may take, in MiB")
    add("--max-jobs", type=int, default=known.max_jobs, help="recycle a child after so many jobs")
    add("--rss-mb", type=int, default=known.rss_mb, help="recycle a child of this resident size (0: never)")
    add("--idle-seconds", type=float, default=known.idle_seconds, help="end a child unused for so long")
    add("--user", default=known.user, help="whom to run as when started by root")
    add("--programs", default=known.programs, help="module with run_program(), instead of the product's")
    add("--drivers", default=known.drivers, help="module with build_device(), instead of the product's")
    add("--network", action="store_true", help="let children open connections, for drivers of real devices")
    add("--die-with-parent", action="store_true", help="end when the process that started it ends")
    add("--listener", type=int, default=known.listener, help=argparse.SUPPRESS)
    return PoolOptions(**vars(parser.parse_args(argv)))
