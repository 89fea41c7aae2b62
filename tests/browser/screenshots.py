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
from tests.browser.chromium import launch  # noqa: E402
from tests.browser.conftest import NARROW, WIDE, Visits  # noqa: E402
from tests.browser.scene import Scene, make_scene  # noqa: E402
from tests.browser.serving import serving  # noqa: E402

VIEWS = ("day", "week", "month", "timeline")
SETTINGS = ("password", "keys", "members", "notifications")
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "narrow": ("light", NARROW)}


def pages(scene: Scene) -> dict[str, tuple[User | None, str]]:
    """By name, who looks at which address."""
    me, chip = scene.member, scene.backend.name
    return {
        "jobs": (me, "/"),
        "jobs-filtered": (me, "/?state=failed&tag=sweep"),
        "jobs-reader": (scene.reader, "/"),
        "jobs-empty": (scene.newcomer, "/"),
        "jobs-none-match": (me, "/?tag=nothing"),
        "jobs-cancel": (me, "/jobs/cancel?state=queued"),
        "job-ended": (me, f"/jobs/{scene.ended.pk}"),
        "job-values": (me, f"/jobs/{scene.values.pk}"),
        "job-failed": (me, f"/jobs/{scene.failed.pk}"),
        "job-waiting": (me, f"/jobs/{scene.waiting.pk}"),
        "job-running": (me, f"/jobs/{scene.running.pk}"),
        "job-cancel": (me, f"/jobs/{scene.waiting.pk}/cancel"),
        "session": (me, f"/sessions/{scene.session.pk}"),
        "session-batch": (me, f"/sessions/{scene.batch}"),
        "session-close": (me, f"/sessions/{scene.session.pk}/close"),
        "session-extend": (me, f"/sessions/{scene.session.pk}/extend"),
        "backends": (me, "/backends"),
        "backend": (me, f"/backends/{chip}"),
        "backend-large": (me, "/backends/demo_kolkata"),
        "backend-simulator": (me, "/backends/ibmq_qasm_simulator"),
        **{f"reservations-{view}": (me, f"/reservations?view={view}") for view in VIEWS},
        "reservations-operator": (scene.operator, "/reservations?view=timeline"),
        "reservations-form": (me, "/reservations/new"),
        "reservations-one": (me, f"/reservations/{scene.booked.pk}"),
        "reservations-move": (me, f"/reservations/{scene.booked.pk}/move"),
        "reservations-cancel": (me, f"/reservations/{scene.booked.pk}/cancel"),
        "calibrations": (me, "/calibrations"),
        "calibrations-operator": (scene.operator, "/calibrations"),
        "calibration-one": (scene.operator, f"/calibrations/{scene.calibration}"),
        "calibration-request": (scene.operator, f"/backends/{chip}/calibrate"),
        "calibration-compare": (me, f"/backends/{chip}/compare"),
        "usage": (me, "/usage"),
        "usage-limits": (scene.operator, f"/usage/limits?instance={scene.session.instance_id}"),
        "usage-limits-manager": (me, "/usage/limits"),
        "usage-empty": (scene.newcomer, "/usage"),
        **{f"settings-{part}": (me, f"/settings/{part}") for part in SETTINGS},
        "settings-profile": (me, "/settings"),
        "settings-revoke": (me, f"/settings/keys/{scene.key}/revoke"),
        "settings-subscription": (me, f"/settings/notifications/{scene.subscription}"),
        "connect": (me, "/connect"),
        "login": (None, "/login"),
        "not-found": (me, "/nothing"),
        "not-found-outside": (None, "/nothing"),
        "not-allowed": (scene.reader, "/reservations/new"),
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
