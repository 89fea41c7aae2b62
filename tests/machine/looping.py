"""A worker process reduced to its loop: take a backend, turn, work for a moment, turn again, give it back.

Run as ``python -m tests.machine.looping OWNER SECONDS_PER_JOB``; it goes on until it is killed or asked to
stop. Nothing of it knows of other workers: the database decides.
"""

import os
import signal
import sys
import time
from typing import Any

import django


def main(owner: str, seconds: float) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
    django.setup()
    from quantumsvc import clock
    from quantumsvc.backends.models import Backend
    from sessions_app.services.dispatch import recover
    from sessions_app.services.leases import LeaseLost, acquire

    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    backends = list(Backend.objects.order_by("pk").values_list("pk", flat=True))
    begin = sum(map(ord, owner))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not stopped:
        begin += 1
        for ident in backends[begin % len(backends) :] + backends[: begin % len(backends)]:
            acquired = acquire(backend_id=ident, owner=owner, now=clock.now())
            if acquired is None:
                continue
            try:
                if acquired.left_running:
                    recover(acquired.lease, now=clock.now())
                _drain(acquired.lease, seconds, stopped)
            except LeaseLost:
                continue
        time.sleep(0.02)


def _drain(lease: Any, seconds: float, stopped: list[int]) -> None:
    """Turn after turn until nothing can start, or this worker is to stop."""
    from quantumsvc import clock
    from sessions_app.services.dispatch import Claim, hand_over, turn

    ended = None
    while not stopped:
        step = turn(lease, now=clock.now(), ended=ended, leaving=True)
        if not isinstance(step, Claim):
            return
        began = time.monotonic()
        if seconds:
            time.sleep(seconds)
        ended = ending_of(step, time.monotonic() - began)
    hand_over(lease, now=clock.now(), ended=ended)


def ending_of(claim: Any, seconds: float) -> Any:
    """A trivial job's success."""
    from quantumsvc.scheduling.states import Cause, JobState
    from sessions_app.services.endings import Ending

    job = claim.job
    return Ending(
        job_id=job.pk,
        session_id=job.session_id,
        attempt=job.attempt,
        state=JobState.COMPLETED,
        cause=Cause.FINISHED,
        result=b"{}",
        quantum_seconds=seconds,
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
