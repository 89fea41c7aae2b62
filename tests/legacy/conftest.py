"""A writer with a client of before the platform, and strangers."""

from dataclasses import replace

import pytest

from quantumsvc.accounts.hubs import hub_path
from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from tests.api.callers import Caller
from tests.api.conftest import Time
from tests.api.conftest import alice as alice
from tests.api.conftest import bare as bare
from tests.api.conftest import bob as bob
from tests.api.conftest import lab as lab
from tests.api.conftest import rita as rita
from tests.api.conftest import stranger as stranger
from tests.api.conftest import time as time
from tests.factories import make_backend

BASE = "/legacy"


def of_old(caller: Caller) -> Caller:
    """The same person with an old client: a token in another header, and no instance in any."""
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    return replace(caller, base=BASE, headers={"X-Access-Token": token})


def hub(instance: Instance) -> dict[str, str]:
    """What a submission says of its instance."""
    names = hub_path(instance).split("/")
    return dict(zip(("hub", "group", "project"), names, strict=True))


@pytest.fixture
def old(alice: Caller) -> Caller:
    """Alice with her old client."""
    return of_old(alice)


@pytest.fixture
def old_stranger(stranger: Caller) -> Caller:
    return of_old(stranger)


@pytest.fixture
def simulator(time: Time) -> Backend:
    return make_backend(name="ibmq_qasm_simulator", kind="simulator")
