"""The description of the API is whole, valid, and in step with the catalogue of errors."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from quantumsvc.openapi.operations import operation_of
from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.openapi.schema import Endpoints
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


# Lists that are read in another way, and why.
READ_OTHERWISE = {
    "list_workloads": "the public wire's own cursors, `next` and `previous`",
    "list_instances": "the public wire's shape; a user has few instances",
    "list_instances_as_hubs": "the old wire's shape; a user has few instances",
    "list_devices": "the old wire's shape: all of them",
    "search_tags": "a hundred at most, in the order of the alphabet",
    "list_the_versions_of_the_interface": "the same few for everybody",
    "list_what_to_filter_by": "what stands in one instance's ledger, once each",
    "add_up_the_usage_by_group": "sums, a row for each group",
    "add_up_the_usage_by_day": "sums, a row for each group and day of an interval that is bounded",
    "read_the_utilisation_of_reservations": "sums, a row for each instance of the caller",
    "find_free_time": "the earliest first; `start` goes on where the last part ended",
    "read_the_instance": "one thing, of which some fields are lists",
    "old_read_the_instance": "one thing, of which some fields are lists",
    "read_transpiled_circuits": "one result",
    "compare_calibration_sets": "one comparison",
}


def holds_a_list(schema: dict[str, Any], content: dict[str, Any]) -> bool:
    """Whether an answer is a list, or an object with one."""
    if "$ref" in content:
        content = schema["components"]["schemas"][content["$ref"].rpartition("/")[2]]
    if "anyOf" in content:
        return any(holds_a_list(schema, each) for each in content["anyOf"])
    parts = content.get("properties", {}).values()
    return content.get("type") == "array" or any(part.get("type") == "array" for part in parts)


def test_it_lets_every_list_be_read_in_parts_and_sorted(schema: dict[str, Any]) -> None:
    lists: set[str] = set()
    for path, methods in schema["paths"].items():
        operation = methods.get("get")
        content = operation["responses"]["200"].get("content", {}) if operation else {}
        if path.endswith("}") or not any(holds_a_list(schema, each["schema"]) for each in content.values()):
            continue
        words = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
        name = operation["operationId"]
        lists.add(name)
        assert name in READ_OTHERWISE or {"limit", "offset", "cursor", "sort"} <= words, name
    assert len(lists) > 20
    assert set(READ_OTHERWISE) <= lists, "each exception is there"


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
