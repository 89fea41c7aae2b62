"""Alice manages a lab, Bob another; Olga operates the service. One backend."""

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.models import Window
from reservations_app.services import booking
from tests.api.conftest import bare as bare
from tests.api.conftest import time as time
from tests.factories import at, make_backend, make_instance, make_user
from tests.reservations.browsing import HOUR
from tests.reservations.making import make_member, wish


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


@pytest.fixture
def booked(backend: Backend, lab: Instance, alice: User) -> Window:
    return booking.book(wish(backend, lab, HOUR, 2 * HOUR, note="mine"), by=alice, now=at(0))
