"""Tenants: what can be made of them and what never."""

from typing import Any

import pytest
from django.db import IntegrityError

from quantumsvc import errors
from quantumsvc.accounts.crns import CRN_PATTERN, guid_of
from quantumsvc.accounts.models import Instance, Membership
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import (
    add_member,
    archive_instance,
    change_role,
    create_instance,
    move_instance,
    remove_member,
    restore_instance,
)
from tests.accounts.conftest import NOON, People


def test_it_builds_a_crn_of_ten_fields(people: People) -> None:
    fields = people.lab.crn.split(":")
    assert CRN_PATTERN.fullmatch(people.lab.crn)
    assert len(fields) == 10
    assert fields[4:7] == ["quantum-computing", "us-east", "a/acme"]
    assert len(guid_of(people.lab.crn)) == 36


def test_it_writes_tags_small_as_clients_look_for_them(people: People) -> None:
    assert people.lab.tags == ["teaching"]


@pytest.mark.parametrize(
    "over",
    [
        {"name": ""},
        {"name": "n" * 101},
        {"name": "nul\0"},
        {"account": "a:b"},
        {"account": "a/b"},
        {"account": ""},
        {"region": "US EAST"},
        {"shares": -1},
        {"usage_limit_seconds": -5},
        {"tags": ["t" * 87]},
    ],
)
def test_it_refuses_malformed_instances(db: None, over: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"name": "new", "account": "acme", "now": NOON} | over
    with pytest.raises(errors.BadRequest):
        create_instance(**asked)
    assert not Instance.objects.exists()


def test_it_allows_no_shares_at_all(db: None) -> None:
    assert create_instance(name="scraps", account="acme", now=NOON, shares=0).shares == 0


def test_it_keeps_names_unique_in_an_account_only(people: People) -> None:
    with pytest.raises(errors.Conflict, match="named lab"):
        create_instance(name="lab", account="acme", now=NOON)
    assert create_instance(name="lab", account="rivals", now=NOON).crn != people.lab.crn


def test_it_archives_and_restores(people: People) -> None:
    assert archive_instance(instance=people.lab, now=NOON).archived_at == NOON
    with pytest.raises(errors.Conflict):
        archive_instance(instance=people.lab, now=NOON)
    assert restore_instance(instance=people.lab, now=NOON).is_active
    with pytest.raises(errors.Conflict):
        restore_instance(instance=people.lab, now=NOON)


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"archived_at": NOON},
        {"plan": "gold"},
        {"crn": "lab"},
        {"name": ""},
        {"crn": "crn:of-the-other", "name": "elsewhere", "account": "rivals"},
    ],
)
def test_the_database_refuses_impossible_instances(people: People, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        Instance.objects.filter(pk=people.lab.pk).update(**change)


def test_the_database_refuses_an_instance_below_itself(people: People) -> None:
    with pytest.raises(IntegrityError):
        Instance.objects.filter(pk=people.lab.pk).update(parent_id=people.lab.pk)


def test_it_refuses_circles_in_the_tree(people: People) -> None:
    group = create_instance(name="group", account="acme", now=NOON, parent=people.lab)
    project = create_instance(name="project", account="acme", now=NOON, parent=group)
    with pytest.raises(errors.Conflict, match="below itself"):
        move_instance(instance=people.lab, parent=project, now=NOON)
    assert move_instance(instance=project, parent=people.lab, now=NOON).parent == people.lab
    assert move_instance(instance=project, parent=None, now=NOON).parent is None


def test_it_refuses_trees_that_are_too_deep(people: People) -> None:
    parent = people.lab
    for depth in range(6):
        parent = create_instance(name=f"level-{depth}", account="acme", now=NOON, parent=parent)
    assert move_instance(instance=people.elsewhere, parent=parent, now=NOON).parent == parent
    deepest = create_instance(name="deepest", account="acme", now=NOON)
    with pytest.raises(errors.Conflict, match="levels"):
        move_instance(instance=deepest, parent=people.elsewhere, now=NOON)


def test_it_makes_a_user_a_member_once(people: People) -> None:
    with pytest.raises(errors.Conflict):
        add_member(instance=people.lab, user=people.bob, role=Role.READER, now=NOON)
    assert Membership.objects.get(instance=people.lab, user=people.bob).role == "writer"


def test_it_changes_and_ends_memberships(people: People) -> None:
    assert change_role(instance=people.lab, user=people.rita, role=Role.MANAGER, now=NOON).role == "manager"
    remove_member(instance=people.lab, user=people.alice, now=NOON)
    assert not Membership.objects.filter(user=people.alice).exists()
    with pytest.raises(errors.NotFound):
        remove_member(instance=people.lab, user=people.alice, now=NOON)


def test_it_keeps_a_manager(people: People) -> None:
    with pytest.raises(errors.Conflict, match="must keep a manager"):
        remove_member(instance=people.lab, user=people.alice, now=NOON)
    with pytest.raises(errors.Conflict, match="must keep a manager"):
        change_role(instance=people.lab, user=people.alice, role=Role.WRITER, now=NOON)
    assert change_role(instance=people.lab, user=people.alice, role=Role.MANAGER, now=NOON).role == "manager"


def test_the_database_refuses_unknown_roles(people: People) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.filter(user=people.bob).update(role="owner")


def test_a_role_covers_those_before_it() -> None:
    covered = {role: [other.value for other in Role if role.covers(other)] for role in Role}
    assert covered == {
        Role.READER: ["reader"],
        Role.WRITER: ["reader", "writer"],
        Role.MANAGER: ["reader", "writer", "manager"],
    }
