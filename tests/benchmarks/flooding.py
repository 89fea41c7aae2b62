"""Changes of waiting jobs, at a steady rate: ``python -m tests.benchmarks.flooding GAP SECONDS``.

Each is a transaction that changes a job and rings its bell, as the services do. Prints how many there were.
"""

import os
import sys
import time
from itertools import cycle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")

import django

django.setup()

from django.db import transaction  # noqa: E402

from quantumsvc.doorbell import ring  # noqa: E402
from sessions_app.events import CHANNEL, JobChanged, encode_event  # noqa: E402
from sessions_app.models import Job  # noqa: E402


def change(job: Job) -> None:
    """Say that there is more to do, and tell of it."""
    job.version += 1
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(version=job.version, tags=[f"version-{job.version}"])
        event = JobChanged(job.pk, job.instance_id, job.backend_id, job.state, job.version, job.session_id)
        ring(CHANNEL, encode_event(event))


def main(gap: float, seconds: float) -> int:
    """Change one job after the other; gives how many changes were made."""
    jobs = cycle(list(Job.objects.filter(state="queued")))
    due = time.monotonic()
    until, count = due + seconds, 0
    while due < until:
        change(next(jobs))
        count, due = count + 1, due + gap
        time.sleep(max(due - time.monotonic(), 0))
    return count


if __name__ == "__main__":
    print(main(float(sys.argv[1]), float(sys.argv[2])))
