"""Shared by all tests: a database of their own, and time that stands where it is put."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from quantumsvc import clock
from quantumsvc.doorbell import let_go
from tests.emptying import empty_patiently


def pytest_configure() -> None:
    """Static files are served from a folder that a first start makes; here, nothing has been started."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def _emptied_patiently() -> None:
    empty_patiently()


@pytest.fixture(autouse=True)
def _real_time_afterwards() -> Iterator[None]:
    yield
    clock.use(None)


@pytest.fixture(autouse=True)
def _no_kept_connection() -> Iterator[None]:
    """A connection that a drain in this process has kept would be in the way of the databases' end."""
    yield
    let_go()
