"""Old clients log in with their key, learn where the services are, and what their instances are called."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from quantumsvc.accounts.api.channel import TOKEN_LIFETIME, failed_logins
from quantumsvc.accounts.models import Membership
from quantumsvc.accounts.services import revoke_key
from tests.api.callers import Caller
from tests.api.conftest import Time
from tests.factories import START, make_backend, make_instance
from tests.legacy.conftest import of_old

LOGIN = "/auth/users/loginWithToken"


@pytest.fixture(autouse=True)
def _forget_failures() -> None:
    failed_logins.clear()


def log_in(body: Any) -> Any:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client(raise_request_exception=False).generic("POST", LOGIN, sent)


def asked(path: str, token: str | None) -> Any:
    headers = {} if token is None else {"X-Access-Token": token}
    return Client().get(path, headers=headers)


def test_it_tells_clients_that_this_is_a_login_service() -> None:
    assert "api-auth" in Client().get("/auth/version").json()


def test_it_trades_a_key_for_a_token_that_lasts_as_long_as_a_program(alice: Caller, time: Time) -> None:
    answer = log_in({"apiToken": alice.issued.text}).json()
    assert answer["ttl"] == TOKEN_LIFETIME.total_seconds()
    time.seconds = (TOKEN_LIFETIME - timedelta(minutes=1)).total_seconds()
    assert asked("/auth/users/me", answer["id"]).status_code == 200
    time.seconds = (TOKEN_LIFETIME + timedelta(minutes=1)).total_seconds()
    assert asked("/auth/users/me", answer["id"]).status_code == 401


def test_it_ends_a_token_with_its_key(alice: Caller) -> None:
    token = log_in({"apiToken": alice.issued.text}).json()["id"]
    revoke_key(key=alice.issued.key, now=START)
    assert asked("/auth/users/me", token).status_code == 401


@pytest.mark.parametrize("token", [None, "nonsense", "qs_" + "a" * 43])
def test_it_knows_nobody_without_a_token(alice: Caller, token: str | None) -> None:
    for path in ("/auth/users/me", "/auth/Network", "/legacy/backends", "/legacy/jobs", "/legacy/usage"):
        assert asked(path, token).status_code == 401


def test_it_refuses_an_unknown_key_in_the_shape_that_clients_read(time: Time) -> None:
    answer = log_in({"apiToken": "qs_" + "a" * 43})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "LOGIN_FAILED"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, {"apiToken": 1}, {"apiToken": None}, b"x" * 20_000]
)
def test_it_refuses_a_login_that_is_none(time: Time, body: Any) -> None:
    answer = log_in(body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_it_slows_down_guessing(time: Time) -> None:
    answers = [log_in({"apiToken": "qs_" + "a" * 43}) for _ in range(61)]
    assert [answers[-2].status_code, answers[-1].status_code] == [401, 429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_it_says_where_the_services_are(alice: Caller, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://lab.example"
    urls = asked("/auth/users/me", of_old(alice).headers["X-Access-Token"]).json()["urls"]
    assert urls == {
        "http": "https://lab.example/auth",
        "ws": "wss://lab.example/legacy",
        "services": {"runtime": "https://lab.example/legacy"},
    }


def test_it_names_instances_by_hub_group_and_project(alice: Caller) -> None:
    """The first is marked, archived ones are left out, and slashes in names do no harm."""
    for name, active in (("b/c d", True), ("gone", False)):
        made = make_instance(
            name=name,
            account="other lab",
            plan="premium",
            is_active=active,
            archived_at=None if active else START,
        )
        Membership.objects.create(user=alice.user, instance=made, role="writer")
    make_instance(name="foreign")
    hubs = asked("/auth/Network", of_old(alice).headers["X-Access-Token"]).json()
    found = {
        f"{one['name']}/{group['name']}/{project['name']}": project["isDefault"]
        for one in hubs
        for group in one["groups"].values()
        for project in group["projects"].values()
    }
    assert found == {f"acct/main/{alice.instance.name}": True, "other%20lab/main/b%2Fc%20d": False}


def test_it_gives_all_configurations_of_an_instance_at_once(alice: Caller, stranger: Caller) -> None:
    """As clients before 0.8 read them, before anything else."""
    open_to_all, closed = make_backend(), make_backend(open_to_all=False)
    where = f"/auth/Network/acct/Groups/main/Projects/{alice.instance.name}/devices/v/1"
    answer = asked(where, of_old(alice).headers["X-Access-Token"])
    assert answer.json() == [json.loads(open_to_all.configuration)]
    closed.grants.create(instance=alice.instance)
    assert len(asked(where, of_old(alice).headers["X-Access-Token"]).json()) == 2
    assert asked(where, of_old(stranger).headers["X-Access-Token"]).status_code == 404
    assert asked(where, None).status_code == 401
