"""A browser in a flood of changes: ``python -m tests.benchmarks.live_flood [SECONDS]``.

Ten thousand a minute, of jobs that the page shows, made by a process of its own while 200 sockets are open.
Printed are what reached the browser, what it asked for, and the processor time of page and web process.
Must hold: at most ten messages and four requests a second, and the page is right in the end.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.audience import Audience, audience

from django.conf import settings  # isort: skip
from sessions_app.models import Job  # isort: skip
from tests.browser.serving import database_url  # isort: skip

SOCKETS, SECONDS, CHANGES_A_MINUTE = 200, 30, 10_000
MOST_MESSAGES, MOST_REQUESTS = 10.0, 4.0
_SHOWS_ALL = """versions => versions.every(([id, tag]) => {
    const row = document.getElementById(`job-${id}`);
    return !row || row.textContent.includes(tag);
})"""


def _web_process(address: str) -> Path:
    port = address.rpartition(":")[2]
    for process in Path("/proc").glob("[0-9]*"):
        words = (process / "cmdline").read_bytes().split(b"\0")
        if b"quantumsvc.hosting.web" in words and port.encode() in words:
            return process
    raise RuntimeError("The web process is not to be found.")


def _processor_seconds(process: Path) -> float:
    """User and system time."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _flood(seconds: float) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.benchmarks.flooding", str(60 / CHANGES_A_MINUTE), str(seconds)]
    variables = {**os.environ, "DATABASE_URL": database_url(), "QUANTUMSVC_DATA": str(settings.DATA_DIR)}
    with subprocess.Popen(
        command, env=variables, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def _measure(seen: Audience, seconds: float) -> dict[str, float]:
    page = seen.page
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")

    def page_seconds() -> float:
        metrics = browser.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    web = _web_process(seen.address)
    before = [len(seen.frames), len(seen.requests), page_seconds(), _processor_seconds(web)]
    began = time.monotonic()
    with _flood(seconds) as flood:
        while flood.poll() is None:
            page.wait_for_timeout(100)
        assert flood.stdout
        changes = int(flood.stdout.read())
    took = time.monotonic() - began
    after = [len(seen.frames), len(seen.requests), page_seconds(), _processor_seconds(web)]
    names = ("messages a second", "requests a second", "busy, the page", "busy, the web process")
    rates = {name: (end - start) / seconds for name, start, end in zip(names, before, after, strict=True)}
    versions = [[job.pk, job.tags[0]] for job in Job.objects.filter(state="queued") if job.tags]
    ended = time.monotonic()
    page.wait_for_function(_SHOWS_ALL, arg=versions)
    late = time.monotonic() - ended
    return {"changes a minute": changes * 60 / seconds, **rates, "right after (s)": late, "took (s)": took}


def main(seconds: float = SECONDS) -> int:
    """Measure and print; 1 when the browser got or asked for too much."""
    with audience(SOCKETS) as seen:
        rates = _measure(seen, seconds)
    for name, rate in rates.items():
        print(f"{name:24}{rate:10.2f}")
    print(f"{'all sockets heard':24}  {seen.told}")
    many = rates["messages a second"] > MOST_MESSAGES or rates["requests a second"] > MOST_REQUESTS
    return int(many)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
