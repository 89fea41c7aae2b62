"""The page of one job, its files, and cancelling it."""

from typing import Any

import numpy as np
import pytest
from django.test import Client
from qiskit.primitives.containers import BitArray

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.execution.sketches import CircuitSketch, Gate, PubSketch, Sketch, encode_sketch
from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import Job, JobSketch
from sessions_app.pages import job as job_pages
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, open_, submit
from tests.pages.conftest import Reader, text_of
from tests.results import ONE_SHOT, estimated, sampled
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
        f"Job {job.pk} Copy Completed sampler on {backend.name}",
        "Waiting 5.00 s 2026-11-21 12:00:00 Starting 0.10 s 2026-11-21 12:00:05 Preparing 0.25 s",
        "Executing 2.00 s 2026-11-21 12:00:05 Finishing 0.65 s 2026-11-21 12:00:07",
        f"Backend {backend.name} Instance the lab Owner wanda Mode job",
        "Waited 5.00 s Ran 3.00 s Time limit 77 s Attempts 1",
        "Quantum time 2.500 s.",
        "The time it ran 2026-11-21 12:00:05 2026-11-21 12:00:08 2.500",
        "The backend was not calibrated in between.",
        "Tags vqe",
        "2026-11-21 12:00:00 Queued submitted 5.00 s",
        "2026-11-21 12:00:05 Running chosen to run 1 3.00 s",
        "2026-11-21 12:00:08 Completed the program finished 1",
        "Preparing 2026-11-21 12:00:05 0.25 s Executing 2026-11-21 12:00:05 2.00 s",
        "Cache hits 3",
        "Log As a file a line",
        '"status": "Completed"',
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
    text = wanda.sees(f"/jobs/{job.pk}")
    assert "Too many qubits. Code 8021" in text
    assert "Waiting 1.00 s" in text


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
    for path in ("/", f"/jobs/{job.pk}", "/?tag=" + "%3Cscript%3E%22'"):
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
    assert after.count("The job was cancelled.") == 3, "as the message, as the reason, and in the raw body"
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


def test_it_draws_counts_and_lets_them_be_looked_at_closer(
    author: Author, backend: Backend, rita: Reader
) -> None:
    words = {format(number, "07b"): number + 1 for number in range(100)}
    array = BitArray.from_counts(words, num_bits=7)
    job = completed(author, backend, result=sampled(first=ONE_SHOT, second=array))
    page = rita.get(f"/jobs/{job.pk}").content.decode()
    assert "1 shots of 1 bits in register first" in text_of(page)
    look = f"/jobs/{job.pk}"
    text = rita.sees(look, register="second")
    assert "5050 shots of 7 bits in register second" in text
    assert "Shown: 1 to 64 of 100." in text
    assert "After Zoom in Zoom out" in text
    closer = rita.get(look, register="second", order="count", zoom=16, start=96).content.decode()
    assert "Shown: 97 to 100 of 100." in text_of(closer)
    assert closer.count('<rect class="bar"') == 4
    assert "0000000: 1 of 5050 (0.02%)" in closer
    odd_ones = [
        ("start", "-1"),
        ("zoom", "7"),
        ("pub", "99"),
        ("set", "x"),
        ("register", "\0"),
        ("start", "9" * 40),
    ]
    for name, odd in odd_ones:
        assert rita.get(look, **{name: odd}).status_code == 200


