"""Shared by all tests: a database of their own, and time that stands where it is put."""

from collections.abc import Iterator

import pytest

from quantumsvc import clock


@pytest.fixture(autouse=True)
def _real_time_afterwards() -> Iterator[None]:
    yield
    clock.use(None)
