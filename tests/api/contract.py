"""Whether an answer is what the description of the API says of it."""

import json
import os
import re
from functools import cache
from typing import Any

import jsonschema_rs

from quantumsvc.openapi.examples import FILE
from quantumsvc.reference import document

# A 500 is only where a test breaks the database.
UNTOLD = {405, 500}
# Set it to write the examples of the description anew from what the tests send and get.
RECORDING = bool(os.environ.get("QUANTUMSVC_RECORD_EXAMPLES"))
LONGEST = 2500
HIDDEN = {"access_token", "secret", "url"}


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The addresses as patterns, those without a variable part first."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    found = []
    for path in paths:
        parts = re.split(r"\{[^}]+\}", path)
        found.append((re.compile("[^/]+".join(map(re.escape, parts))), path))
    return found


def described_at(method: str, address: str) -> dict[str, Any] | None:
    """The operation that answers there; None where the description has none."""
    plain = address.partition("?")[0].replace("/legacy/experimental/", "/legacy/")
    plain = re.sub(r"^/experimental/", "/api/v1/", plain)
    for pattern, path in _patterns():
        if pattern.fullmatch(plain):
            found: dict[str, Any] | None = document()["paths"][path].get(method.lower())
            return found
    return None


@cache
def _validator(operation: str, status: str, schema: str) -> Any:
    whole = {**json.loads(schema), "components": document()["components"]}
    return jsonschema_rs.validator_for(whole)


def keep_to_the_description(method: str, address: str, answer: Any, sent: bytes = b"") -> None:
    """Fail where an answer has a status, a type or a body that the description does not tell of."""
    operation = described_at(method, address)
    if operation is None or answer.status_code in UNTOLD:
        return
    name, status = operation["operationId"], str(answer.status_code)
    assert status in operation["responses"], f"{name} answers {status}, which its description does not tell"
    content = operation["responses"][status].get("content")
    if content is None:
        assert not answer.content, f"{name} answers {status} with a body"
        return
    kind = answer["Content-Type"].partition(";")[0]
    assert kind in content, f"{name} answers {status} as {kind}"
    if kind == "application/json":
        schema = json.dumps(content[kind]["schema"], sort_keys=True)
        problem = next(_validator(name, status, schema).iter_errors(json.loads(answer.content)), None)
        assert problem is None, f"{name} answers {status}: {problem}"
        # Of several faults in one answer, the first decides on the status.
        _known_codes(name, " ".join(each["description"] for each in operation["responses"].values()), answer)
        if RECORDING and answer.status_code < 300:
            _record(name, sent, json.loads(answer.content))


def _known_codes(name: str, told: str, answer: Any) -> None:
    body = json.loads(answer.content)
    if answer.status_code >= 400 and isinstance(body, dict) and "errors" in body:
        for error in body["errors"]:
            assert f"`{error['code']}`" in told, f"{name} answers {answer.status_code} with {error['code']}"


def _record(name: str, sent: bytes, answer: Any) -> None:
    """Keep the fullest example that is not too long."""
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    found = {"answer": _shortened(answer)}
    if sent and name != "exchange_an_api_key_for_a_token":
        found["body"] = _shortened(json.loads(sent))
    length = len(json.dumps(found))
    made_up = "test_fuzz" in os.environ.get("PYTEST_CURRENT_TEST", "")
    if (
        not made_up
        and not name.startswith("old_")
        and len(json.dumps(known.get(name, {}))) < length <= LONGEST
    ):
        FILE.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n")


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "…" if key in HIDDEN else _shortened(each) for key, each in value.items()}
    return [_shortened(each) for each in value[:2]] if isinstance(value, list) else value
