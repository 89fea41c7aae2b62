"""Warming up a worker touches nothing."""

from quantumsvc.backends.models import Backend
from sessions_app.models import BackendLease, Job, JobEvent
from sessions_app.services.submission import Author
from sessions_app.services.warming import warm_up
from tests.factories import submit


def test_it_leaves_nothing_behind(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 1)
    before = (JobEvent.objects.count(), BackendLease.objects.values().get())
    warm_up()
    assert (JobEvent.objects.count(), BackendLease.objects.values().get()) == before
    assert Job.objects.get().state == "queued"
    assert job.attempt == 0
