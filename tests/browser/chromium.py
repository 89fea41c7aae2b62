"""The browser itself: Debian's, or the one that QUANTUMSVC_CHROMIUM names."""

import os
import shutil

from playwright.sync_api import Browser, Playwright


def chromium_path() -> str | None:
    """Where the browser is. ``.ci/run`` names it, so that there it must be found."""
    return os.environ.get("QUANTUMSVC_CHROMIUM") or shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    """Start the browser; root has to do without its sandbox."""
    path = chromium_path()
    assert path, "This needs Chromium: apt-get install chromium"
    return playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else []
    )
