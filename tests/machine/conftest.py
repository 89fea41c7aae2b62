"""A backend, and two tenants who use it."""

import pytest

from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.factories import make_author, make_backend


@pytest.fixture
def backend(db: None) -> Backend:
    return make_backend()


@pytest.fixture
def alice(db: None) -> Author:
    return make_author()


@pytest.fixture
def bob(db: None) -> Author:
    return make_author()
