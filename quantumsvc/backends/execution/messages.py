"""What a worker and an execution child say to each other, as plain values.

Everything a child sends is untrusted: the worker decodes it with these types only (see
``frames``), so each text field has a bound here. Times are unix seconds, sizes are bytes.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Word = Annotated[str, Meta(max_length=64)]
"""A short name: of a metric, a level or a key."""

Line = Annotated[str, Meta(max_length=16_000)]
"""One log entry or one reason; the child cuts longer ones itself."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A whole number that every reader of JSON and every bigint column takes."""

PhaseName = Literal["preparing", "executing", "finishing"]


class Limits(Struct, frozen=True, kw_only=True):
    """What one task may use; the backend's row decides, the child obeys.

    ``max_qubits`` counts active qubits only. ``max_work`` bounds shots x parameter sets x
    randomizations. ``memory_bytes`` is what the task may take beyond what the warm child already
    holds; ``cpu_seconds`` is processor time, not wall time.
    """

    max_shots: int
    max_pubs: int
    max_qubits: int
    max_gates: int
    max_work: int
    max_inflated_bytes: int
    max_result_bytes: int
    memory_bytes: int
    cpu_seconds: int


class Task(Struct, frozen=True, kw_only=True):
    """One attempt of one job; the params travel beside it as the bytes that were submitted.

    ``device`` is the sha256 (hex) of the device document; empty for a task that needs none.
    ``session_id`` chooses the cache that the program may use. ``log_level`` is the lowest level
    (Python's names) whose records are kept. A task that is ``only_told`` runs nothing: its result is a
    sketch of the job's inputs (``sketches``). With ``old_clients``, params of version 1 and circuits in
    old formats are accepted.
    """

    job_id: str
    attempt: int
    program: str
    device: str
    backend: str
    session_id: str | None
    seed: int | None
    log_level: str
    dry_run: bool
    limits: Limits
    only_told: bool = False
    old_clients: bool = False


class Phase(Struct, frozen=True, tag="phase"):
    """The program entered a part of its run; ``at`` is by the child's clock."""

    name: PhaseName
    at: float


class Progress(Struct, frozen=True, tag="progress"):
    """``done`` of ``total`` pubs are finished."""

    done: Count
    total: Count


class Log(Struct, frozen=True, tag="log"):
    """One line for the job's log."""

    level: Word
    text: Line
    at: float


class Metric(Struct, frozen=True, tag="metric"):
    """One measured value of the run, such as ``cache_hits``; a later one of the same name replaces it."""

    name: Word
    value: Whole | float | Annotated[str, Meta(max_length=1000)]


class Transpiled(Struct, frozen=True, tag="transpiled"):
    """A circuit as it runs, in OpenQASM 3; empty if it is too long, or can't be written so."""

    text: Annotated[str, Meta(max_length=50_000)]


class NeedDevice(Struct, frozen=True, tag="need_device"):
    """The child hasn't built the task's device: answer with ``Lease.give_device``."""

    key: Annotated[str, Meta(max_length=128)]


class Finished(Struct, frozen=True, tag="finished"):
    """The task ended well; ``result`` is the body as the wire wants it. Ends the task."""

    result: bytes


class Failed(Struct, frozen=True, tag="failed"):
    """The task ended with an error the user may read. Ends the task; the child lives on."""

    code: Count
    reason: Line


class Crashed(Struct, frozen=True, tag="crashed"):
    """The child died, was killed or broke the protocol: made by the worker's side, ends the lease.

    ``cause`` tells a rule what happened, ``reason`` tells a person.
    """

    reason: str
    cause: Literal["killed", "signal", "exit", "memory", "cpu", "protocol", "pool"] = "signal"


Event = Phase | Progress | Log | Metric | Transpiled | NeedDevice | Finished | Failed | Crashed
"""All that ``Lease.poll`` can give."""

Ending = Finished | Failed | Crashed
"""After one of these the task is over."""

ChildNote = Phase | Progress | Log | Metric | Transpiled | NeedDevice | Failed
"""Events that are all header; a ``Finished`` travels as a raw body instead of base64 in JSON."""


class LeaseRequest(Struct, frozen=True, tag="lease"):
    """A worker asks the pool for a child; ``key`` names the warm child it would like back.

    A ``modest`` request is refused rather than that a warm child of another key ends for it.
    """

    key: Annotated[str, Meta(max_length=256)]
    modest: bool = False


class Released(Struct, frozen=True, tag="released"):
    """The worker gives its child back unharmed, after so many ``jobs`` (worker to pool)."""

    jobs: int


class Kill(Struct, frozen=True, tag="kill"):
    """The worker wants its child dead; answered by ``ChildGone`` (worker to pool)."""


WorkerNote = LeaseRequest | Released | Kill
"""All that a worker says to the pool."""


class Leased(Struct, frozen=True, tag="leased"):
    """The pool's answer, with the child's socket beside it.

    ``warm``: it is the child that served the key before. ``jobs_left`` and ``rss_mark`` (0: none)
    say when it is worn out and should be given back.
    """

    pid: int
    warm: bool
    jobs_left: int
    rss_mark: int


class Refused(Struct, frozen=True, tag="refused"):
    """The pool can't give a child now."""

    reason: str


class ChildGone(Struct, frozen=True, tag="gone"):
    """The leased child is dead and reaped; ``status`` is as ``os.wait`` gives it.

    ``asked``: the pool killed it, because the worker said so or went away.
    """

    status: int
    peak_bytes: int
    asked: bool


PoolNote = Leased | Refused | ChildGone
"""All that the pool says to a worker."""
