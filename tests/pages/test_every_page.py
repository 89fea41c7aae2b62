"""What holds for every page, one by one: who gets it, what it loads, how often it asks the database.

``PAGES`` names all addresses. A new one fails the first test until it is listed.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from quantumsvc.backends.execution.sketches import CircuitSketch, Gate, PubSketch, Sketch, encode_sketch
from quantumsvc.backends.models import Backend
from sessions_app.models import CalibrationSchedule, Job, JobSketch, Session
from sessions_app.pages import urls
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from sessions_app.services.submission import Author
from tests.api.test_query_counts import statements
from tests.factories import at, make_backend, open_, submit
from tests.pages.conftest import Reader
from tests.results import ONE_SHOT, sampled
from tests.services.worker import Worker

# With the statements each sends; the first two read the browser's session and its user.
PAGES = {
    "": 21,
    "jobs/cancel": 8,
    "jobs/<str:ident>": 12,
    "jobs/<str:ident>/inputs": 5,
    "jobs/<str:ident>/result": 5,
    "jobs/<str:ident>/result.csv": 7,
    "jobs/<str:ident>/log": 5,
    "jobs/<str:ident>/cancel": 5,
    "sessions/<str:ident>": 15,
    "sessions/<str:ident>/extend": 5,
    "sessions/<str:ident>/close": 5,
    "sessions/<str:ident>/cancel": 5,
    "backends": 10,
    "backends/<str:name>": 25,
    "backends/<str:name>/qubits.csv": 4,
    "backends/<str:name>/gates.csv": 4,
    "usage": 27,
    "usage/limits": 4,
    "usage.csv": 4,
    "backends/<str:name>/compare": 4,
    "backends/<str:name>/calibrate": 3,
    "calibrations": 8,
    "calibrations/<str:ident>": 5,
    "calibrations/<str:ident>/cancel": 4,
    "calibrations/schedules/new": 2,
    "calibrations/schedules/<str:ident>": 3,
    "calibrations/schedules/<str:ident>/delete": 3,
    "connect": 5,
}
# One that leads to the Jobs page, one that only takes what a form of another page sends, and a page's part.
WITHOUT_PAGE = {"sessions", "calibrations/alerts/<str:ident>/seen", "usage/wait"}
OF_ONE = [page for page in PAGES if "<" in page]
FILES = ("/result", "/log", ".csv")
BY_MANAGERS = ("/extend", "/limits")
BY_OPERATORS = ("/calibrate", "calibrations/<str:ident>/cancel", "/new", "/delete", "schedules/<str:ident>")


SKETCH = Sketch(
    circuits=[
        CircuitSketch(
            name="secret", qubits=2, bits=1, gates=1, depth=1, parameters=0, counts={"x": 1}, wires=[0],
            drawn=[Gate(0, "x", "x", [0])], is_cut=False,
        )
    ],
    circuit_count=1,
    pubs=[PubSketch(circuit=0, amount="1 shots", shape="one set")],
    pub_count=1,
)  # fmt: skip


def test_it_knows_every_page() -> None:
    assert {str(each.pattern) for each in urls.urlpatterns} == set(PAGES) | WITHOUT_PAGE


@pytest.fixture
def things(author: Author, backend: Backend) -> dict[str, str]:
    """An ended job with all there is, in an active session that has another one queued.

    Its backend is that of the lab only.
    """
    Backend.objects.filter(pk=backend.pk).update(open_to_all=False)
    backend.grants.create(instance=author.instance)
    session = open_(author, backend)
    jobs = [submit(author, backend, when, session_id=session.pk, tags=["secret"]) for when in (0, 1, 1.5)]
    worker = Worker(backend)
    worker.start(2)
    worker.turn(3, end="completed", log="secret line", result=sampled(secret=ONE_SHOT))
    JobSketch.objects.create(job=jobs[0], body=encode_sketch(SKETCH))
    run = request_calibration(backend=backend, wish=Wish(due_at=at(3), note="secret"), now=at(3), by=None)
    named = {"jobs": jobs[0].pk, "sessions": session.pk, "backends": backend.name}
    when = {"starts_at": at(0), "created_at": at(0), "updated_at": at(0)}
    schedule = CalibrationSchedule.objects.create(backend=backend, name="secret", rrule="FREQ=DAILY", **when)
    return {**named, "calibrations": run.pk, "calibrations/schedules": schedule.pk}


def address(page: str, things: dict[str, str]) -> str:
    named = things.get(page.partition("/<")[0], "")
    return "/" + page.replace("<str:ident>", named).replace("<str:name>", named)


@pytest.mark.parametrize("page", OF_ONE)
def test_it_does_not_exist_for_strangers(page: str, things: dict[str, str], stranger: Reader) -> None:
    before = [list(model.objects.order_by("pk").values()) for model in (Job, Session)]
    unknown = dict.fromkeys(things, "nothing")
    for call in (stranger.get, stranger.post):
        answer, never = call(address(page, things)), call(address(page, unknown))
        assert answer.status_code == never.status_code
        assert answer.status_code in (404, 405)
        assert "secret" not in answer.content.decode()
    assert stranger.get(address(page, things)).status_code == 404
    assert [list(model.objects.order_by("pk").values()) for model in (Job, Session)] == before


@pytest.mark.parametrize("page", PAGES)
def test_it_asks_who_is_not_signed_in_to_do_so(page: str, things: dict[str, str]) -> None:
    where = address(page, things)
    assert Client().get(where)["Location"] == f"/login?next={where}"


@pytest.mark.parametrize("page", PAGES)
def test_it_sends_as_many_statements_as_recorded(
    page: str,
    things: dict[str, str],
    wanda: Reader,
    max_: Reader,
    olga: Reader,
    author: Author,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = address(page, things)
    reader = olga if page.endswith(BY_OPERATORS) else max_ if page.endswith(BY_MANAGERS) else wanda
    reader.get(where)
    for more in range(2):
        with statements(monkeypatch) as seen:
            assert reader.get(where).status_code == 200
        assert len(seen) == PAGES[page], "\n".join(text[:160] for text in seen)
        for when in range(3):
            submit(author, backend, 10 + when + 10 * more, session_id=things["sessions"])
            open_(author, make_backend(), when)


class Loaded(HTMLParser):
    """What a page loads, where its links and forms lead, and what it has inline."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: set[str] = set()
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.addresses += [named[name] for name in ("href", "src", "action", "srcset") if name in named]
        loaded = tag == "script" and "src" in named
        self.inline += [tag] if tag in {"script", "style", "iframe", "object"} and not loaded else []
        self.inline += [name for name in named if name == "style" or name.startswith("on")]
        self.ids += [named["id"]] if "id" in named else []
        if tag == "label":
            self.labelled.add(named["for"])
        if tag in {"input", "select", "textarea", "progress"} and named.get("type") != "hidden":
            self.inputs.add(named["id"])


