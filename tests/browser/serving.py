"""The web process of the service, run for the browser tests on the tests' own database."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.db import connection

_START_SECONDS = 60.0


def database_url() -> str:
    """Where the tests' database is, as the settings of another process read it."""
    link = connection.settings_dict
    options = urlencode({"host": link["HOST"]})
    account = quote(link["USER"]) + (f":{quote(link['PASSWORD'])}" if link["PASSWORD"] else "")
    port = f":{link['PORT']}" if link["PORT"] else ""
    return f"postgresql://{account}@{port}/{link['NAME']}?{options}"


def free_port() -> int:
    """A port of this machine that nobody listens on at this moment."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_health(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The web process did not start.")


@contextmanager
def serving(**environment: str) -> Iterator[str]:
    """Serve the pages until the block ends; gives their address. ``environment`` adds variables."""
    call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port()
    more = {"DATABASE_URL": database_url(), "QUANTUMSVC_DATA": str(settings.DATA_DIR), **environment}
    command = [sys.executable, "-m", "quantumsvc.hosting.web", "--port", str(port)]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ, **more})
    try:
        address = f"http://127.0.0.1:{port}"
        _await_health(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)
