"""Turns whatever a program raised into a sentence for the job's owner."""

import re
import traceback

from quantumsvc.backends.execution.messages import Failed, Limits

JOB_FAILED = 5203
OUT_OF_MEMORY = 8024
RESULT_SIZE = 8025
REASON_MAX = 2000
TRACE_MAX = 15_000
MEBIBYTE = 1024 * 1024

_MEMORY_WORDS = re.compile(
    r"insufficient memory|cannot allocate memory|bad_alloc|unable to allocate|can't start new thread", re.I
)


def failure_of(error: BaseException, limits: Limits) -> Failed:
    """The failure to report for ``error``.

    A program's own errors are known by their two attributes, ``code`` and ``message``, so that no
    program has to be imported here.
    """
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if isinstance(error, MemoryError) or _MEMORY_WORDS.search(str(error)):
        return Failed(OUT_OF_MEMORY, _memory_sentence(limits))
    if isinstance(code, int) and isinstance(message, str):
        return Failed(int(code), message[:REASON_MAX])
    if isinstance(error, RecursionError):
        return Failed(JOB_FAILED, "The job failed: its payload or its circuits are nested too deeply.")
    return Failed(JOB_FAILED, f"The job failed with {type(error).__name__}: {error}"[:REASON_MAX])


def is_expected(error: BaseException) -> bool:
    """Whether a program foresaw this error, so that its traceback tells nobody anything."""
    return isinstance(getattr(error, "message", None), str) and isinstance(getattr(error, "code", None), int)


def trace_of(error: BaseException) -> str:
    """The end of the traceback, short enough for one log entry."""
    return "".join(traceback.format_exception(error, limit=-20))[-TRACE_MAX:]


def oversized(size: int, limits: Limits) -> Failed:
    """The failure for a result of ``size`` bytes."""
    return Failed(
        RESULT_SIZE,
        f"The result has {size} bytes; this backend gives back at most {limits.max_result_bytes}. "
        "Ask for fewer shots, pubs or parameter sets.",
    )


def _memory_sentence(limits: Limits) -> str:
    bound = f" ({limits.memory_bytes // MEBIBYTE} MiB)" if limits.memory_bytes else ""
    return f"The job needs more memory than it may use here{bound}: try fewer qubits, shots or pubs."
