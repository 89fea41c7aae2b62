from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.testing import RunningPool, running_pool

FAKES = "tests.execution.fake_programs"
AER = "tests.execution.aer_programs"
StartPool = Callable[..., RunningPool]


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """A pool with the fake programs that all tests share which do it no harm."""
    with running_pool(tmp_path_factory.mktemp("pool"), programs=FAKES) as running:
        yield running


@pytest.fixture(scope="session")
def aer_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """The same with the simulator loaded."""
    with running_pool(tmp_path_factory.mktemp("aer"), programs=AER) as running:
        yield running


@pytest.fixture
def lease(pool: RunningPool, request: pytest.FixtureRequest) -> Iterator[Lease]:
    """A child for this test alone."""
    with pool.client.lease(request.node.nodeid[-200:]) as held:
        yield held
        held.kill()


@pytest.fixture
def start_pool(tmp_path: Path) -> Iterator[StartPool]:
    """Starts a pool with the given options for this test alone."""
    with ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(
            running_pool(tmp_path, *options, **{"programs": FAKES, **more})
        )
