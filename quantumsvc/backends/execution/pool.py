"""The execution host: ``python -m quantumsvc.backends.execution.pool --socket PATH``.

It starts in two steps. The first, perhaps as root and with the service's secrets in its environment,
binds the socket, leaves the network, gives up root and then replaces itself: so the second never had
a secret in its memory, and ``/proc/PID/environ`` of it and of every child shows none.
"""

import gc
import importlib
import logging
import os
import resource
import socket
import sys
import tempfile
from pathlib import Path

from quantumsvc.backends.execution import confine, kernel, reach
from quantumsvc.backends.execution.options import PoolOptions, parse

logger = logging.getLogger("quantumsvc.execution")


def main() -> None:
    """Be the first step, or the second when there is a bound listener already."""
    options = parse(sys.argv[1:])
    if options.listener < 0:
        launch(options)
    else:
        serve(options)


def launch(options: PoolOptions) -> None:
    """Shed everything and become the second step; never returns."""
    listener = bind(options.socket)
    confine.close_all_but(listener.fileno())
    listener.set_inheritable(True)
    enter_empty_place(options.socket)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not options.network and not confine.leave_network():
        say("no network namespace may be made here: jobs are kept off the network by their call filter alone")
    reach.open_code_for_others()
    confine.drop_root(options.user)
    environment = confine.clean_environment(dict(os.environ), options.threads)
    module = "quantumsvc.backends.execution.pool"
    words = [sys.executable, "-m", module, *options.argv(listener.fileno())]
    try:
        os.execve(sys.executable, words, environment)
    except PermissionError:
        sys.exit(
            f"the user {options.user} can't run {Path(sys.executable).resolve()}: install Python and "
            "the service outside of closed folders such as /root, or start it as an ordinary user"
        )


def bind(path: Path) -> socket.socket:
    """A listener at ``path`` that only the user who starts the pool can connect to.

    Exits when another pool answers there; a socket file that nobody serves is replaced.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            sys.exit(f"a pool is already running at {path}")
    unready = path.with_name(path.name + ".new")
    unready.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    listener.bind(str(unready))
    os.umask(before)
    listener.listen(64)
    unready.rename(path)  # so that a socket which can be seen can be connected to
    return listener


def enter_empty_place(path: Path) -> None:
    """Make an empty folder beside the socket the working folder."""
    empty = path.with_name(path.name + ".empty")
    empty.mkdir(exist_ok=True)
    empty.chmod(0o555)
    os.chdir(empty)


def serve(options: PoolOptions) -> None:
    """Import everything that children need, once, then lease children until told to stop."""
    from quantumsvc.backends.execution.running import TaskRunner
    from quantumsvc.backends.execution.zygote import Pool

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if options.die_with_parent:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 15)
    os.set_inheritable(options.listener, False)
    confine.confine_pool()
    programs = importlib.import_module(options.programs)
    drivers = importlib.import_module(options.drivers)
    if (preload := getattr(programs, "preload", None)) is not None:
        preload()
    # Libraries ask where temporary files go, which is found out by writing one: no sealed child can.
    tempfile.tempdir = "/tmp"
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=options.listener)
    say(f"execution pool ready at {options.socket}")
    Pool(listener, options, TaskRunner(programs.run_program, drivers.build_device)).run()


def say(sentence: str) -> None:
    """Tell whoever started the pool."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
