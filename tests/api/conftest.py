"""A lab with a writer, another writer, a manager and a reader; a stranger elsewhere; one backend."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from pytest_django import Settings

from quantumsvc import clock
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.api.callers import Caller, make_caller
from tests.factories import at, make_backend, make_instance


@dataclass
class Time:
    """What the service's clock shows, in seconds after the tests' beginning."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return at(self.seconds)


@pytest.fixture
def time(db: None) -> Iterator[Time]:
    """It is the beginning until a test says otherwise."""
    shown = Time()
    clock.use(shown.now)
    yield shown
    clock.use(None)


@pytest.fixture
def bare(settings: Settings) -> None:
    """The API is served without middleware, as ``quantumsvc.asgi`` does it."""
    settings.MIDDLEWARE = []


@pytest.fixture
def lab(time: Time, bare: None) -> Instance:
    return make_instance()


@pytest.fixture
def alice(lab: Instance) -> Caller:
    """A writer."""
    return make_caller(lab)


@pytest.fixture
def author(alice: Caller) -> Author:
    """Alice, as the services know her."""
    return Author(user=alice.user, instance=alice.instance)


@pytest.fixture
def bob(lab: Instance) -> Caller:
    """Another writer of the lab."""
    return make_caller(lab)


@pytest.fixture
def rita(lab: Instance) -> Caller:
    """A reader."""
    return make_caller(lab, Role.READER)


@pytest.fixture
def max_(lab: Instance) -> Caller:
    """A manager."""
    return make_caller(lab, Role.MANAGER)


@pytest.fixture
def stranger(time: Time, bare: None) -> Caller:
    """A manager of another instance."""
    return make_caller(role=Role.MANAGER)


@pytest.fixture
def backend(time: Time) -> Backend:
    return make_backend()
