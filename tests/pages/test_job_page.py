"""The page of one job, its files, and cancelling it."""

from typing import Any

import pytest
from django.test import Client

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from sessions_app.pages import jobs as job_pages
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, open_, submit
from tests.pages.conftest import Reader
from tests.services.worker import Worker

PHASES = {
    "preparing": "2026-11-21T12:00:05.100000Z",
    "executing": "2026-11-21T12:00:05.350000Z",
    "finishing": "2026-11-21T12:00:07.350000Z",
    "ended": "2026-11-21T12:00:07.500000Z",
}
HOSTILE = "<script>alert('x')</script>&\"'"


def completed(author: Author, backend: Backend, **over: Any) -> Job:
    """A job that ran from second 5 to second 8."""
    job = submit(author, backend, **over.pop("submitted", {}))
    worker = Worker(backend)
    worker.start(5)
    fields = {"result": b'{"answer": 42}', "log": "a line", "quantum_seconds": 2.5, **over}
    worker.turn(8, end="completed", **fields)
    return job


def test_it_tells_the_whole_story_of_a_completed_job(author: Author, backend: Backend, rita: Reader) -> None:
    metrics = {"phases": PHASES, "cache_hits": 3}
    job = completed(author, backend, metrics=metrics, submitted={"tags": ["vqe"], "cost": 77})
    text = rita.sees(f"/jobs/{job.pk}")
    for part in (
        f"Job {job.pk} Completed",
        f"Backend {backend.name} Instance the lab Owner wanda Mode job",
        "Waited 5.00 s Ran 3.00 s Time limit 77 s Quantum time 2.500 s Attempts 1",
        "Tags vqe",
        "2026-11-21 12:00:00 Queued submitted 5.00 s",
        "2026-11-21 12:00:05 Running chosen to run 1 3.00 s",
        "2026-11-21 12:00:08 Completed the program finished 1",
        "Preparing 2026-11-21 12:00:05 0.25 s Executing 2026-11-21 12:00:05 2.00 s",
        "Cache hits 3",
        "Log a line",
        f'job = QiskitRuntimeService().job("{job.pk}")',
    ):
        assert part in text, text


def test_it_gives_the_result_as_it_was_stored(author: Author, backend: Backend, rita: Reader) -> None:
    job = completed(author, backend)
    assert f'href="/jobs/{job.pk}/result" download' in rita.get(f"/jobs/{job.pk}").content.decode()
    answer = rita.get(f"/jobs/{job.pk}/result")
    assert (answer.content, answer["Content-Type"]) == (b'{"answer": 42}', "application/json")
    assert answer["Content-Disposition"] == f'attachment; filename="{job.pk}.json"'
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_it_leaves_a_private_result_to_the_client(author: Author, backend: Backend, wanda: Reader) -> None:
    job = completed(author, backend, private=True, submitted={"private": True})
    assert "/result" not in wanda.get(f"/jobs/{job.pk}").content.decode()
    assert wanda.get(f"/jobs/{job.pk}/result").status_code == 404
    assert bytes(Job.objects.get(pk=job.pk).result.body) == b'{"answer": 42}'


def test_it_offers_no_result_where_there_is_none(author: Author, backend: Backend, wanda: Reader) -> None:
    job = submit(author, backend)
    assert "Result" not in wanda.sees(f"/jobs/{job.pk}")
    assert wanda.get(f"/jobs/{job.pk}/result").status_code == 404


def test_it_shows_the_end_of_a_long_log_and_has_all_of_it_in_a_file(
    author: Author, backend: Backend, wanda: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_pages, "SHOWN_LOG", 9)
    job = completed(author, backend, log="the first line\nthe last")
    text = wanda.sees(f"/jobs/{job.pk}")
    assert "the first" not in text
    assert "The end of it. Show all the last" in text
    whole = wanda.get(f"/jobs/{job.pk}/log")
    assert (whole.content, whole["Content-Type"]) == (
        b"the first line\nthe last",
        "text/plain; charset=utf-8",
    )


def test_it_tells_why_a_job_failed(author: Author, backend: Backend, wanda: Reader) -> None:
    job = submit(author, backend)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="failed", reason="Too many qubits.", reason_code=8021)
    assert "Failed Too many qubits. Code 8021" in wanda.sees(f"/jobs/{job.pk}")


