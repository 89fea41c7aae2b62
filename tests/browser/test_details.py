"""The pages of one job, session, backend and calibration, in a real browser."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect
from qiskit.primitives.containers import BitArray

from quantumsvc import clock
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.execution.sketches import CircuitSketch, Gate, PubSketch, Sketch, encode_sketch
from quantumsvc.backends.models import Backend
from quantumsvc.backends.services import install_device
from sessions_app.models import CalibrationRun, Job, JobSketch, Session
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from sessions_app.services.submission import Author
from tests.browser.conftest import Visits, hindrances
from tests.factories import START, open_, submit
from tests.pages.conftest import Reader
from tests.results import sampled
from tests.services.worker import Worker

GATES = [Gate(0, "sx", "sx", [0]), Gate(1, "cx", "cx", [0, 1]), Gate(2, "measure", "measure", [0], "meas[0]")]
SKETCH = Sketch(
    circuits=[
        CircuitSketch(
            name="bell", qubits=7, bits=2, gates=3, depth=3, parameters=0, counts={"cx": 1, "sx": 1},
            wires=[0, 1], drawn=GATES, is_cut=False,
        )
    ],
    circuit_count=1,
    pubs=[PubSketch(circuit=0, amount="100 shots", shape="one set")],
    pub_count=1,
    options="{}",
)  # fmt: skip
COUNTS = {format(number, "07b"): number + 1 for number in range(100)}


@pytest.fixture
def lately() -> float:
    """Seconds from the beginning of the factories' time to a minute ago."""
    return (clock.now() - timedelta(minutes=1) - START).total_seconds()


@pytest.fixture
def device(transactional_db: None) -> Backend:
    return install_device(device=next(d for d in demo_devices() if d.name == "demo_nairobi"), now=clock.now())


@pytest.fixture
def worker(device: Backend, lately: float) -> Worker:
    return Worker(device, when=lately)


@pytest.fixture
def session(author: Author, device: Backend, worker: Worker, lately: float) -> Session:
    """Active for half an hour at most, so that its timer tells seconds; a job ended, one runs, one waits."""
    session = open_(author, device, lately, max_ttl=1800)
    for number in range(3):
        submit(author, device, lately + number, session_id=session.pk)
    worker.start(lately + 5)
    result = sampled(meas=BitArray.from_counts(COUNTS, num_bits=7))
    worker.turn(lately + 9, end="completed", result=result, log="a line")
    return session


@pytest.fixture
def ended(session: Session) -> Job:
    """The session's ended job, whose inputs are known."""
    job = Job.objects.get(state="completed")
    JobSketch.objects.create(job=job, body=encode_sketch(SKETCH))
    return job


def test_its_detail_pages_are_usable_by_everybody(
    visit: Visits, max_: Reader, ended: Job, device: Backend
) -> None:
    wish = Wish(due_at=clock.now())
    run = request_calibration(backend=device, wish=wish, now=clock.now(), by=None)
    session, backend = f"/sessions/{ended.session_id}", f"/backends/{device.name}"
    paths = [f"/jobs/{ended.pk}", session, f"{session}/extend", "/backends", backend, f"{backend}/compare"]
    paths += ["/calibrations", f"/calibrations/{run.pk}"]
    page = visit.open(max_.user)
    for path in paths:
        page.goto(visit.address + path)
        page.wait_for_load_state("networkidle") if path.startswith("/jobs") else None
        for summary in page.locator("main details > summary").all():
            summary.click()
        assert hindrances(page) == [], path


def test_its_circuits_are_drawn_when_the_page_is_there(visit: Visits, rita: Reader, ended: Job) -> None:
    page = visit(rita.user, f"/jobs/{ended.pk}")
    drawing = page.get_by_role("img", name="Circuit bell: 3 gates on 2 of 7 qubits")
    expect(drawing).to_be_visible()
    expect(drawing.locator("circle.control")).to_have_count(1)
    expect(page.get_by_role("cell", name="100 shots")).to_be_visible()


