"""Says in a sentence how a child died."""

import os
import signal

from quantumsvc.backends.execution.messages import ChildGone, Crashed

MEBIBYTE = 1024 * 1024


def of(gone: ChildGone) -> Crashed:
    """The crash that the pool's word about a dead child means."""
    if not os.WIFSIGNALED(gone.status):
        code = os.waitstatus_to_exitcode(gone.status)
        return Crashed(f"The job's process ended by itself with exit code {code}.", "exit")
    number = os.WTERMSIG(gone.status)
    if gone.asked:
        return Crashed("The job's process was stopped.", "killed")
    if number == signal.SIGXCPU:
        return Crashed("The job used up the processor time it may take on this backend.", "cpu")
    if number == signal.SIGKILL:
        size = gone.peak_bytes // MEBIBYTE
        return Crashed(
            f"The job's process was killed from outside at {size} MiB: most likely the machine ran out of "
            "memory.",
            "memory",
        )
    return Crashed(f"The job's process crashed ({_name(number)}).", "signal")


def hung_up() -> Crashed:
    """For a child that closed its socket and went on living."""
    return Crashed("The job's process broke the protocol: it hung up.", "protocol")


def pool_lost() -> Crashed:
    """For the end of the pool, with which all its children end."""
    return Crashed("The execution pool ended while the job ran.", "pool")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
