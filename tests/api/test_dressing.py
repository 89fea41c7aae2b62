"""What is added to answers on their way out: compression, and leave for other sites' scripts."""

import gzip

import pytest
import pytest_asyncio
from django.db import connection
from httpx import Response
from pytest_django import Settings

from quantumsvc.accounts.rates import rates
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.api.asgi import ask
from tests.api.callers import Caller
from tests.factories import submit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
SITE = "https://lab.example.org"


@pytest_asyncio.fixture(autouse=True)
async def tidy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


async def read(caller: Caller, path: str, method: str = "GET") -> Response:
    return (await ask(caller, path, method)).answer


async def test_it_packs_what_may_be_packed(alice: Caller, backend: Backend) -> None:
    path = "/analytics/usage"
    plain = await read(alice.having(Accept_Encoding="identity"), path)
    packed = await read(alice.having(Accept_Encoding="gzip"), path)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(plain.content)
    assert packed.json().keys() == plain.json().keys()
    assert gzip.compress(plain.content)


async def test_it_lets_no_other_site_in_unless_it_is_told_to(alice: Caller) -> None:
    for method in ("GET", "OPTIONS"):
        asking = alice.having(Origin=SITE, Access_Control_Request_Method="GET")
        answer = await read(asking, "/backends", method)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "Vary" not in (await read(alice.having(Accept_Encoding="identity"), "/backends")).headers


@pytest.mark.parametrize("allowed", [[SITE], ["*"]])
async def test_it_lets_in_the_sites_that_are_named(
    alice: Caller, settings: Settings, allowed: list[str]
) -> None:
    settings.CORS_ORIGINS = allowed
    asking = alice.having(Origin=SITE)
    answer = await read(asking, "/backends")
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in answer.headers["Vary"]
    before = await read(asking.having(Access_Control_Request_Method="POST"), "/jobs", "OPTIONS")
    assert (before.status_code, before.content) == (204, b"")
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in before.headers["Access-Control-Allow-Headers"]
    for query in ({}, {"exclude_params": "true"}, {"wait": "1"}):
        refused = (await ask(asking, "/jobs/x", **query)).answer
        assert refused.status_code == 404
        assert refused.headers["Access-Control-Allow-Origin"] == SITE


async def test_it_lets_in_no_other_than_the_named(alice: Caller, settings: Settings) -> None:
    settings.CORS_ORIGINS = [SITE]
    answer = await read(alice.having(Origin="https://other.example.org"), "/backends")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.fixture
def job(author: Author, backend: Backend) -> str:
    return submit(author, backend).pk


async def test_it_tells_with_every_answer_what_is_left_of_the_keys_calls(
    alice: Caller, job: str, settings: Settings
) -> None:
    async def told(path: str, **query: str) -> tuple[str | None, ...]:
        headers = (await ask(alice, path, **query)).answer.headers
        return tuple(headers.get(f"RateLimit-{name}") for name in ("Limit", "Remaining", "Reset"))

    rates.clear()
    settings.RATE_LIMIT = 60
    assert await told("/backends") == ("60", "59", "1")
    assert await told("/jobs/none") == ("60", "58", "2")
    assert await told("/versions") == (None, None, None), "nobody has to say who they are"
    assert await told("/jobs", limit="0") == ("60", "57", "3")
    assert await told(f"/jobs/{job}", exclude_params="true") == ("60", "56", "4")
    assert await told(f"/jobs/{job}", wait="0") == ("60", "55", "5")
    settings.RATE_LIMIT = 0
    assert await told("/backends") == (None, None, None)