def test_its_histogram_is_looked_at_closer_without_leaving_the_page(
    visit: Visits, rita: Reader, ended: Job
) -> None:
    page = visit(rita.user, f"/jobs/{ended.pk}")
    bars = page.locator("#job-result rect.bar")
    expect(bars).to_have_count(64)
    page.evaluate("window.stays = true")
    page.get_by_role("link", name="Zoom in").click()
    expect(bars).to_have_count(16)
    page.get_by_role("link", name="After").click()
    expect(page.locator("#job-result")).to_contain_text("Shown: 17 to 32 of 100.")
    page.get_by_label("Order").select_option("most frequent first")
    expect(page.locator("#job-result")).to_contain_text("Shown: 1 to 64 of 100.")
    assert page.evaluate("window.stays") is True
    assert "order=count" in page.url
    page.reload()
    expect(bars.first.locator("title")).to_have_text("1100011: 100 of 5050 (1.98%)")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == f"{ended.pk}.csv"


@pytest.mark.parametrize("websocket", [True, False])
def test_its_job_page_follows_the_job(
    visit: Visits, wanda: Reader, session: Session, worker: Worker, lately: float, websocket: bool
) -> None:
    running = Job.objects.get(state="running")
    page = visit(wanda.user, f"/jobs/{running.pk}", websocket=websocket)
    expect(page.locator("#job-now .badge")).to_have_text("Running: preparing")
    result = sampled(meas=BitArray.from_counts({"00": 3, "11": 1}, num_bits=2))
    worker.turn((clock.now() - START).total_seconds(), end="completed", result=result)
    expect(page.locator("#job-now .badge")).to_have_text("Completed")
    expect(page.locator("#job-result rect.bar")).to_have_count(2)
    visit.errors.clear()


def test_its_session_page_counts_down_and_follows_the_session(
    visit: Visits, max_: Reader, session: Session
) -> None:
    page = visit(max_.user, f"/sessions/{session.pk}")
    left = page.locator(".timer .left").first
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the session").click()
    expect(page.locator("#session-now .badge").first).to_have_text("Closed")
    expect(page.get_by_role("img", name="The session is closed")).to_be_visible()


def test_its_manager_gives_more_time_with_the_keyboard(
    visit: Visits, max_: Reader, author: Author, device: Backend
) -> None:
    session = open_(author, device, (clock.now() - START).total_seconds(), max_ttl=600)
    page = visit(max_.user, f"/sessions/{session.pk}")
    page.get_by_role("link", name="More time…").focus()
    page.keyboard.press("Enter")
    field = page.get_by_label("New maximum time in all")
    field.fill("9h")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at most 28800 seconds")
    visit.errors.clear()
    field.fill("2h")
    field.press("Enter")
    expect(page.get_by_role("status").filter(has_text="2 h in all")).to_be_visible()


def test_its_map_changes_its_colours_in_place(visit: Visits, rita: Reader, device: Backend) -> None:
    page = visit(rita.user, "/backends/demo_nairobi")
    expect(page.locator("#device-map circle.qubit")).to_have_count(7)
    page.get_by_role("link", name="T1", exact=True).click()
    expect(page.locator("#device-map")).to_contain_text("Qubits by T1")
    page.wait_for_url("**colour=t1*")


def test_its_backend_page_follows_the_queue(
    visit: Visits, wanda: Reader, author: Author, device: Backend
) -> None:
    page = visit(wanda.user, "/backends/demo_nairobi")
    expect(page.locator("#backend-now")).to_contain_text("0 jobs waiting")
    job = submit(author, device, (clock.now() - START).total_seconds())
    expect(page.get_by_role("link", name=job.pk)).to_be_visible()


def test_its_operator_asks_for_a_calibration(visit: Visits, olga: Reader, device: Backend) -> None:
    page = visit(olga.user, "/calibrations")
    page.get_by_role("link", name="Run now…").click()
    page.get_by_label("Note").fill("after the move")
    page.get_by_role("button", name="Run a calibration").click()
    expect(page.locator("#calibration-now .badge")).to_have_text("Waiting")
    page.get_by_role("link", name="All calibrations").click()
    expect(page.get_by_role("link", name=CalibrationRun.objects.get().pk)).to_be_visible()
