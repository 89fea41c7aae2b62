"""From headers to a caller."""

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import DjangoAssertNumQueries, Settings

from quantumsvc import errors
from quantumsvc.accounts import tokens
from quantumsvc.accounts.authentication import aidentify, identify
from quantumsvc.accounts.callers import Caller
from quantumsvc.accounts.models import ApiKey, User
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import archive_instance, issue_key, revoke_key
from tests.accounts.conftest import NOON, People

MINUTE = timedelta(minutes=1)


def bearer(user: User, name: str = "key") -> str:
    """The header of a client that has exchanged a new key."""
    issued = issue_key(user=user, name=name, now=NOON)
    return "Bearer " + str(tokens.issue_token(user, issued.key, NOON)["access_token"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "apikey", "ApiKey", "apikey "])
def test_it_knows_both_schemes_in_any_case(people: People, scheme: str) -> None:
    credential = bearer(people.bob).split()[1] if scheme.lower() == "bearer" else people.key_of(people.bob)
    caller = identify(f"{scheme} {credential}", people.lab.crn, NOON)
    assert (caller.user, caller.instance, caller.role) == (people.bob, people.lab, Role.WRITER)
    assert caller.key_id == ApiKey.objects.get().pk
    assert not caller.is_operator


def test_it_reads_whole_rows(people: People) -> None:
    caller = identify(bearer(people.bob), people.lab.crn, NOON)
    for found, stored in ((caller.user, people.bob), (caller.instance, people.lab)):
        fresh = type(stored)._base_manager.get(pk=stored.pk)
        assert found is not None
        assert {name: found.__dict__[name] for name in fresh.__dict__ if name != "_state"} == {
            name: value for name, value in fresh.__dict__.items() if name != "_state"
        }


