"""One attempt of one job: the worker's side, which waits while the isolated child works."""

import math
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec
from django.conf import settings

from quantumsvc import clock
from quantumsvc.backends.execution.client import Lease as ChildLease
from quantumsvc.backends.execution.messages import (
    Crashed,
    Event,
    Failed,
    Finished,
    Limits,
    Log,
    Metric,
    NeedDevice,
    Phase,
    Progress,
    Task,
    Transpiled,
)
from quantumsvc.backends.models import Backend
from quantumsvc.backends.services import device_document
from quantumsvc.doorbell import Listener
from quantumsvc.scheduling.states import Cause, JobState
from sessions_app.models import Job, JobCircuits
from sessions_app.services.calibrations.concluding import taken_apart
from sessions_app.services.calibrations.wishes import CALIBRATION
from sessions_app.services.dispatch import Claim
from sessions_app.services.edges import clear
from sessions_app.services.endings import Ending
from sessions_app.services.leases import HEARTBEAT, Lease, renew
from sessions_app.services.progress import Progressing, publish

TIME_LIMIT_CODE = 1305
CRASHED_CODE = 5206
# A cancellation whose bell was lost is still seen within this many seconds (J4).
LOOK_AGAIN = 0.5
# Phases that follow each other faster than this are published together, in seconds.
SETTLING = 0.02
MAX_LOG_CHARACTERS = 1_000_000


class Abandoned(Exception):
    """The job is not this attempt's any more: it was cancelled, or taken over."""


class ChildLost(Exception):
    """The child died by something that is not the job's fault; the job goes back to its place (J2)."""


@dataclass(slots=True)
class Attempt:
    """What one attempt has told so far, and when to look at what next (seconds of the monotonic clock)."""

    claim: Claim
    child: ChildLease
    bell: Listener
    lease: Lease
    began: float = field(default_factory=time.monotonic)
    heartbeat_at: float = 0.0
    look_at: float = 0.0
    begun: bool = False
    publish_at: float | None = None
    gives_way_at: float = math.inf
    seen: Progressing = field(default_factory=Progressing)
    lines: list[str] = field(default_factory=list)
    circuits: list[str] = field(default_factory=list)
    metrics: dict[str, float | int | str] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)

    def run(self) -> Ending:
        """Wait for the child's end, the time limit or a cancellation, whichever comes first.

        Raises :class:`Abandoned`, :class:`ChildLost` or :class:`LeaseLost`; the child is dead then.
        """
        try:
            if not self.begun:
                self.begin()
            while True:
                readable = [self.child.fileno(), self.bell.fileno()]
                select.select(readable, [], [], max(self._next() - time.monotonic(), 0.0))
                for event in self.child.poll():
                    if (ending := self._on(event)) is not None:
                        return ending
                if (ending := self._look()) is not None:
                    return ending
        except BaseException:
            self.child.kill()
            raise

    def begin(self) -> None:
        """Give the child its task. ``run`` does it, unless it was done before."""
        self.begun = True
        self.heartbeat_at = self.began + HEARTBEAT.total_seconds()
        self.look_at = self.began + LOOK_AGAIN
        self._plan_to_give_way(self.claim.gives_way_at)
        self.child.start(task_of(self.claim), self.claim.params)

    @property
    def _deadline(self) -> float:
        return self.began + self.claim.job.max_seconds

    def _next(self) -> float:
        moments = [self.heartbeat_at, self.look_at, self._deadline, self.gives_way_at]
        return min(moments if self.publish_at is None else [*moments, self.publish_at])

    def _look(self) -> Ending | None:
        """Everything that is not the child's doing: bells, the time limit, the heartbeat, progress."""
        now = time.monotonic()
        stop = f"stop {self.claim.job.pk}"
        if any(payload == stop for _, payload in self.bell.heard()) or now >= self.look_at:
            self.look_at = now + LOOK_AGAIN
            self._check_still_ours()
        if now >= self.gives_way_at:
            self._give_way()
        if now >= self._deadline:
            return self._out_of_time()
        if now >= self.heartbeat_at:
            self.heartbeat_at = now + HEARTBEAT.total_seconds()
            renew(self.lease, clock.now())
        if self.publish_at is not None and now >= self.publish_at:
            self.publish_at = None
            publish(self.claim.job.pk, self.claim.job.attempt, self.seen)
        return None

    def _plan_to_give_way(self, at: datetime | None) -> None:
        if at is None:
            self.gives_way_at = math.inf
        else:
            self.gives_way_at = time.monotonic() + max((at - clock.now()).total_seconds(), 0.001)

    def _give_way(self) -> None:
        """W2: the backend belongs to somebody else now, unless the window was moved or cancelled."""
        self._plan_to_give_way(clear(self.claim.backend, clock.now()))
        self._check_still_ours()

    def _check_still_ours(self) -> None:
        job = self.claim.job
        if not Job.objects.filter(pk=job.pk, attempt=job.attempt, state=JobState.RUNNING).exists():
            raise Abandoned

    def _out_of_time(self) -> Ending:
        self.child.kill()
        limit = self.claim.job.max_seconds
        return self._ending(
            JobState.FAILED,
            Cause.TIME_LIMIT,
            reason=f"The job exceeded its maximum execution time of {limit} seconds.",
            code=TIME_LIMIT_CODE,
        )

    def _on(self, event: Event) -> Ending | None:
        handler: Callable[[Attempt, Event], Ending | None] = _HANDLERS[type(event)]
        return handler(self, event)

    def _on_phase(self, event: Phase) -> None:
        self.phases[event.name] = _instant(event.at)
        self.seen.phase = event.name
        self._publish_soon()

    def _on_progress(self, event: Progress) -> None:
        self.seen.done, self.seen.total = event.done, event.total
        self._publish_soon()

    def _publish_soon(self) -> None:
        if self.publish_at is None:
            self.publish_at = time.monotonic() + SETTLING

    def _on_log(self, event: Log) -> None:
        if sum(map(len, self.lines)) < MAX_LOG_CHARACTERS:
            self.lines.append(f"{_instant(event.at)} {event.level}: {event.text}")

    def _on_metric(self, event: Metric) -> None:
        self.metrics[event.name] = event.value

    def _on_transpiled(self, event: Transpiled) -> None:
        if sum(map(len, self.circuits)) + len(event.text) < MAX_LOG_CHARACTERS:
            self.circuits.append(event.text)

    def _keep_circuits(self) -> None:
        job = self.claim.job
        if self.circuits and not job.private:
            JobCircuits.objects.update_or_create(job_id=job.pk, defaults={"texts": self.circuits})

    def _on_need_device(self, event: NeedDevice) -> None:
        key, document = _device_of(self.claim)
        if event.key == key:
            self.child.give_device(document)

    def _on_finished(self, event: Finished) -> Ending:
        self._keep_circuits()
        if self.claim.job.program != CALIBRATION:
            return self._ending(JobState.COMPLETED, Cause.FINISHED, result=event.result)
        try:
            result, measured = taken_apart(event.result)
        except msgspec.MsgspecError as error:
            reason = f"The calibration gave what can't be read: {error}"
            return self._ending(JobState.FAILED, Cause.CHILD_DIED, reason=reason, code=CRASHED_CODE)
        ending = self._ending(JobState.COMPLETED, Cause.FINISHED, result=result)
        return replace(ending, measured=measured)

    def _on_failed(self, event: Failed) -> Ending:
        return self._ending(JobState.FAILED, Cause.PROGRAM_FAILED, reason=event.reason, code=event.code)

    def _on_crashed(self, event: Crashed) -> Ending:
        if event.cause == "pool":
            raise ChildLost(event.reason)
        code = TIME_LIMIT_CODE if event.cause == "cpu" else CRASHED_CODE
        return self._ending(JobState.FAILED, Cause.CHILD_DIED, reason=event.reason, code=code)

    def _ending(
        self,
        state: JobState,
        cause: Cause,
        *,
        result: bytes | None = None,
        reason: str = "",
        code: int | None = None,
    ) -> Ending:
        job = self.claim.job
        self.phases["ended"] = _instant(time.time())
        return Ending(
            job_id=job.pk,
            session_id=job.session_id,
            attempt=job.attempt,
            state=state,
            cause=cause,
            private=job.private,
            result=result,
            reason=reason,
            reason_code=code,
            quantum_seconds=round(time.monotonic() - self.began, 6),
            log="\n".join(self.lines),
            metrics={"phases": self.phases, **self.metrics},
            job=job,
        )


