"""A real browser on the real web process.

``visit`` opens a page as somebody: ``page = visit(wanda.user, "/jobs/x", theme="dark", width=400)``. A test
fails when its pages log an error, such as a breach of the content policy, or ask another machine.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.browser.chromium import chromium_path, launch
from tests.browser.serving import serving
from tests.factories import make_backend, make_instance
from tests.pages.conftest import Reader, join, sign_in

WIDE, NARROW = 1400, 400
_HEIGHT = 900
# However busy the machine is, what a test waits for comes within this time, or not at all.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this folder, which are skipped on a machine without one."""
    if chromium_path() is None:
        pytest.skip("The browser tests need Chromium: apt-get install chromium")
    # Playwright's loop runs in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def address(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Where the pages are."""
    with django_db_blocker.unblock(), serving() as where:
        yield where


def session_cookie(user: User) -> str:
    """What the user's browser keeps while they are signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@dataclass
class Visits:
    """All pages that a test opened, and what went wrong on them."""

    browser: Browser
    address: str
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __call__(
        self,
        user: User | None,
        path: str = "/",
        *,
        theme: str = "light",
        width: int = WIDE,
        websocket: bool = True,
    ) -> Page:
        """The page as ``user`` sees it, after its scripts have started."""
        page = self.open(user, theme=theme, width=width)
        if not websocket:
            page.route_web_socket("**/ws/**", lambda socket: socket.close())
        page.goto(self.address + path)
        return page

    def open(self, user: User | None, *, theme: str = "light", width: int = WIDE) -> Page:
        """An empty page in a browser in which ``user`` is signed in."""
        page = self._context(user, theme, width).new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._check)
        return page

    def _context(self, user: User | None, theme: str, width: int) -> BrowserContext:
        context = self.browser.new_context(viewport={"width": width, "height": _HEIGHT})
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        cookies = {"theme": theme}
        if user is not None:
            cookies[settings.SESSION_COOKIE_NAME] = session_cookie(user)
        context.add_cookies([{"name": n, "value": v, "url": self.address} for n, v in cookies.items()])
        return context

    def _note(self, message: ConsoleMessage) -> None:
        # A page that does not exist is an answer like any other.
        if message.type == "error" and "404 (Not Found)" not in message.text:
            self.errors.append(message.text)

    def _check(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(f"{urlsplit(request.url).netloc}: {request.url}")


@pytest.fixture
def visit(chromium: Browser, address: str, transactional_db: None) -> Iterator[Visits]:
    visits = Visits(chromium, address)
    yield visits
    for context in visits.contexts:
        context.close()
    assert visits.errors == []
    assert visits.elsewhere == []


def faults(page: Page) -> list[str]:
    """What axe-core finds that would keep somebody from using the page."""
    # Loading style sheets once more would break the content policy, and no rule here needs it.
    options = {"preload": False, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def hindrances(page: Page) -> list[str]:
    """The same in both themes, and where the page is too wide, in a wide window and in a narrow one."""
    found = []
    for theme, width in (("light", WIDE), ("dark", NARROW)):
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found += [f"{theme}, {width}: {each}" for each in faults(page)]
        if (excess := overflow(page)) > 0:
            found.append(f"{width}: {excess} pixels too wide")
    return found


@pytest.fixture
def lab(transactional_db: None) -> Instance:
    return make_instance(name="the lab")


@pytest.fixture
def wanda(lab: Instance) -> Reader:
    """A writer."""
    return join(lab, Role.WRITER, username="wanda")


@pytest.fixture
def rita(lab: Instance) -> Reader:
    """A reader."""
    return join(lab, Role.READER, username="rita")


@pytest.fixture
def max_(lab: Instance) -> Reader:
    """A manager."""
    return join(lab, Role.MANAGER, username="max")


@pytest.fixture
def olga(transactional_db: None) -> Reader:
    """A platform operator, a member of nothing."""
    return sign_in(username="olga", is_operator=True)


@pytest.fixture
def author(wanda: Reader, lab: Instance) -> Author:
    """Wanda, as the services know her."""
    return Author(user=wanda.user, instance=lab)


@pytest.fixture
def backend(transactional_db: None) -> Backend:
    return make_backend(name="demo")


@pytest.fixture
def now() -> Any:
    """The present, which the web process shares."""
    return clock.now
