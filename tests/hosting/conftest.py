"""Folders in which a database can live, whoever runs the tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantumsvc.hosting.postgres import NOT_DURABLE, Postgres


def make_data_dir() -> Path:
    """A fresh folder right below the temporary one: pytest's own are closed to the database's user."""
    return Path(tempfile.mkdtemp(prefix="quantumsvc-hosting-"))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = make_data_dir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A database server that the tests of one module share."""
    folder = make_data_dir()
    running = Postgres(folder, NOT_DURABLE)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)
