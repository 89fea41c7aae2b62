"""Whose rows a user may read."""

import pytest
from django.contrib.auth.models import AnonymousUser

from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.selectors import keys_of, members_of, role_in
from quantumsvc.accounts.services import archive_instance
from tests.accounts.conftest import NOON, People

MODELS = [User, Instance, Membership, ApiKey]


def test_it_shows_members_their_instances_only(people: People) -> None:
    for member in (people.alice, people.bob, people.rita):
        assert list(Instance.objects.visible_to(member)) == [people.lab]
    assert list(Instance.objects.visible_to(people.charlie)) == [people.elsewhere]


def test_it_keeps_archived_instances_readable(people: People) -> None:
    archive_instance(instance=people.lab, now=NOON)
    assert list(Instance.objects.visible_to(people.rita)) == [people.lab]
    assert not Instance.objects.visible_to(people.rita).active().exists()


def test_it_shows_users_their_colleagues(people: People) -> None:
    seen = User.objects.visible_to(people.rita).order_by("username")
    assert list(seen) == [people.alice, people.bob, people.rita]
    assert list(User.objects.visible_to(people.charlie)) == [people.charlie]


def test_it_shows_memberships_of_shared_instances_once_each(people: People) -> None:
    assert Membership.objects.visible_to(people.bob).count() == 3
    assert [member.user for member in members_of(people.bob, people.lab)] == [
        people.alice,
        people.bob,
        people.rita,
    ]
    assert not members_of(people.bob, people.elsewhere).exists()


def test_it_shows_keys_to_their_owner_only(people: People) -> None:
    people.key_of(people.alice)
    assert ApiKey.objects.visible_to(people.alice).count() == 1
    assert not ApiKey.objects.visible_to(people.bob).exists()
    assert ApiKey.objects.visible_to(people.olga).count() == 1
    assert not keys_of(people.olga).exists()


@pytest.mark.parametrize("model", MODELS)
def test_it_shows_an_operator_everything(
    people: People, model: type[User | Instance | Membership | ApiKey]
) -> None:
    people.key_of(people.alice)
    assert model.objects.visible_to(people.olga).count() == model.objects.count() > 0


@pytest.mark.parametrize("model", MODELS)
def test_it_shows_a_stranger_nothing(
    people: People, model: type[User | Instance | Membership | ApiKey]
) -> None:
    people.key_of(people.alice)
    assert not model.objects.visible_to(AnonymousUser()).exists()


def test_it_tells_the_role(people: People) -> None:
    assert role_in(people.bob, people.lab) == "writer"
    assert role_in(people.bob, people.elsewhere) is None
