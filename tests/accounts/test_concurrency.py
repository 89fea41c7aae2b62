"""Two changes at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from quantumsvc import errors
from quantumsvc.accounts.models import Instance, Membership
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import change_role, move_instance, remove_member
from tests.accounts.conftest import NOON, People

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*changes: Callable[[], object]) -> list[bool]:
    """Run the changes in threads of their own, begun together; tells which were accepted."""
    start = Barrier(len(changes))

    def run(change: Callable[[], object]) -> bool:
        start.wait(timeout=10)
        try:
            change()
        except errors.Conflict:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(run, changes))


def test_two_managers_who_leave_together_leave_one_behind(people: People) -> None:
    for _ in range(5):
        change_role(instance=people.lab, user=people.bob, role=Role.MANAGER, now=NOON)
        accepted = at_once(
            lambda: change_role(instance=people.lab, user=people.alice, role=Role.READER, now=NOON),
            lambda: change_role(instance=people.lab, user=people.bob, role=Role.READER, now=NOON),
        )
        assert sorted(accepted) == [False, True]
        assert Membership.objects.filter(instance=people.lab, role=Role.MANAGER).count() == 1
        Membership.objects.filter(instance=people.lab, user=people.alice).update(role=Role.MANAGER)
    change_role(instance=people.lab, user=people.bob, role=Role.MANAGER, now=NOON)
    leaving = (people.alice, people.bob)
    assert sorted(
        at_once(
            *[lambda user=user: remove_member(instance=people.lab, user=user, now=NOON) for user in leaving]
        )
    ) == [
        False,
        True,
    ]


def test_two_moves_close_no_circle(people: People) -> None:
    for _ in range(5):
        Instance.objects.update(parent=None)
        accepted = at_once(
            lambda: move_instance(instance=people.lab, parent=people.elsewhere, now=NOON),
            lambda: move_instance(instance=people.elsewhere, parent=people.lab, now=NOON),
        )
        assert sorted(accepted) == [False, True]
