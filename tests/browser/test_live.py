"""The Jobs page while work goes on: what it shows live is what a fresh page shows."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from quantumsvc import clock
from quantumsvc.accounts.models import Membership
from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from sessions_app.pages.work.paging import SIZE
from sessions_app.services.endings import cancel_job
from sessions_app.services.submission import Author
from tests.benchmarks.flooding import change
from tests.browser.conftest import PATIENCE_MS, Visits, hindrances
from tests.factories import START, make_author, open_, submit
from tests.pages.conftest import Reader
from tests.services.worker import Worker


def seconds() -> float:
    """The present, as the factories count."""
    return (clock.now() - START).total_seconds()


def told(page: Page) -> list[str]:
    """The table and its counts as text, without the words that tick."""
    script = """() => {
        const copy = document.getElementById("work").cloneNode(true);
        const ticking = "[data-since], [data-left], [data-ago]";
        for (const time of copy.querySelectorAll(ticking)) time.textContent = "";
        for (const row of copy.querySelectorAll(".flash")) row.classList.remove("flash");
        return copy.innerHTML.replace(/ class=""/g, "").split(/\\s*\\n\\s*/);
    }"""
    found: list[str] = page.evaluate(script)
    return found


def comes_to_tell(page: Page, wanted: list[str]) -> bool:
    """Whether it does, once all that it heard of is fetched."""
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while (differs := told(page) != wanted) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    return not differs


def state(page: Page, job: Job) -> str:
    return page.locator(f"#job-{job.pk} .badge").inner_text()


@pytest.mark.parametrize("websocket", [True, False], ids=["pushed", "polled"])
def test_it_shows_what_a_fresh_page_shows(
    visit: Visits, wanda: Reader, author: Author, backend: Backend, websocket: bool
) -> None:
    began = seconds() - 60
    session = open_(author, backend, began)
    first = submit(author, backend, began + 1, session_id=session.pk)
    second = submit(author, backend, began + 2, session_id=session.pk)
    third = submit(author, backend, began + 3, tags=["late"])
    paths = ("/", "/?state=queued")
    page, filtered = (visit(wanda.user, path, websocket=websocket) for path in paths)
    for each in (page, filtered):
        expect(each.locator("#connection")).to_contain_text("Live" if websocket else "Polling")
    worker = Worker(backend, when=seconds())
    worker.start(seconds())
    worker.start(seconds(), end="completed")
    cancel_job(job=third, now=clock.now())
    fourth = submit(author, backend, seconds())
    expect(page.locator(f"#job-{fourth.pk}")).to_be_visible()
    expect(page.locator(f"#job-{third.pk} .badge")).to_have_text("Cancelled")
    expect(page.locator(f"#job-{first.pk} .badge")).to_have_text("Completed")
    expect(page.locator(f"#job-{second.pk} .badge")).to_contain_text("Running")
    expect(page.locator(f"#session-{session.pk}")).to_contain_text("1 done · 1 running · 0 queued")
    expect(filtered.locator("tr.job")).to_have_count(1)
    for each, path in zip((page, filtered), paths, strict=True):
        assert comes_to_tell(each, told(visit(wanda.user, path, websocket=websocket)))
    if not websocket:
        visit.errors[:] = [each for each in visit.errors if "WebSocket" not in each]


_LOOK_AWAY = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
_NOTE_STATES = """() => {
    const shown = document.getElementById("connection");
    window.states = [];
    new MutationObserver(() => window.states.push(shown.dataset.state)).observe(
        shown, { attributeFilter: ["data-state"] });
}"""


def _is_still_until(page: Page, other: Page, resume: Callable[[], object], job: Job) -> bool:
    """Whether nothing is asked for or shown of the job, which another page shows, before ``resume``."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = told(page)
    expect(other.locator(f"#job-{job.pk}")).to_be_visible()
    is_still = not asked and told(page) == before
    resume()
    return is_still


