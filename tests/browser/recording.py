"""The Jobs page during a search for a ground state: ``python -m tests.browser.recording FOLDER``.

A service of its own is started, with its demo; the official client opens a session and searches for a ground
state, and after a few steps another instance's reservation takes the backend for some seconds. The page is
looked at all the while and never loaded again. Half a second lies between two of the numbered pictures.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.window_lateness import ROOT, wait_for_service

PORT, BACKEND, MEMBER, OTHER = 18_970, "demo_nairobi", "manager", "guest-lab"
GAP_SECONDS, LONGEST_SECONDS, LAST_FRAMES = 0.5, 120.0, 6
STEPS_BEFORE, LEAD, LENGTH = 4, timedelta(seconds=2), timedelta(seconds=8)


@contextmanager
def service(folder: Path) -> Iterator[None]:
    """The whole service, in a data folder of its own."""
    folder.chmod(0o755)
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(PORT)]
    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_for_service(folder)
            yield
        finally:
            up.terminate()
            up.wait(60)


@contextmanager
def search() -> Iterator["subprocess.Popen[bytes]"]:
    """The example, as somebody would run it."""
    python = sys.executable
    script = f'eval "$({python} manage.py client --shell)" && exec {python} examples/session_vqe.py'
    with subprocess.Popen(["bash", "-c", script], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        yield process


def book() -> None:
    """A reservation of another instance that begins in a moment, past the rule that asks for more notice."""
    from django.db import transaction

    from quantumsvc import clock
    from quantumsvc.accounts.models import Instance, User
    from quantumsvc.backends.models import Backend
    from reservations_app.services.booking import Wish, take
    from reservations_app.services.rules import Span

    now = clock.now()
    span = Span(now + LEAD, now + LEAD + LENGTH)
    lab = Instance.objects.get(name=OTHER)
    wish = Wish(backend=Backend.objects.get(name=BACKEND), instance=lab, span=span)
    with transaction.atomic():
        take(wish, by=User.objects.get(username="operator"), now=now)


def await_quiet() -> None:
    """Until the demo's own jobs have ended."""
    from sessions_app.models import Job

    deadline = time.monotonic() + LONGEST_SECONDS
    while Job.objects.filter(state__in=("queued", "running")).exists() and time.monotonic() < deadline:
        time.sleep(GAP_SECONDS)


def record(page: Page, folder: Path) -> int:
    """Take pictures until the session has closed; gives how many."""
    from sessions_app.models import Session

    known = set(Session.objects.values_list("pk", flat=True))
    is_booked, frames, left = False, 0, LAST_FRAMES
    deadline = time.monotonic() + LONGEST_SECONDS
    with search() as process:
        while left and time.monotonic() < deadline:
            frames += 1
            page.screenshot(path=folder / f"frame-{frames:04}.png")
            page.wait_for_timeout(GAP_SECONDS * 1_000)
            session = Session.objects.exclude(pk__in=known).first()
            done = session.jobs.filter(state="completed").count() if session else 0
            if done >= STEPS_BEFORE and not is_booked:
                book()
                is_booked = True
            left -= process.poll() is not None
        assert process.poll() == 0, "the search did not end well"
    return frames


def main(folder: Path) -> int:
    """Start everything, and record; gives the number of pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="quantumsvc-recording-") as data:
        os.environ |= {
            "QUANTUMSVC_DATA": data,
            "DJANGO_SETTINGS_MODULE": "quantumsvc.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
        }
        with service(Path(data)), sync_playwright() as playwright:
            import django

            django.setup()
            from quantumsvc.accounts.models import User
            from tests.browser.chromium import launch
            from tests.browser.conftest import Visits

            visits = Visits(launch(playwright), f"http://127.0.0.1:{PORT}")
            page = visits(User.objects.get(username=MEMBER), f"/?backend={BACKEND}")
            page.locator('#connection[data-state="live"]').wait_for()
            await_quiet()
            frames = record(page, folder)
            assert visits.errors == [], visits.errors
            return frames


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))} pictures\n")
