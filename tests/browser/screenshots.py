"""Pictures of every page: ``python -m tests.browser.screenshots FOLDER [WORD]``.

Each page is taken light and dark at 1400 pixels and light at 400, on a database of its own; with a second
word, only pages whose name holds it. A new page adds a line to ``pages``.
"""

import os
import sys
from pathlib import Path

from tests.database import begin

if not os.environ.get("DATABASE_URL"):
    begin()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from quantumsvc.accounts.models import User  # noqa: E402
from tests.browser.conftest import NARROW, WIDE, Visits, launch  # noqa: E402
from tests.browser.scene import Scene, make_scene  # noqa: E402
from tests.browser.serving import serving  # noqa: E402

VIEWS = ("day", "week", "month", "timeline")
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "narrow": ("light", NARROW)}


def pages(scene: Scene) -> dict[str, tuple[User | None, str]]:
    """By name, who looks at which address."""
    return {
        "jobs": (scene.member, "/"),
        "jobs-filtered": (scene.member, "/?state=failed&tag=sweep"),
        "jobs-reader": (scene.reader, "/"),
        "jobs-empty": (scene.newcomer, "/"),
        "jobs-cancel": (scene.member, "/jobs/cancel?state=queued"),
        "job-ended": (scene.member, f"/jobs/{scene.ended.pk}"),
        "job-waiting": (scene.member, f"/jobs/{scene.waiting.pk}"),
        "job-running": (scene.member, f"/jobs/{scene.running.pk}"),
        "sessions": (scene.member, "/sessions"),
        "session": (scene.member, f"/sessions/{scene.session.pk}"),
        "backends": (scene.member, "/backends"),
        **{f"reservations-{view}": (scene.member, f"/reservations?view={view}") for view in VIEWS},
        "reservations-form": (scene.member, "/reservations/new"),
        "reservations-one": (scene.member, f"/reservations/{scene.booked.pk}"),
        "reservations-move": (scene.member, f"/reservations/{scene.booked.pk}/move"),
        "reservations-cancel": (scene.member, f"/reservations/{scene.booked.pk}/cancel"),
        "connect": (scene.member, "/connect"),
        "login": (None, "/login"),
        "not-found": (scene.member, "/nothing"),
    }


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)


def main(folder: Path, word: str = "") -> None:
    """Take them all."""
    folder.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    scene = make_scene()
    with serving() as address, sync_playwright() as playwright:
        visits = Visits(launch(playwright), address)
        for name, (user, path) in pages(scene).items():
            for look, (theme, width) in LOOKS.items():
                if word in name:
                    page = visits(user, path, theme=theme, width=width)
                    _settle(page)
                    page.screenshot(path=folder / f"{name}-{look}.png", full_page=look != "narrow")
                    page.context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