_HANDLERS: dict[type[Event], Callable[..., Ending | None]] = {
    Phase: Attempt._on_phase,
    Progress: Attempt._on_progress,
    Log: Attempt._on_log,
    Metric: Attempt._on_metric,
    Transpiled: Attempt._on_transpiled,
    NeedDevice: Attempt._on_need_device,
    Finished: Attempt._on_finished,
    Failed: Attempt._on_failed,
    Crashed: Attempt._on_crashed,
}


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def task_of(claim: Claim) -> Task:
    """What the child is told of a job; the device is named by its content, not sent."""
    job, backend = claim.job, claim.backend
    key, _ = _device_of(claim)
    return Task(
        job_id=job.pk,
        attempt=job.attempt,
        program=job.program,
        device=key,
        backend=backend.name,
        session_id=job.session_id,
        seed=None,
        log_level=job.log_level,
        dry_run=backend.kind == "mock",
        old_clients=settings.OLD_CLIENTS,
        limits=limits_of(backend, job.max_seconds),
    )


def _device_of(claim: Claim) -> tuple[str, bytes]:
    """The device as it is when the attempt begins: a simulated chip that drifts stays so for its jobs."""
    began = claim.job.started_at or claim.job.created_at
    return device_document(claim.backend, claim.calibration_id, began)


def limits_of(backend: Backend, max_seconds: int) -> Limits:
    """What one task may use on this backend; the time limit itself is kept by the worker (J3)."""
    return Limits(
        max_shots=backend.max_shots,
        max_pubs=backend.max_pubs,
        max_qubits=backend.max_active_qubits,
        max_gates=backend.max_gates,
        max_work=backend.max_work,
        max_inflated_bytes=settings.MAX_INFLATED_BYTES,
        max_result_bytes=settings.MAX_RESULT_BYTES,
        memory_bytes=backend.memory_bytes,
        cpu_seconds=max_seconds * settings.CHILD_THREADS + 60,
    )
