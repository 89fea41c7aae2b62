"""The cards of backends and the page of one."""

import csv
import io
import json

import pytest

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.backends.services import install_device
from reservations_app.models import Window
from sessions_app.models import Job
from sessions_app.pages import backend as backend_pages
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, make_instance, open_, submit
from tests.pages.conftest import Reader, text_of
from tests.services.worker import Worker


@pytest.fixture
def nairobi(time: Time) -> Backend:
    """A chip with its real documents."""
    return install_device(device=next(d for d in demo_devices() if d.name == "demo_nairobi"), now=at(-60))


def book(backend: Backend, start: float, end: float, by: Reader, instance: Instance | None) -> Window:
    kind = "reservation" if instance else "maintenance"
    fields = {"created_by": by.user, "created_at": at(0), "instance": instance, "kind": kind}
    return Window.objects.create(backend=backend, starts_at=at(start), ends_at=at(end), **fields)


def test_it_tells_what_is_now_and_next(
    author: Author, backend: Backend, wanda: Reader, olga: Reader, lab: Instance, time: Time
) -> None:
    session = open_(author, backend)
    job = submit(author, backend, 1, session_id=session.pk)
    Worker(backend).start(2)
    book(backend, 1000, 2000, olga, lab)
    book(backend, 3000, 4000, olga, make_instance(name="rivals"))
    book(backend, 5000, 6000, olga, None)
    time.seconds = 5
    for path in ("/backends", f"/backends/{backend.name}"):
        text = wanda.sees(path)
        assert f"Now Session {session.pk} for a while Job {job.pk} for a while" in text
        assert "Next Reservation the lab 2026-11-21 12:16:40 Reservation another instance" in text
        assert "Maintenance 2026-11-21 13:23:20" in text
        assert "rivals" not in text
    assert "Reservation rivals" in olga.sees("/backends")


def test_it_hides_whose_job_and_session_others_have(
    author: Author, backend: Backend, stranger: Reader, time: Time
) -> None:
    session = open_(author, backend)
    job = submit(author, backend, 1, session_id=session.pk, tags=["secret"])
    waiting = submit(author, backend, 2)
    Worker(backend).start(3)
    time.seconds = 5
    for path in ("/backends", f"/backends/{backend.name}"):
        page = stranger.get(path).content.decode()
        for name in (session.pk, job.pk, waiting.pk, "secret", "the lab", "wanda"):
            assert name not in page
        assert "Session of another instance" in text_of(page)
    text = stranger.sees(f"/backends/{backend.name}")
    assert "1 a job of another instance The backend works for a session of another instance" in text


