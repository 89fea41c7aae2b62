"""People who look at live pages: one in a real browser, the others as plain sockets of several tenants.

To be imported before anything of Django's: it names a database of its own and makes its tables.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.database import begin

if not os.environ.get("DATABASE_URL"):
    begin()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from quantumsvc import clock  # noqa: E402
from quantumsvc.accounts.models import User  # noqa: E402
from quantumsvc.backends.models import Backend  # noqa: E402
from sessions_app.services.submission import Author  # noqa: E402
from tests.browser.chromium import launch  # noqa: E402
from tests.browser.conftest import Visits, session_cookie  # noqa: E402
from tests.browser.serving import serving  # noqa: E402
from tests.factories import START, make_author, make_backend, submit  # noqa: E402

TENANTS = 10
# The page is full, and so many of its rows wait.
ROWS, WAITING = 60, 15


def seconds() -> float:
    """The present, as the factories count."""
    return (clock.now() - START).total_seconds()


@dataclass
class Audience:
    """``page`` is looked at by ``authors[0]``; ``frames`` and ``requests`` are what reached and left it."""

    authors: list[Author]
    backend: Backend
    page: Page
    address: str
    frames: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)

    @property
    def author(self) -> Author:
        return self.authors[0]


def _fill(authors: list[Author], backend: Backend) -> None:
    from sessions_app.services.endings import cancel_job

    began = seconds() - 3_600
    for number in range(ROWS):
        job = submit(authors[0], backend, began + number)
        if number < ROWS - WAITING:
            cancel_job(job=job, now=clock.now())


@contextmanager
def _sockets(address: str, users: list[User]) -> Iterator[dict[str, int]]:
    """Open until the block ends; then the dictionary tells what they heard."""
    told: dict[str, int] = {}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.sockets", address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n".join([*map(session_cookie, users), "\n"]))
    process.stdin.flush()
    assert process.stdout.readline() == "open\n"
    try:
        yield told
    finally:
        process.stdin.close()
        told |= json.loads(process.stdout.readline())
        process.wait(timeout=10)


@contextmanager
def audience(sockets: int) -> Iterator[Audience]:
    """A page of work in a browser, and as many sockets as are missing to ``sockets``."""
    call_command("migrate", verbosity=0)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    backend = make_backend(name="demo")
    authors = [make_author() for _ in range(TENANTS)]
    _fill(authors, backend)
    others = [authors[number % TENANTS].user for number in range(sockets - 1)]
    with serving() as address, sync_playwright() as playwright, _sockets(address, others) as told:
        frames: list[str] = []
        visits = Visits(launch(playwright), address)
        page = visits.open(authors[0].user)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
        page.goto(address)
        page.locator('#connection[data-state="live"]').wait_for()
        page.wait_for_load_state("networkidle")
        found = Audience(authors, backend, page, address, frames, told=told)
        page.on("request", lambda request: found.requests.append(request.url))
        yield found
