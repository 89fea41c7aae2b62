"""A database of their own for the tests, started before the settings are read.

Loaded with ``-p tests.database``. With ``DATABASE_URL`` set, that database is used and nothing starts.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from quantumsvc.hosting.postgres import NOT_DURABLE, Postgres


def begin() -> None:
    """Name a fresh data folder, run a database in it, and end both with this process."""
    data_dir = Path(tempfile.mkdtemp(prefix="quantumsvc-tests-"))
    os.environ["QUANTUMSVC_DATA"] = str(data_dir)
    server = Postgres(data_dir, NOT_DURABLE)
    server.start()
    os.environ["DATABASE_URL"] = server.url
    atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    atexit.register(server.stop)


# The tests see every part of the service, those that an installation may leave out too.
os.environ.setdefault("QUANTUMSVC_OLD_CLIENTS", "1")

if not os.environ.get("DATABASE_URL"):
    begin()