def test_it_lists_the_queue_in_its_true_order_with_reasons(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    worker = Worker(backend)
    for n in range(4):
        submit(author, backend, n)
        worker.start(10 * n)
        worker.turn(10 * n + 9, end="completed", quantum_seconds=99)
    submit(make_author(), backend, 101)
    worker.start(102)
    mine = submit(author, backend, 103)
    submit(make_author(), backend, 104)
    time.seconds = 105
    text = wanda.sees(f"/backends/{backend.name}")
    assert "2 jobs waiting" in text
    place = text.index("1 a job of another instance It is next, after a job of another instance")
    assert place < text.index(
        f"2 {mine.pk} the lab Fair share gives the next turn to a job of another instance. F2"
    )


def test_s2_it_lists_a_due_calibration_where_it_will_run(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    submit(author, backend)
    Worker(backend).start(1)
    system = submit(make_author(), backend, 2)
    Job.objects.filter(pk=system.pk).update(is_system=True, due_at=at(3))
    mine = submit(author, backend, 2)
    time.seconds = 5
    text = wanda.sees(f"/backends/{backend.name}")
    assert "1 job waiting" in text
    first = text.index("1 a calibration or maintenance job Calibrations and maintenance jobs go before all")
    assert first < text.index(f"2 {mine.pk} the lab")
    assert system.pk not in text


def test_it_lists_the_beginning_of_a_long_queue(
    author: Author, backend: Backend, wanda: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_pages, "SHOWN_QUEUE", 2)
    jobs = [submit(author, backend, n).pk for n in range(3)]
    text = wanda.sees(f"/backends/{backend.name}")
    assert "The first 2 of 3." in text
    assert jobs[2] not in text


def test_it_tells_the_day_in_lanes_and_in_words(
    author: Author, backend: Backend, wanda: Reader, olga: Reader, lab: Instance, time: Time
) -> None:
    session = open_(author, backend)
    submit(author, backend, 1, session_id=session.pk)
    worker = Worker(backend)
    worker.start(2)
    worker.turn(400, end="completed")
    submit(author, backend, 500)
    book(backend, 5000, 6000, olga, lab)
    time.seconds = 600
    page = wanda.get(f"/backends/{backend.name}").content.decode()
    for look in ("stretch session", "stretch job completed", "stretch job expected", "stretch reservation"):
        assert look in page
    text = text_of(page)
    assert "1 job ran." in text
    assert "Session active the lab 2026-11-21 12:00:02 goes on" in text
    assert "Reservation the lab 2026-11-21 13:23:20 2026-11-21 13:40:00" in text


def test_it_draws_the_map_and_gives_the_tables(nairobi: Backend, wanda: Reader) -> None:
    page = wanda.get("/backends/demo_nairobi").content.decode()
    assert page.count('<circle class="qubit') == 7
    assert page.count('<line class="pair') == 6
    assert "qubit 0: readout error 5.8 %" in page
    assert 'aria-current="true"' in page
    by_t1 = wanda.get("/backends/demo_nairobi", colour="t1").content.decode()
    assert "qubit 0: T1 89.12 µs" in by_t1
    assert wanda.get("/backends/demo_nairobi", colour="x" * 99).status_code == 200
    qubits = list(csv.reader(io.StringIO(wanda.get("/backends/demo_nairobi/qubits.csv").content.decode())))
    assert (len(qubits), qubits[0][:2], qubits[1][:2]) == (8, ["Qubit", "T1 (µs)"], ["0", "89.119"])
    gates = list(csv.reader(io.StringIO(wanda.get("/backends/demo_nairobi/gates.csv").content.decode())))
    assert len(gates) == 48
    assert ["cx", "0 1"] in [row[:2] for row in gates]


def test_it_shows_the_course_of_calibrations_with_the_drift(nairobi: Backend, wanda: Reader) -> None:
    shipped = json.loads(CalibrationSet.objects.get(backend=nairobi).properties)
    for qubit in shipped["qubits"]:
        qubit[0]["value"] *= 0.9
    CalibrationSet.objects.create(backend=nairobi, taken_at=at(-5), properties=json.dumps(shipped))
    page = wanda.get("/backends/demo_nairobi").content.decode()
    text = text_of(page)
    assert "2 sets; drift is the change from the set before." in text
    assert "drift -10.0 %" in text
    assert "drift 0.0 %" in text
    assert page.count('<polyline class="trend"') == 5


def test_it_shows_a_simulator_and_a_broken_document_without_a_map(backend: Backend, wanda: Reader) -> None:
    make_backend(name="odd", configuration="[]")
    for name in (backend.name, "odd"):
        page = wanda.get(f"/backends/{name}").content.decode()
        assert 'class="drawing device"' not in page
        assert "QiskitRuntimeService().backend(" in page


def test_it_makes_the_live_part_without_the_rest(author: Author, nairobi: Backend, wanda: Reader) -> None:
    submit(author, nairobi)
    whole = wanda.get("/backends/demo_nairobi").content.decode()
    answer = wanda.client.get("/backends/demo_nairobi", headers={"X-Live": "backend-now"})
    part = answer.content.decode().strip()
    assert part.startswith('<div id="backend-now"')
    assert part in whole
    cards = wanda.client.get("/backends", headers={"X-Live": "backend-cards"}).content.decode().strip()
    assert cards in wanda.get("/backends").content.decode()


@pytest.mark.parametrize("name", ["nothing", "a%00b", "x" * 300])
def test_it_knows_no_other_backends(wanda: Reader, name: str) -> None:
    for path in (f"/backends/{name}", f"/backends/{name}/qubits.csv", f"/backends/{name}/gates.csv"):
        assert wanda.get(path).status_code == 404
