"""What a job's inputs are, told by an isolated child and kept with the job.

The payload is opened by nobody else: a child that runs nothing and lives for this one question reads it,
within tight bounds, and answers in data whose every part is bounded too.
"""

import threading
import time
from dataclasses import dataclass

import msgspec
from django.conf import settings
from django.db import transaction

from quantumsvc.backends.execution.client import Lease, PoolUnavailable
from quantumsvc.backends.execution.messages import Crashed, Event, Failed, Finished, Limits, Task
from quantumsvc.backends.execution.sketches import SKETCH_BYTES_MAX, Sketch, read_sketch
from sessions_app.models import Job, JobPayload, JobSketch
from sessions_app.services.pools import pool_for

MEBIBYTE = 1024 * 1024
# What one question may take: of the child's memory and processor time, and of the asker's patience.
MEMORY_BYTES = 512 * MEBIBYTE
CPU_SECONDS = 4
# Ends of a child that the same payload would bring about again.
LASTING = ("signal", "exit", "memory", "cpu", "protocol")
PATIENCE_SECONDS = 5.0
INFLATED_BYTES = 64 * MEBIBYTE
# Children asked at one time by this process; so many of its threads may wait, the others answer on.
_turns = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Told:
    """A sketch, or the sentence that says why there is none; that one may be asked for again."""

    sketch: Sketch | None = None
    why_not: str = ""


def sketch_of(job: Job) -> Told:
    """What is known of the job's inputs; a child is asked when nobody has asked before."""
    if job.private:
        return Told(why_not="The job is private: its inputs are hidden.")
    kept = JobSketch.objects.filter(pk=job.pk).values_list("body", "refusal").first()
    if kept is None:
        return _asked(job)
    body, refusal = kept
    return Told(why_not=refusal) if refusal else Told(read_sketch(bytes(body)))


def _asked(job: Job) -> Told:
    params = JobPayload.objects.filter(pk=job.pk).values_list("params", flat=True).first()
    if params is None:
        return Told(why_not="The job's inputs are not kept any more.")
    if not _turns.acquire(blocking=False):
        return Told(why_not="Other jobs' inputs are being looked at. Ask again in a moment.")
    try:
        child = pool_for(job.backend).lease(f"sketch of {job.instance_id}", modest=True)
        try:
            return _answer(job, child, bytes(params))
        finally:
            child.kill()
    except PoolUnavailable:
        return Told(why_not="No process is free to look at the inputs. Ask again in a moment.")
    finally:
        _turns.release()


def _answer(job: Job, child: Lease, params: bytes) -> Told:
    child.start(_task_of(job), params)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        for event in child.wait(left):
            if (told := _told_by(event, job)) is not None:
                return told
    return Told(why_not="Reading the inputs takes too long at the moment. Ask again later.")


def _told_by(event: Event, job: Job) -> Told | None:
    """What an event answers; an answer that may be another one next time is not kept."""
    if isinstance(event, Finished):
        return _kept(job, event.result)
    if isinstance(event, Failed):
        return _refused(job, event.reason)
    if isinstance(event, Crashed) and event.cause in LASTING:
        return _refused(job, "The inputs can't be shown: reading them takes too much.")
    return Told(why_not="The process that read the inputs was lost.") if isinstance(event, Crashed) else None


def _task_of(job: Job) -> Task:
    backend = job.backend
    limits = Limits(
        max_shots=backend.max_shots,
        max_pubs=backend.max_pubs,
        max_qubits=backend.max_active_qubits,
        max_gates=backend.max_gates,
        max_work=backend.max_work,
        max_inflated_bytes=min(settings.MAX_INFLATED_BYTES, INFLATED_BYTES),
        max_result_bytes=SKETCH_BYTES_MAX,
        memory_bytes=min(backend.memory_bytes, MEMORY_BYTES),
        cpu_seconds=CPU_SECONDS,
    )
    return Task(
        job_id=job.pk,
        attempt=0,
        program=job.program,
        device="",
        backend=backend.name,
        session_id=None,
        seed=None,
        log_level="CRITICAL",
        dry_run=False,
        limits=limits,
        only_told=True,
        old_clients=settings.OLD_CLIENTS,
    )


def _kept(job: Job, body: bytes) -> Told:
    try:
        sketch = read_sketch(body)
    except msgspec.MsgspecError:
        return _refused(job, "The inputs can't be shown.")
    _keep(job, body=body)
    return Told(sketch)


def _refused(job: Job, reason: str) -> Told:
    _keep(job, refusal=reason[:500])
    return Told(why_not=reason[:500])


def _keep(job: Job, *, body: bytes = b"", refusal: str = "") -> None:
    """Keep the answer, unless the job was deleted meanwhile, or somebody else has kept one."""
    with transaction.atomic():
        if Job.objects.select_for_update(of=("self",)).filter(pk=job.pk, deleted_at__isnull=True).exists():
            JobSketch.objects.get_or_create(pk=job.pk, defaults={"body": body, "refusal": refusal})
