"""The calls with which the official client starts, asked as its SDKs ask them."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from quantumsvc import clock
from quantumsvc.accounts.api.tokens import GRANT_TYPE, failed_attempts
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import add_member, archive_instance, create_instance, issue_key, revoke_key
from tests.accounts.conftest import NOON, People
from tests.accounts.conftest import noon as noon
from tests.accounts.conftest import people as people

pytestmark = [pytest.mark.django_db, pytest.mark.urls("quantumsvc.accounts.api.urls")]

FORM = "application/x-www-form-urlencoded"
PRICING_WORDS = {"free", "trial", "paygo", "paid", "subscription", "unknown"}


def exchange(client: Client, key: str, grant_type: str = GRANT_TYPE) -> Any:
    body = f"grant_type={quote(grant_type)}&apikey={quote(key)}&response_type=cloud_iam"
    return client.post("/identity/token", body, content_type=FORM, headers={"Accept": "application/json"})


@pytest.fixture
def token(people: People, client: Client) -> str:
    """Bob's access token."""
    return str(exchange(client, people.key_of(people.bob)).json()["access_token"])


def search(client: Client, token: str, limit: int | str = 100, **body: Any) -> Any:
    sent = {"query": "service_name:quantum-computing", "fields": ["crn", "name", "doc", "tags"]} | body
    return client.post(
        f"/v3/resources/search?limit={limit}",
        json.dumps(sent),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


# --- Tokens ---


def test_it_exchanges_a_key_for_a_token(people: People, client: Client) -> None:
    answer = exchange(client, people.key_of(people.bob))
    body = answer.json()
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert answer.status_code == 200
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "expiration", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert type(claims["iat"]) is type(claims["exp"]) is int
    assert body["expiration"] == claims["exp"] == claims["iat"] + 3600
    assert answer["Cache-Control"] == "no-store"


def test_it_exchanges_with_one_query(
    people: People, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = people.key_of(people.bob)
    with django_assert_num_queries(1):
        assert exchange(client, key).status_code == 200


def test_it_says_the_same_of_unknown_expired_and_revoked_keys(people: People, client: Client) -> None:
    revoked = issue_key(user=people.bob, name="revoked", now=NOON)
    revoke_key(key=revoked.key, now=NOON)
    expired = issue_key(user=people.bob, name="old", now=NOON - timedelta(days=2), expires_at=NOON)
    for key in ("qs_" + "x" * 43, "test-key", revoked.text, expired.text):
        answer = exchange(client, key)
        assert answer.status_code == 400
        assert answer.json() == {
            "errorCode": "BXNIM0415E",
            "errorMessage": "Provided API key could not be found.",
            "context": {},
        }


MALFORMED = [
    *(b"", b"apikey=", b"grant_type=x", b"{}", b"\xff\xfe", b"apikey=%ff%00", b"apikey=qs_x", b"a=b&" * 3000),
    *(b"apikey=" + b"x" * 20_000, b"apikey=qs_x&grant_type=password", b"grant_type=\xed\xa0\x80"),
]


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("content_type", [FORM, "application/json", "multipart/form-data; boundary=x", ""])
def test_it_answers_malformed_exchanges_without_asking_the_database(
    client: Client, body: bytes, content_type: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.post("/identity/token", body, content_type=content_type)
    assert answer.status_code == 400
    assert set(answer.json()) == {"errorCode", "errorMessage", "context"}


def test_it_answers_other_methods(client: Client) -> None:
    answer = client.get("/identity/token")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


def test_it_slows_down_those_who_guess(people: People, client: Client) -> None:
    key = people.key_of(people.bob)
    for _ in range(failed_attempts.limit):
        assert exchange(client, "qs_" + "x" * 43).status_code == 400
    answer = exchange(client, key)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) == 60
    clock.use(lambda: NOON + timedelta(seconds=61))
    assert exchange(client, key).status_code == 200


# --- Search ---


def test_it_finds_the_instances_of_the_caller(people: People, client: Client, token: str) -> None:
    assert search(client, token).json() == {
        "items": [
            {
                "crn": people.lab.crn,
                "name": "lab",
                "service_plan_unique_id": "plan-open",
                "tags": ["teaching"],
                "doc": {"extensions": {"allocations": 1}},
            }
        ],
        "limit": 100,
    }


def make_instances(people: People) -> list[Instance]:
    """Instances of Bob's, in the order in which a client shall prefer them."""
    made = {
        name: create_instance(name=name, account="acme", now=NOON, plan=plan)
        for name, plan in {"z": Plan.PREMIUM, "f": Plan.FLEX, "pay": Plan.PAY_AS_YOU_GO, "a": Plan.INTERNAL,
                           "b": Plan.OPEN, "gone": Plan.OPEN}.items()
    }  # fmt: skip
    for instance in made.values():
        add_member(instance=instance, user=people.bob, role=Role.READER, now=NOON)
    archive_instance(instance=made["gone"], now=NOON)
    return [made["b"], people.lab, *(made[name] for name in ("a", "pay", "z", "f", "gone"))]


def test_it_lists_open_plans_first_and_archived_instances_last(
    people: People, client: Client, token: str
) -> None:
    wanted = [instance.crn for instance in make_instances(people)]
    items = search(client, token).json()["items"]
    assert [item["crn"] for item in items] == wanted
    assert items[-1]["service_plan_unique_id"] == "plan-archived"


def test_each_plan_that_it_lists_is_in_the_catalogue(people: People, client: Client, token: str) -> None:
    make_instances(people)
    names = set()
    for item in search(client, token).json()["items"]:
        for address in ("/", "/api/v1/", "/catalog/"):
            entry = client.get(address + item["service_plan_unique_id"])
            assert entry.status_code == 200
            assert entry.json()["id"] == item["service_plan_unique_id"]
            assert entry.json()["metadata"]["pricing"]["type"] in PRICING_WORDS
        names.add(entry.json()["overview_ui"]["en"]["display_name"].lower())
    assert names == {plan.value for plan in Plan} | {"archived"}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_it_pages_through_all_of_them(people: People, client: Client, token: str, limit: int) -> None:
    wanted = [instance.crn for instance in make_instances(people)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = search(client, token, limit, **cursor).json()
        found += [item["crn"] for item in page["items"]]
        if "search_cursor" not in page:
            break
        cursor = {"search_cursor": page["search_cursor"]}
    assert found == wanted


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("service_name:quantum-computing", ["lab"]),
        ("service_name:quantum-computing AND name:lab", ["lab"]),
        ('name:"lab"', ["lab"]),
        ("name:other", []),
        ("service_name:cloud-object-storage", []),
        ("", ["lab"]),
        ("region:us-east", ["lab"]),
        (None, ["lab"]),
    ],
)
def test_it_honours_the_query(
    people: People, client: Client, token: str, query: str | None, names: list[str]
) -> None:
    assert [item["name"] for item in search(client, token, query=query).json()["items"]] == names


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        (0, {}),
        (1001, {}),
        ("-1", {}),
        ("x", {}),
        ("9" * 30, {}),
        ("²", {}),
        (10, {"query": 5}),
        (10, {"search_cursor": "?"}),
        (10, {"search_cursor": "é"}),
        (10, {"search_cursor": "AAAA"}),
        (10, {"search_cursor": ["x"]}),
        (10, {"search_cursor": "ZnJvbTo5OTk5OTk5OTk5OTk5OTk5OTk="}),
        (10, {"query": "name:\0"}),
    ],
)
def test_it_refuses_searches_that_make_no_sense(
    client: Client, token: str, limit: Any, body: dict[str, Any]
) -> None:
    answer = search(client, token, limit, **body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


def test_it_searches_with_two_queries(
    people: People, client: Client, token: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_instances(people)
    search(client, token)
    with django_assert_num_queries(2):
        assert len(search(client, token).json()["items"]) == 7


# --- Catalogue and resources ---


@pytest.mark.parametrize(
    "address", ["/catalog/gold", "/plan-gold", "/api/v1/plan-", "/catalog/%00", "/plan-%ff"]
)
def test_it_knows_no_other_plans(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == 1291


def test_it_describes_one_instance_by_its_crn(people: People, client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.get(f"/v2/resource_instances/{quote(people.lab.crn, safe='')}", headers=headers).json()
    assert (answer["crn"], answer["id"], answer["name"]) == (people.lab.crn, people.lab.crn, "lab")
    assert answer["guid"] in people.lab.crn
    assert answer["created_at"] == "2026-11-21T12:00:00.250000Z"


@pytest.mark.parametrize("crn", ["crn:v1:unknown", "%00", "x" * 3000, "%ED%A0%80"])
def test_it_describes_no_others(people: People, client: Client, token: str, crn: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    foreign = client.get(f"/v2/resource_instances/{quote(people.elsewhere.crn, safe='')}", headers=headers)
    unknown = client.get(f"/v2/resource_instances/{crn}", headers=headers)
    assert foreign.status_code == 404
    assert unknown.status_code in {400, 404}


def test_it_lists_instances_by_name(people: People, client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    found = client.get("/v2/resource_instances?name=lab", headers=headers).json()
    assert found["rows_count"] == 1
    assert found["resources"][0]["crn"] == people.lab.crn
    missing = client.get("/v2/resource_instances?name=elsewhere", headers=headers).json()
    assert (missing["rows_count"], missing["resources"]) == (0, [])


@pytest.mark.parametrize(
    "address", ["/v2/resource_instances", "/v2/resource_instances/crn:x", "/v3/resources/search"]
)
def test_it_tells_nothing_without_a_token(people: People, client: Client, address: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
        answer = client.generic("POST" if "search" in address else "GET", address, headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["errors"][0]["code"] == 1201
