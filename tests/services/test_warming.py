"""Warming up a worker touches nothing."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from quantumsvc.backends.models import Backend
from sessions_app.models import BackendLease, Job, JobEvent
from sessions_app.services.submission import Author
from sessions_app.services.warming import warm_up
from tests.factories import submit


def test_it_reads_and_changes_nothing(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 1)
    before = (JobEvent.objects.count(), BackendLease.objects.values().get())
    with CaptureQueriesContext(connection) as seen:
        warm_up()
    assert not [query for query in seen if "SAVEPOINT" not in query["sql"]]
    assert (JobEvent.objects.count(), BackendLease.objects.values().get()) == before
    assert Job.objects.get().state == "queued"
    assert job.attempt == 0
