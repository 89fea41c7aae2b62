"""Accounts in the administration pages."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import path

from quantumsvc.accounts.models import ApiKey, User
from quantumsvc.accounts.selectors import find_valid_key
from tests.accounts.conftest import NOON, People

pytestmark = [pytest.mark.urls(__name__)]
urlpatterns = [path("admin/", admin.site.urls)]


@pytest.fixture
def administrator(people: People, client: Client) -> Client:
    client.force_login(User.objects.create_superuser(username="root"))
    return client


@pytest.mark.parametrize("page", ["user/", "user/add/", "instance/", "membership/", "apikey/"])
def test_it_opens_the_lists(administrator: Client, page: str) -> None:
    found = administrator.get(f"/admin/accounts/{page}").status_code
    assert found == (404 if page == "membership/" else 200)


def test_it_never_shows_what_is_stored_of_a_key(people: People, administrator: Client) -> None:
    people.key_of(people.bob)
    key = ApiKey.objects.get()
    for page in ("", f"{key.pk}/change/"):
        shown = administrator.get(f"/admin/accounts/apikey/{page}").content.decode()
        assert key.prefix in shown
        assert key.digest not in shown


def test_it_revokes_keys(people: People, administrator: Client) -> None:
    text = people.key_of(people.bob)
    key = ApiKey.objects.get()
    administrator.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert find_valid_key(text, NOON) is None


@pytest.mark.parametrize("kind", ["apikey", "instance"])
def test_it_makes_and_deletes_no_keys_or_instances_there(
    people: People, administrator: Client, kind: str
) -> None:
    people.key_of(people.bob)
    row = {"apikey": ApiKey.objects.get().pk, "instance": people.lab.pk}[kind]
    assert administrator.get(f"/admin/accounts/{kind}/add/").status_code == 403
    assert administrator.post(f"/admin/accounts/{kind}/{row}/delete/", {"post": "yes"}).status_code == 403


def test_it_edits_an_instance_but_not_its_crn(people: People, administrator: Client) -> None:
    form = {
        "name": "renamed", "plan": "open", "shares": "3", "tags": "a,b", "crn": "crn:forged",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = administrator.post(f"/admin/accounts/instance/{people.lab.pk}/change/", form)
    crn = people.lab.crn
    people.lab.refresh_from_db()
    assert answer.status_code == 302
    assert (people.lab.name, people.lab.shares, people.lab.tags, people.lab.crn) == (
        "renamed",
        3,
        ["a", "b"],
        crn,
    )
