"""API keys: shown once, stored as a digest, ended at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from pytest_django import Settings

from quantumsvc import errors
from quantumsvc.accounts.keys import digest_of, looks_like_key, make_key
from quantumsvc.accounts.models import ApiKey
from quantumsvc.accounts.selectors import find_valid_key
from quantumsvc.accounts.services import MAX_VALID_KEYS_PER_USER, issue_key, revoke_key
from tests.accounts.conftest import NOON, People


def test_it_stores_nothing_that_opens_anything(people: People) -> None:
    issued = issue_key(user=people.alice, name="laptop", now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM accounts_apikey k")
        stored = str(cursor.fetchall())
    assert issued.text not in stored
    assert issued.text[8:] not in stored
    assert issued.key.prefix == issued.text[:8]
    assert issued.text not in repr(issued.key)


def test_it_makes_keys_that_can_be_told_from_other_text() -> None:
    first, second = make_key(), make_key()
    assert first.text != second.text
    assert first.text.startswith("qs_")
    assert looks_like_key(first.text)
    for text in (
        "",
        "qs_",
        first.text + "x",
        first.text + "\n",
        first.text.replace("qs_", "sk_"),
        "qs_" + "é" * 43,
    ):
        assert not looks_like_key(text)


def test_the_digest_depends_on_the_secret_of_the_installation(settings: Settings) -> None:
    text = make_key().text
    here = digest_of(text)
    settings.SECRET_KEY = "another installation"
    assert digest_of(text) != here


def test_it_finds_a_key_until_it_expires(people: People) -> None:
    end = NOON + timedelta(hours=1)
    text = issue_key(user=people.alice, name="short", now=NOON, expires_at=end).text
    found = find_valid_key(text, end - timedelta(microseconds=1))
    assert found is not None
    assert found.user == people.alice
    assert find_valid_key(text, end) is None


def test_it_ends_a_key_at_once_and_for_good(people: People) -> None:
    issued = issue_key(user=people.alice, name="lost", now=NOON)
    assert revoke_key(key=issued.key, now=NOON).revoked_at == NOON
    assert find_valid_key(issued.text, NOON) is None
    assert revoke_key(key=issued.key, now=NOON + timedelta(days=1)).revoked_at == NOON


def test_it_finds_no_key_of_an_inactive_user(people: People) -> None:
    text = people.key_of(people.alice)
    people.alice.is_active = False
    people.alice.save()
    assert find_valid_key(text, NOON) is None


def test_a_name_is_free_again_once_its_key_has_ended(people: People) -> None:
    first = issue_key(user=people.alice, name="ci", now=NOON, expires_at=NOON + timedelta(days=1))
    with pytest.raises(errors.Conflict, match="named ci"):
        issue_key(user=people.alice, name="ci", now=NOON)
    assert issue_key(user=people.bob, name="ci", now=NOON).text != first.text
    later = issue_key(user=people.alice, name="ci", now=NOON + timedelta(days=1))
    revoke_key(key=later.key, now=NOON + timedelta(days=2))
    assert issue_key(user=people.alice, name="ci", now=NOON + timedelta(days=3)).key.name == "ci"


def test_it_limits_the_number_of_valid_keys(people: People) -> None:
    keys = [issue_key(user=people.alice, name=f"k{n}", now=NOON).key for n in range(MAX_VALID_KEYS_PER_USER)]
    with pytest.raises(errors.Conflict, match="the most"):
        issue_key(user=people.alice, name="one more", now=NOON)
    revoke_key(key=keys[0], now=NOON)
    assert issue_key(user=people.alice, name="one more", now=NOON).key.name == "one more"


@pytest.mark.parametrize("over", [{"name": ""}, {"name": "n" * 101}, {"name": "\0"}, {"expires_at": NOON}])
def test_it_refuses_malformed_keys(people: People, over: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"user": people.alice, "name": "new", "now": NOON} | over
    with pytest.raises(errors.BadRequest):
        issue_key(**asked)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "change", [{"digest": "qs_plain"}, {"expires_at": NOON - timedelta(days=1)}, {"name": ""}]
)
def test_the_database_refuses_impossible_keys(people: People, change: dict[str, Any]) -> None:
    issue_key(user=people.alice, name="good", now=NOON)
    with pytest.raises(IntegrityError):
        ApiKey.objects.update(**change)
