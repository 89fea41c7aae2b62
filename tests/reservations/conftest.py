"""Alice manages a lab, Bob another; Olga operates the service. One backend."""

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from tests.api.conftest import bare as bare
from tests.api.conftest import time as time
from tests.factories import make_backend, make_instance, make_user
from tests.reservations.making import make_member


@pytest.fixture
def backend(db: None) -> Backend:
    return make_backend()


@pytest.fixture
def lab(db: None) -> Instance:
    return make_instance(name="lab")


@pytest.fixture
def alice(lab: Instance) -> User:
    return make_member(lab, "manager")


@pytest.fixture
def bob(db: None) -> User:
    return make_member(make_instance(name="rivals"), "manager")


@pytest.fixture
def olga(db: None) -> User:
    return make_user(is_operator=True)