@pytest.mark.parametrize("page", [page for page in PAGES if not page.endswith(FILES)])
def test_it_is_sound_html_that_loads_nothing_from_elsewhere(
    page: str, things: dict[str, str], max_: Reader
) -> None:
    answer = max_.get(address(page, things))
    text = answer.content.decode()
    check_page(text)
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert answer["Cache-Control"] == "no-store"


def test_it_holds_for_the_pages_without_a_reader(db: None) -> None:
    for path in ("/login", "/nothing"):
        check_page(Client().get(path).content.decode())


def check_page(text: str) -> None:
    found = Loaded(text)
    assert not [each for each in found.addresses if not re.match(r"[/?#](?!/)", each)]
    assert found.inline == []
    assert found.inputs == found.labelled
    assert len(found.ids) == len(set(found.ids))
    assert '<html lang="en" ' in text
    assert 'class="skip" href="#content"' in text
    assert text.count("<h1") == 1
    assert re.search(r"<title>[^<]+ · quantumsvc</title>", text)


def files() -> Iterator[Path]:
    yield from (settings.BASE_DIR / "templates").rglob("*.html")
    yield from (settings.BASE_DIR / "sessions_app" / "static").rglob("*.*")


def test_it_names_no_other_host_in_any_file() -> None:
    names = [file.name for file in files()]
    assert {"base.html", "500.html", "site.css"} <= set(names)
    for file in files():
        hosts = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", file.read_text()))
        assert hosts <= {"http://www.w3.org"}, file


def test_it_finds_its_style_and_icon() -> None:
    base = (settings.BASE_DIR / "templates" / "base.html").read_text()
    used = re.findall(r"\{% static '([^']+)' %\}", base)
    assert len(used) == 6
    assert all(finders.find(name) for name in used)
