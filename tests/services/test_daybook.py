"""What a backend did lately, told from its decision log."""

from datetime import timedelta

import pytest

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import Cause
from sessions_app.models import Job
from sessions_app.services import daybook as daybooks
from sessions_app.services.daybook import daybook
from sessions_app.services.endings import cancel_job, give_back
from sessions_app.services.lives import settle_overdue
from sessions_app.services.submission import Author
from tests.factories import at, make_backend, open_, submit
from tests.services.worker import Worker

DAY = timedelta(days=1)


def test_it_tells_which_jobs_ran_when(alice: Author, bob: Author, backend: Backend) -> None:
    jobs = [submit(alice, backend, 0), submit(bob, backend, 1), submit(alice, backend, 2)]
    worker = Worker(backend)
    worker.start(3)
    worker.start(5, end="completed")
    worker.start(9, end="failed")
    submit(alice, make_backend(), 1)
    found = daybook(backend, since=at(0), now=at(20))
    assert [(each.ident, each.start, each.end, each.word) for each in found.jobs] == [
        (jobs[0].pk, at(3), at(5), "completed"),
        (jobs[1].pk, at(5), at(9), "failed"),
        (jobs[2].pk, at(9), at(20), "running"),
    ]
    assert [each.instance for each in found.jobs] == [job.instance_id for job in jobs]
    late = daybook(backend, since=at(6), now=at(20))
    assert [each.ident for each in late.jobs] == [jobs[1].pk, jobs[2].pk], "what ended before is left out"


def test_it_tells_each_attempt_of_a_job_that_was_given_back(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend, 0)
    worker = Worker(backend)
    worker.start(1)
    give_back(Job.objects.get(pk=job.pk), now=at(4), cause=Cause.WORKER_LOST, reason="lost.")
    worker.start(6)
    cancel_job(job=job, now=at(8))
    found = daybook(backend, since=at(0), now=at(20))
    assert [(each.start, each.end) for each in found.jobs] == [(at(1), at(6)), (at(6), at(8))]


def test_it_tells_when_a_session_was_active(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    submit(alice, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(2)
    worker.turn(3, end="completed")
    settle_overdue(at(303))
    submit(alice, backend, 400, session_id=session.pk)
    worker.start(401)
    found = daybook(backend, since=at(0), now=at(500))
    assert [(each.start, each.end, each.word) for each in found.sessions] == [
        (at(2), at(303), "ended"),
        (at(401), at(500), "active"),
    ]
    assert {each.ident for each in found.sessions} == {session.pk}
    assert len(daybook(backend, since=at(350), now=at(500)).sessions) == 1


def test_it_says_that_a_busy_day_is_told_from_its_end(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daybooks, "MOST_STARTS", 2)
    jobs = [submit(alice, backend, n).pk for n in range(3)]
    worker = Worker(backend)
    worker.start(5)
    for n in range(2):
        worker.start(6 + n, end="completed")
    found = daybook(backend, since=at(0), now=at(20))
    assert ([each.ident for each in found.jobs], found.is_cut) == (jobs[1:], True)
