"""People who call the runtime API as the official client does, and what they get."""

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any

from django.test import Client

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import IssuedKey, issue_key
from quantumsvc.accounts.tokens import issue_token
from tests.api.contract import keep_to_the_description
from tests.factories import START, make_instance, make_user

API_VERSION = "2026-04-15"
JSON = "application/json"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Caller:
    """Somebody with a key, who names one instance in all calls."""

    user: User
    instance: Instance
    issued: IssuedKey
    base: str = "/experimental"
    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def having(self, **headers: str) -> "Caller":
        """The same caller with other headers; ``_`` stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers=self.headers | named)

    def based(self, base: str) -> "Caller":
        return replace(self, base=base)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(self.base + path, query, headers=self.headers)
        keep_to_the_description("GET", self.base + path, answer)
        return answer

    def post(self, path: str, body: Any = None, **over: Any) -> Any:
        return self._send("POST", path, body, **over)

    def patch(self, path: str, body: Any = None) -> Any:
        return self._send("PATCH", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Any method; ``body`` is sent as it is when it is bytes, as JSON otherwise."""
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Any, content_type: str = JSON, **headers: str) -> Any:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self.client.generic(
            method, self.base + path, sent, content_type=content_type, headers=self.headers | headers
        )
        keep_to_the_description(method, self.base + path, answer, sent)
        return answer


def make_caller(instance: Instance | None = None, role: Role | None = Role.WRITER, **over: Any) -> Caller:
    """A member of the instance, with a key and the token that it is exchanged for."""
    instance = instance or make_instance()
    user = make_user(**over)
    if role is not None:
        Membership.objects.create(user=user, instance=instance, role=role.value)
    issued = issue_key(user=user, name=f"key {next(_numbers)}", now=START)
    token = issue_token(user, issued.key, START)["access_token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "Service-CRN": instance.crn,
        "IBM-API-Version": API_VERSION,
    }
    return Caller(user, instance, issued, headers=headers)


def refusal(answer: Any) -> tuple[int, int]:
    """Status and code of an answer that must be an error in the wire's container, and no fault of ours."""
    assert answer["Content-Type"] == JSON, answer.content[:300]
    body = answer.json()
    assert set(body) == {"errors", "trace"}
    assert body["errors"]
    for error in body["errors"]:
        assert set(error) == {"code", "message", "solution", "more_info"}
        assert isinstance(error["code"], int)
        assert error["message"].strip()
    assert 400 <= answer.status_code < 500, answer.content[:300]
    return answer.status_code, body["errors"][0]["code"]


def message(answer: Any) -> str:
    """The sentence of a refusal."""
    refusal(answer)
    return str(answer.json()["errors"][0]["message"])