def test_it_asks_the_database_once(people: People, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    header = bearer(people.bob)
    with django_assert_num_queries(2):
        identify(header, people.lab.crn, NOON)
    with django_assert_num_queries(1):
        identify(header, people.lab.crn, NOON + MINUTE)


def test_it_notes_the_use_of_a_key_by_the_minute(people: People) -> None:
    header = bearer(people.bob)
    noted = []
    for seconds in (0, 59, 61, 70):
        identify(header, None, NOON + timedelta(seconds=seconds))
        noted.append(ApiKey.objects.get().last_used_at)
    assert noted == [NOON, NOON, NOON + timedelta(seconds=61), NOON + timedelta(seconds=61)]


def test_it_needs_no_instance(people: People) -> None:
    caller = identify(bearer(people.bob), None, NOON)
    assert (caller.instance, caller.role) == (None, None)
    assert [caller.can_read(), caller.can_write(), caller.can_manage()] == [False] * 3
    with pytest.raises(errors.BadRequest, match="no instance"):
        caller.require_instance()


def test_it_tells_a_foreign_instance_from_none_to_nobody(people: People) -> None:
    header = bearer(people.bob)
    unknown = people.lab.crn.replace(people.lab.crn.split(":")[7], "0" * 8)
    told = []
    for crn in (people.elsewhere.crn, unknown):
        with pytest.raises(errors.NotAllowed) as refusal:
            identify(header, crn, NOON)
        told.append((refusal.value.number, refusal.value.message.replace(crn, "CRN"), refusal.value.solution))
    assert told[0] == told[1]
    assert told[0][0] == 1201
    assert "You are not authorized to use the instance" in told[0][1]


@pytest.mark.parametrize("crn", ["x" * 300, "crn:\0", "crn:é", "crn:\ud800", "a\nb", "'; --"])
def test_it_refuses_crns_that_are_none(people: People, crn: str) -> None:
    with pytest.raises(errors.NotAllowed) as refusal:
        identify(bearer(people.bob), crn, NOON)
    assert refusal.value.message.isascii()
    with pytest.raises(errors.NotAllowed):
        identify(bearer(people.olga), crn, NOON)


def test_it_lets_operators_into_every_instance(people: People) -> None:
    caller = identify(bearer(people.olga), people.elsewhere.crn, NOON)
    assert caller.is_operator
    assert caller.role is None
    assert caller.can_manage()
    assert caller.require_manager() == people.elsewhere


@pytest.mark.parametrize(
    ("name", "may"),
    [("rita", (True, False, False)), ("bob", (True, True, False)), ("alice", (True, True, True))],
)
def test_it_grants_what_the_role_grants(people: People, name: str, may: tuple[bool, bool, bool]) -> None:
    caller = identify(bearer(getattr(people, name)), people.lab.crn, NOON)
    assert (caller.can_read(), caller.can_write(), caller.can_manage()) == may
    for allowed, require in zip(may[1:], (caller.require_writer, caller.require_manager), strict=True):
        if allowed:
            assert require() == people.lab
        else:
            with pytest.raises(errors.NotAllowed, match="needs the role"):
                require()


def test_it_lets_nobody_write_to_an_archived_instance(people: People) -> None:
    archive_instance(instance=people.lab, now=NOON)
    for user in (people.alice, people.olga):
        caller = identify(bearer(user), people.lab.crn, NOON)
        assert caller.require_instance() == people.lab
        assert caller.can_read()
        assert not caller.can_write()
        assert not caller.can_manage()
        with pytest.raises(errors.NotAllowed, match="archived"):
            caller.require_writer()


def test_revoking_a_key_ends_its_tokens_at_once(people: People) -> None:
    header = bearer(people.bob)
    assert identify(header, None, NOON).user == people.bob
    revoke_key(key=ApiKey.objects.get(), now=NOON)
    with pytest.raises(errors.NotAuthenticated):
        identify(header, None, NOON)


def test_a_key_that_expires_ends_its_tokens(people: People) -> None:
    issued = issue_key(user=people.bob, name="short", now=NOON, expires_at=NOON + MINUTE)
    header = "Bearer " + tokens.issue_token(people.bob, issued.key, NOON)["access_token"]
    assert identify(header, None, NOON + MINUTE - timedelta(microseconds=1)).user == people.bob
    for credential in (header, f"apikey {issued.text}"):
        with pytest.raises(errors.NotAuthenticated):
            identify(credential, None, NOON + MINUTE)


def test_an_inactive_user_is_not_authenticated(people: People) -> None:
    header = bearer(people.bob)
    User.objects.filter(pk=people.bob.pk).update(is_active=False)
    with pytest.raises(errors.NotAuthenticated):
        identify(header, people.lab.crn, NOON)


def test_a_member_who_was_removed_is_a_stranger_at_once(people: People) -> None:
    header = bearer(people.bob)
    people.bob.memberships.all().delete()
    with pytest.raises(errors.NotAllowed):
        identify(header, people.lab.crn, NOON)


def test_a_token_lives_an_hour_and_a_little(people: People) -> None:
    header = bearer(people.bob)
    end = NOON + tokens.LIFETIME
    assert identify(header, None, end).user == people.bob
    for instant in (end + 2 * tokens.LEEWAY, NOON - 2 * tokens.LEEWAY):
        with pytest.raises(errors.NotAuthenticated, match="expired"):
            identify(header, None, instant)


def good_claims(people: People) -> dict[str, Any]:
    key = issue_key(user=people.bob, name="claims", now=NOON).key
    seconds = int(NOON.timestamp())
    return {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": str(people.bob.pk),
        "kid": key.pk,
        "iat": seconds,
        "exp": seconds + 60,
    }


FORGERIES: list[dict[str, Any]] = [
    {"iss": "somebody"},
    {"aud": "elsewhere"},
    {"sub": "1000000"},
    {"sub": "bob"},
    {"kid": 10**30},
    {"kid": "x"},
    {"kid": None},
    {"iat": "soon"},
    {"exp": 1e400},
    {"exp": [1]},
    {"exp": None},
]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_it_refuses_tokens_with_other_claims(people: People, forgery: dict[str, Any]) -> None:
    claims = good_claims(people)
    assert (
        identify("Bearer " + jwt.encode(claims, tokens._signing_key(), "HS256"), None, NOON).user
        == people.bob
    )
    with pytest.raises(errors.NotAuthenticated):
        identify("Bearer " + jwt.encode(claims | forgery, tokens._signing_key(), "HS256"), None, NOON)


def test_it_refuses_tokens_signed_by_others(people: People, settings: Settings) -> None:
    claims = good_claims(people)
    unsigned = jwt.encode(claims, "", "none")
    signed_elsewhere = jwt.encode(claims, b"0" * 32, "HS256")
    other_algorithm = jwt.encode(claims, tokens._signing_key() * 2, "HS512")
    for token in (unsigned, signed_elsewhere, other_algorithm):
        with pytest.raises(errors.NotAuthenticated):
            identify(f"Bearer {token}", None, NOON)
    header = bearer(people.bob)
    settings.SECRET_KEY = "another installation"
    with pytest.raises(errors.NotAuthenticated):
        identify(header, None, NOON)


NO_CREDENTIALS = [
    *(None, "", " ", "Bearer", "Bearer ", "apikey", "apikey x", "Basic YTpi", "qs_abc"),
    *("Bearer a.b.c", "Bearer " + ".".join(["e30"] * 3), "Bearer \0", "Bearer é", "Bearer " + "x" * 100_000),
    *("apikey qs_" + "\0" * 43, "apikey \ud800"),
]


@pytest.mark.parametrize("header", NO_CREDENTIALS)
def test_it_refuses_what_is_no_credential(
    people: People, django_assert_num_queries: DjangoAssertNumQueries, header: str | None
) -> None:
    with django_assert_num_queries(0), pytest.raises(errors.NotAuthenticated):
        identify(header, people.lab.crn, NOON)


@pytest.mark.django_db(transaction=True)
def test_it_identifies_from_async_code(people: People) -> None:
    header = bearer(people.bob)

    async def ask() -> Caller:
        caller = await aidentify(header, people.lab.crn, NOON)
        await sync_to_async(connections.close_all)()
        return caller

    assert asyncio.run(ask()).instance == people.lab
