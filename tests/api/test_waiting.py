"""What waits, and why, is told without a word about other tenants (E1)."""

from collections.abc import Callable

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.models import Session
from sessions_app.services.submission import Author
from tests.api.callers import Caller
from tests.api.conftest import Time
from tests.factories import open_, submit
from tests.reservations.making import make_window
from tests.services.worker import Worker

Scene = Callable[[Author, Backend], set[str]]


def of_session(theirs: Author, backend: Backend, end: str | None) -> set[str]:
    session = open_(theirs, backend)
    jobs = [submit(theirs, backend, 1, session_id=session.pk)]
    worker = Worker(backend)
    worker.start(2)
    if end:
        worker.turn(3, end=end)
        assert Session.objects.get(pk=session.pk).state == "active"
    else:
        jobs.append(submit(theirs, backend, 3, session_id=session.pk))
    return {session.pk, *(job.pk for job in jobs)}


def a_running_job(theirs: Author, backend: Backend) -> set[str]:
    job = submit(theirs, backend)
    Worker(backend).start(1)
    return {job.pk}


def a_session_with_work(theirs: Author, backend: Backend) -> set[str]:
    return of_session(theirs, backend, None)


def a_session_that_holds(theirs: Author, backend: Backend) -> set[str]:
    return of_session(theirs, backend, "completed")


def a_reservation(theirs: Author, backend: Backend) -> set[str]:
    return {make_window(1, 600, backend=backend, instance=theirs.instance, note="secret plan").pk}


def a_reservation_ahead(theirs: Author, backend: Backend) -> set[str]:
    return {make_window(20, 600, backend=backend, instance=theirs.instance, note="secret plan").pk}


def a_turn_of_theirs(theirs: Author, backend: Backend) -> set[str]:
    return {submit(theirs, backend).pk}


SCENES: dict[str, Scene] = {
    "running_job": a_running_job,
    "session_active": a_session_with_work,
    "session_holds": a_session_that_holds,
    "window_of_others": a_reservation,
    "window_ahead": a_reservation_ahead,
    "fair_share": a_turn_of_theirs,
}


@pytest.mark.parametrize("reason", SCENES)
def test_e1_it_tells_why_a_job_waits_and_names_nobody_else(
    reason: str, author: Author, alice: Caller, stranger: Caller, backend: Backend, time: Time
) -> None:
    theirs = Author(user=stranger.user, instance=stranger.instance)
    secrets = SCENES[reason](theirs, backend)
    session = open_(author, backend)
    mine = submit(author, backend, 4, session_id=session.pk)
    time.seconds = 5
    told = [alice.get(f"/{path}/queue") for path in (f"jobs/{mine.pk}", f"sessions/{session.pk}")]
    assert told[0].json()["reason"] == reason
    secrets |= {str(stranger.user), stranger.instance.name, stranger.instance.crn, "secret plan"}
    for answer in told:
        assert answer.status_code == 200
        assert not [secret for secret in secrets if secret in answer.content.decode()]
