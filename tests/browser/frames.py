"""The Jobs page of a running service as frames.

``python -m tests.browser.frames FOLDER SECONDS ADDRESS USER PASSWORD`` signs in (a demo prints its logins
where it was started) and takes a picture four times a second, numbered in order. What is to be seen, such
as ``examples/session_vqe.py`` while a reservation begins, is started beside it.
"""

import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch

GAP_SECONDS = 0.25


def _sign_in(page: Page, address: str, user: str, password: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#connection[data-state=live]").wait_for()


def main(folder: Path, seconds: float, *login: str) -> None:
    """Take frames for so long."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport={"width": 1400, "height": 800})
        _sign_in(page, *login)
        began = time.monotonic()
        for number in range(round(seconds / GAP_SECONDS)):
            page.wait_for_timeout(max(began + number * GAP_SECONDS - time.monotonic(), 0) * 1_000)
            page.screenshot(path=folder / f"{number:04}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:6])
