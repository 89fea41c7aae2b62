"""Two authors, a backend, a receiver, and a queue of background tasks that can be emptied by hand."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from quantumsvc.accounts.models import Instance, Membership
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.factories import make_author, make_backend, make_user
from tests.notices.receiving import Receiver, receiver


@pytest.fixture
def backend(db: None) -> Backend:
    return make_backend()


@pytest.fixture
def alice(db: None) -> Author:
    return make_author(user=make_user(email="alice@example.org"))


@pytest.fixture
def bob(alice: Author) -> Author:
    """Another member of Alice's instance."""
    return make_author(user=make_user(email="bob@example.org"), instance=alice.instance)


@pytest.fixture
def stranger(db: None) -> Author:
    return make_author(user=make_user(email="stranger@example.org"))


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW = ["127.0.0.0/8"]
    with receiver() as told:
        yield told


def leave(author: Author, instance: Instance) -> None:
    Membership.objects.filter(user=author.user, instance=instance).delete()