def test_it_is_still_while_it_is_paused_or_hidden_and_catches_up_afterwards(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    page, other = visit(wanda.user), visit(wanda.user)
    state, rows = page.locator("#connection"), page.locator("tr.job")
    for each in (page, other):
        expect(each.locator("#connection")).to_contain_text("Live")
    page.wait_for_load_state("networkidle")
    state.click()
    expect(state).to_contain_text("Paused")
    assert _is_still_until(page, other, state.click, submit(author, backend, seconds()))
    expect(rows).to_have_count(1)
    expect(state).to_contain_text("Live")
    page.wait_for_load_state("networkidle")
    page.evaluate(_LOOK_AWAY, True)
    expect(state).to_contain_text("Paused")
    job = submit(author, backend, seconds())
    assert _is_still_until(page, other, lambda: page.evaluate(_LOOK_AWAY, False), job)
    expect(rows).to_have_count(2)
    expect(state).to_contain_text("Live")


def test_a_new_job_comes_in_at_the_top_of_a_full_page_and_the_last_one_leaves(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    jobs = [submit(author, backend, seconds() - 60 + number) for number in range(SIZE)]
    page = visit(wanda.user)
    expect(page.locator("#connection")).to_contain_text("Live")
    new = submit(author, backend, seconds())
    expect(page.locator("tr.job").first).to_have_attribute("id", f"job-{new.pk}")
    expect(page.locator(f"#job-{jobs[0].pk}")).to_have_count(0)
    expect(page.locator("tr.job")).to_have_count(SIZE)
    assert comes_to_tell(page, told(visit(wanda.user)))


def test_it_says_that_it_reconnects_and_then_catches_up(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    page = visit.open(wanda.user)
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/ws/**", connect)
    page.goto(visit.address)
    expect(page.locator("#connection")).to_contain_text("Live")
    page.evaluate(_NOTE_STATES)
    sockets[0].close()
    missed = submit(author, backend, seconds())
    expect(page.locator(f"#job-{missed.pk}")).to_be_visible()
    expect(page.locator("#connection")).to_contain_text("Live")
    states = page.evaluate("window.states")
    assert (states[0], states[-1], "polling" in states) == ("reconnecting", "live", False)
    heard = submit(author, backend, seconds())
    expect(page.locator(f"#job-{heard.pk}")).to_be_visible()


def test_it_is_not_flooded_by_ten_thousand_changes_a_minute(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    """500 in three seconds, of jobs that it shows."""
    jobs = [submit(author, backend, seconds()) for _ in range(10)]
    page, heard, asked = visit.open(wanda.user), list[object](), list[str]()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda told: heard.append(told)))
    page.goto(visit.address)
    expect(page.locator("#connection")).to_contain_text("Live")
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: asked.append(request.url))
    heard.clear()
    began = seconds()
    for number in range(500):
        change(jobs[number % 10])
        page.wait_for_timeout(5)
    for job in jobs:
        expect(page.locator(f"#job-{job.pk}")).to_contain_text(f"version-{job.version}")
    took = seconds() - began
    # At most five messages a second of the instance and as many of the backend.
    assert 0 < len(heard) < 11 * took + 2
    assert 0 < len(asked) < 3 * took + 11


def test_it_stops_hearing_when_the_role_is_taken_away(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    submit(author, backend, seconds())
    page = visit(wanda.user)
    expect(page.locator("#connection")).to_contain_text("Live")
    Membership.objects.filter(user=wanda.user).delete()
    expect(page.get_by_text("You are a member of no instance yet")).to_be_visible()


def test_it_keeps_ticks_and_focus_while_rows_change(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    first, second = submit(author, backend, seconds()), submit(author, backend, seconds())
    page = visit(wanda.user)
    expect(page.locator("#connection")).to_contain_text("Live")
    page.locator(f"#tick-{first.pk}").check()
    cancel_job(job=second, now=clock.now())
    expect(page.locator(f"#job-{second.pk} .badge")).to_have_text("Cancelled")
    expect(page.locator(f"#tick-{first.pk}")).to_be_checked()
    assert page.evaluate("document.activeElement.id") == f"tick-{first.pk}"
    page.get_by_role("button", name="Cancel selected (1)").click()
    page.get_by_role("button", name=re.compile("Cancel 1 job")).click()
    expect(page.locator(f"#job-{first.pk} .badge")).to_have_text("Cancelled")


def test_its_filters_go_into_the_address_and_stay_live(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    submit(author, backend, seconds(), tags=["other"])
    page = visit(wanda.user)
    page.locator("#f-text").fill("sweep")
    expect(page.locator("tr.job")).to_have_count(0)
    assert "text=sweep" in page.url
    found = submit(author, backend, seconds(), tags=["sweep"])
    expect(page.locator(f"#job-{found.pk}")).to_be_visible()
    submit(make_author(), backend, seconds(), tags=["sweep"])
    last = submit(author, backend, seconds(), tags=["sweep"])
    expect(page.locator(f"#job-{last.pk}")).to_be_visible()
    expect(page.locator("tr.job")).to_have_count(2)


def test_a_reader_is_offered_nothing_to_cancel(
    visit: Visits, rita: Reader, author: Author, backend: Backend
) -> None:
    submit(author, backend, seconds())
    page = visit(rita.user)
    expect(page.locator("tr.job")).to_have_count(1)
    expect(page.locator("#cancel-ticked")).to_have_count(0)
    expect(page.locator("input[name=id]")).to_have_count(0)


def test_columns_come_and_go_and_the_browser_remembers_which(
    visit: Visits, wanda: Reader, author: Author, backend: Backend
) -> None:
    submit(author, backend, seconds())
    page = visit(wanda.user)
    page.locator(".columns summary").click()
    page.locator("#c-limit").check()
    page.locator("#c-mode").uncheck()
    limit, mode = (page.locator("th", has_text=word) for word in ("Time limit", "Mode"))
    expect(limit).to_have_count(1)
    expect(mode).to_have_count(0)
    page.reload()
    expect(limit).to_have_count(1)
    expect(mode).to_have_count(0)
    assert hindrances(page) == []