def test_it_draws_values_with_their_errors(author: Author, backend: Backend, rita: Reader) -> None:
    body = estimated(evs=np.array([0.5, np.nan, -1.5]), stds=np.array([0.1, 0.1, 0.2]))
    job = completed(author, backend, result=body)
    page = rita.get(f"/jobs/{job.pk}").content.decode()
    assert "3 expectation values" in text_of(page)
    assert page.count('<circle class="value"') == 2, "what is no number is not drawn"
    assert "2: -1.5 ± 0.2" in page
    assert "0 0.5 0.1 1 nan 0.1 2 -1.5 0.2" in text_of(page)
    table = rita.get(f"/jobs/{job.pk}/result.csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert table["Content-Disposition"] == f'attachment; filename="{job.pk}.csv"'
    assert table.content.decode().splitlines() == [
        "number,value,standard error", "0,0.5,0.1", "1,nan,0.1", "2,-1.5,0.2",
    ]  # fmt: skip


def test_it_gives_all_counts_as_a_table(author: Author, backend: Backend, rita: Reader) -> None:
    array = BitArray.from_counts({"00": 3, "10": 1}, num_bits=2)
    job = completed(author, backend, result=sampled(meas=array))
    table = rita.get(f"/jobs/{job.pk}/result.csv", zoom=16).content.decode().splitlines()
    assert table == ["outcome,count,part", "00,3,0.75", "10,1,0.25"]


@pytest.mark.parametrize("over", [{}, {"result": b"{}"}, {"private": True}])
def test_it_has_no_table_of_what_it_does_not_draw(
    author: Author, backend: Backend, wanda: Reader, over: dict[str, Any]
) -> None:
    submitted = {"submitted": {"private": True}} if over.get("private") else {}
    job = completed(author, backend, **over, **submitted)
    assert wanda.get(f"/jobs/{job.pk}/result.csv").status_code == 404
    told = "is private" if over.get("private") else "not drawn here"
    assert told in wanda.sees(f"/jobs/{job.pk}")


def test_it_says_when_the_backend_was_calibrated_in_between(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    job = submit(author, backend)
    CalibrationSet.objects.create(backend=backend, taken_at=at(2))
    Worker(backend).start(5)
    assert "The backend was calibrated in between" in wanda.sees(f"/jobs/{job.pk}")


def test_it_shows_inputs_as_a_child_tells_them_and_never_as_markup(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    job = completed(author, backend)
    gate = Gate(0, "cx", HOSTILE, [0, 1], HOSTILE)
    circuit = CircuitSketch(
        name=HOSTILE, qubits=5, bits=0, gates=1, depth=1, parameters=0, counts={HOSTILE: 1}, wires=[0, 3],
        drawn=[gate, Gate(1, HOSTILE, HOSTILE, [1])], is_cut=True,
    )  # fmt: skip
    pub = PubSketch(circuit=0, amount=HOSTILE, shape="3", observables=HOSTILE)
    sketch = Sketch(circuits=[circuit], circuit_count=9, pubs=[pub], pub_count=2, options=HOSTILE)
    JobSketch.objects.create(job=job, body=encode_sketch(sketch))
    page = wanda.get(f"/jobs/{job.pk}/inputs").content.decode()
    assert "<script>alert" not in page
    text = text_of(page)
    assert "1 gates, depth 1, 2 of 5 qubits; the beginning" in text
    assert "1 of 9 circuits are drawn." in text
    assert "1 of 2 pubs are listed." in text
    part = wanda.client.get(f"/jobs/{job.pk}/inputs", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert '<circle class="control"' in part


def test_it_lists_the_other_jobs_of_its_session(author: Author, backend: Backend, wanda: Reader) -> None:
    session = open_(author, backend)
    job, other = (submit(author, backend, when, session_id=session.pk) for when in (1, 2))
    text = wanda.sees(f"/jobs/{job.pk}")
    assert f"Other jobs of its session State Job Program Created Waited Ran Queued {other.pk}" in text


def test_it_renders_each_live_part_like_the_whole_page(
    author: Author, backend: Backend, wanda: Reader
) -> None:
    job = completed(author, backend, result=sampled(meas=ONE_SHOT))
    whole = wanda.get(f"/jobs/{job.pk}").content.decode()
    for part in job_pages.PARTS:
        told = wanda.client.get(f"/jobs/{job.pk}", headers={"X-Live": part}).content.decode().strip()
        assert told.startswith(f'<div id="{part}"')
        assert told in whole
