"""A lab as its members see it in a browser; the people are those of the API's tests."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import make_backend, make_instance, make_user


@dataclass(frozen=True)
class Reader:
    """Somebody who is signed in."""

    user: User
    client: Client = field(default_factory=Client)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query)

    def post(self, path: str) -> Any:
        return self.client.post(path)

    def sees(self, path: str, **query: Any) -> str:
        """The text of a page that must be there, without its markup."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer
        return text_of(answer.content.decode())


def text_of(page: str) -> str:
    """What a person reads: no markup, single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def jobs_in(answer: Any) -> list[str]:
    """The ids of the jobs that a page's table shows, in its order."""
    return re.findall(r'<tr id="job-([^"]+)"', answer.content.decode())


def sign_in(**over: Any) -> Reader:
    reader = Reader(make_user(**over))
    reader.client.force_login(reader.user)
    return reader


def join(instance: Instance, role: Role, **over: Any) -> Reader:
    """A signed-in member of the instance."""
    reader = sign_in(**over)
    Membership.objects.create(user=reader.user, instance=instance, role=role.value)
    return reader


@pytest.fixture
def time(db: None) -> Iterator[Time]:
    """It is the beginning until a test says otherwise."""
    shown = Time()
    clock.use(shown.now)
    yield shown
    clock.use(None)


@pytest.fixture
def lab(time: Time) -> Instance:
    return make_instance(name="the lab")


@pytest.fixture
def wanda(lab: Instance) -> Reader:
    """A writer."""
    return join(lab, Role.WRITER, username="wanda")


@pytest.fixture
def author(wanda: Reader, lab: Instance) -> Author:
    """Wanda, as the services know her."""
    return Author(user=wanda.user, instance=lab)


@pytest.fixture
def rita(lab: Instance) -> Reader:
    """A reader."""
    return join(lab, Role.READER, username="rita")


@pytest.fixture
def max_(lab: Instance) -> Reader:
    """A manager."""
    return join(lab, Role.MANAGER, username="max")


@pytest.fixture
def olga(lab: Instance) -> Reader:
    """A platform operator, a member of nothing."""
    return sign_in(username="olga", is_operator=True)


@pytest.fixture
def stranger(time: Time) -> Reader:
    """A manager of another instance."""
    return join(make_instance(), Role.MANAGER, username="stranger")


@pytest.fixture
def backend(time: Time) -> Backend:
    return make_backend()