def test_it_tells_why_a_job_waits_without_naming_others(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    foreign = submit(make_author(), backend)
    mine = submit(author, backend, 1)
    Worker(backend).start(2)
    time.seconds = 3
    text = wanda.sees(f"/jobs/{mine.pk}")
    assert "It is next, after a job of another instance, which is running." in text
    assert "Place in the queue 1" in text
    assert foreign.pk not in text


def test_it_shows_progress_while_a_job_runs(author: Author, backend: Backend, wanda: Reader) -> None:
    job = submit(author, backend)
    Worker(backend).start(1)
    Job.objects.filter(pk=job.pk).update(phase="executing", progress_done=2, progress_total=5)
    assert "Done: 2 of 5" in wanda.sees(f"/jobs/{job.pk}")


def test_it_shows_what_strangers_wrote_as_text(author: Author, backend: Backend, wanda: Reader) -> None:
    session = open_(author, backend)
    job = completed(author, backend, log=HOSTILE, metrics={HOSTILE: HOSTILE}, submitted={"tags": [HOSTILE]})
    Job.objects.filter(pk=job.pk).update(reason=HOSTILE, client_application=HOSTILE, session=session)
    for path in ("/", f"/jobs/{job.pk}", f"/sessions/{session.pk}", "/?tag=" + "%3Cscript%3E%22'"):
        page = wanda.get(path).content.decode()
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


@pytest.fixture
def waiting(author: Author, backend: Backend) -> str:
    return f"/jobs/{submit(author, backend).pk}"


@pytest.mark.parametrize("who", ["wanda", "max_", "olga"])
def test_it_lets_writers_managers_and_operators_cancel(
    waiting: str, who: str, request: pytest.FixtureRequest
) -> None:
    reader: Reader = request.getfixturevalue(who)
    assert f'href="{waiting}/cancel"' in reader.get(waiting).content.decode()
    asked = reader.sees(f"{waiting}/cancel")
    assert "This can't be undone." in asked
    assert Job.objects.get().state == "queued", "asking changes nothing"
    answer = reader.post(f"{waiting}/cancel")
    assert (answer.status_code, answer["Location"]) == (302, waiting)
    assert Job.objects.get().state == "cancelled"
    after = reader.sees(waiting)
    assert after.count("The job was cancelled.") == 2, "as the message, and as the reason"
    assert "Cancel…" not in after
    assert "There is nothing left to do" in reader.sees(f"{waiting}/cancel")


def test_it_lets_no_reader_cancel(waiting: str, rita: Reader) -> None:
    assert "/cancel" not in rita.get(waiting).content.decode()
    for answer in (rita.get(f"{waiting}/cancel"), rita.post(f"{waiting}/cancel")):
        assert answer.status_code == 403
        assert "This needs the role writer in the instance the lab." in answer.content.decode()
    assert Job.objects.get().state == "queued"


def test_it_lets_nobody_cancel_in_an_archived_instance(
    waiting: str, wanda: Reader, olga: Reader, lab: Instance
) -> None:
    Instance.objects.filter(pk=lab.pk).update(is_active=False, archived_at=at(1))
    for reader in (wanda, olga):
        assert "/cancel" not in reader.get(waiting).content.decode()
        assert reader.post(f"{waiting}/cancel").status_code == 403
    assert Job.objects.get().state == "queued"


def test_it_tells_who_comes_too_late(author: Author, backend: Backend, wanda: Reader) -> None:
    job = completed(author, backend)
    answer = wanda.client.post(f"/jobs/{job.pk}/cancel", follow=True)
    assert "The job has ended already: it is completed." in answer.content.decode()
    assert Job.objects.get().state == "completed"


def test_it_warns_that_a_first_job_takes_its_session_along(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    session = open_(author, backend)
    first, second = (submit(author, backend, when, session_id=session.pk) for when in (1, 2))
    warning = "It is the first job of its session"
    assert warning in wanda.sees(f"/jobs/{first.pk}/cancel")
    assert warning not in wanda.sees(f"/jobs/{second.pk}/cancel")


def test_it_takes_no_cancellation_from_another_site(waiting: str, wanda: Reader) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(wanda.user)
    answer = browser.post(f"{waiting}/cancel")
    assert answer.status_code == 403
    assert "The form has expired" in answer.content.decode()
    assert Job.objects.get().state == "queued"


def test_it_shows_no_deleted_job(author: Author, backend: Backend, wanda: Reader) -> None:
    job = completed(author, make_backend())
    Job.objects.filter(pk=job.pk).update(deleted_at=at(9))
    for path in ("", "/result", "/log", "/cancel"):
        assert wanda.get(f"/jobs/{job.pk}{path}").status_code == 404
