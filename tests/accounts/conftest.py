"""Alice manages a lab, Bob writes and Rita reads there, Charlie is from another, Olga operates all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from quantumsvc import clock
from quantumsvc.accounts.api.tokens import failed_attempts
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import add_member, create_instance, issue_key

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass(frozen=True)
class People:
    alice: User
    bob: User
    rita: User
    charlie: User
    olga: User
    lab: Instance
    elsewhere: Instance

    def key_of(self, user: User, name: str = "key") -> str:
        """A new key of the user, as text."""
        return issue_key(user=user, name=name, now=NOON).text


def make_people() -> People:
    """The cast, with their instances."""
    lab = create_instance(name="lab", account="acme", now=NOON, tags=["Teaching"])
    elsewhere = create_instance(name="elsewhere", account="rivals", now=NOON, plan=Plan.PREMIUM)
    names = ["alice", "bob", "rita", "charlie"]
    alice, bob, rita, charlie = (User.objects.create_user(username=name) for name in names)
    for user, role in ((alice, Role.MANAGER), (bob, Role.WRITER), (rita, Role.READER)):
        add_member(instance=lab, user=user, role=role, now=NOON)
    add_member(instance=elsewhere, user=charlie, role=Role.MANAGER, now=NOON)
    olga = User.objects.create_user(username="olga", is_operator=True)
    return People(alice, bob, rita, charlie, olga, lab, elsewhere)


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture(autouse=True)
def noon() -> Iterator[datetime]:
    """It is noon until a test says otherwise."""
    clock.use(lambda: NOON)
    failed_attempts.clear()
    yield NOON
    clock.use(None)
