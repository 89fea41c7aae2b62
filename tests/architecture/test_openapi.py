"""The description of the API is whole, valid, and in step with the catalogue of errors."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.openapi.schema import Endpoints, operation_of
from quantumsvc.reference import document
from tests.architecture.test_tenancy import addresses

ERRORS = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def test_it_is_valid_and_made_without_a_warning(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert not GENERATOR_STATS


def test_it_describes_every_call_of_the_api() -> None:
    missing = [
        f"{method} {path}"
        for path, _, method, callback in Endpoints().get_api_endpoints()
        if operation_of(callback.cls, method) is None
    ]
    assert missing == []
    plain = [
        address
        for address in addresses(get_resolver().url_patterns)
        if address.startswith(("api/v1/", "identity/", "auth/", "v2/", "v3/", "catalog/"))
    ]
    described = {path.lstrip("/") for path in document()["paths"]}
    unnamed = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", address) for address in plain} - described
    assert unnamed == {"api/v1/openapi.json", "api/v1/openapi.yaml"}


def test_it_gives_every_operation_a_name_of_its_own(schema: dict[str, Any]) -> None:
    names = [each["operationId"] for each in operations(schema)]
    assert len(names) == len(set(names))


def test_it_has_the_codes_of_the_document() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d, ]+) \| (.+) \|$", ERRORS, re.M)
    documented = {
        int(code): (tuple(map(int, statuses.split(","))), meaning) for code, statuses, meaning in rows
    }
    assert documented == {each.code: (each.statuses, each.meaning) for each in PROBLEMS.values()}


def test_it_shows_examples_that_are_as_described(schema: dict[str, Any]) -> None:
    shown = 0
    for operation in operations(schema):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (each for body in bodies for each in body.get("content", {}).values()):
            if "example" in content:
                whole = {**content["schema"], "components": schema["components"]}
                jsonschema_rs.validator_for(whole).validate(content["example"])
                shown += 1
    assert shown > 60
