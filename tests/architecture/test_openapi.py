"""The description of the API is whole, valid, and in step with the catalogue of errors."""

import re
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.reference import document

ERRORS = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def test_it_is_valid_and_made_without_a_warning(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert not GENERATOR_STATS


def test_it_gives_every_operation_a_name_of_its_own(schema: dict[str, Any]) -> None:
    names = [each["operationId"] for each in operations(schema)]
    assert len(names) == len(set(names))


def test_it_has_the_codes_of_the_document() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d, ]+) \| (.+) \|$", ERRORS, re.M)
    documented = {
        int(code): (tuple(map(int, statuses.split(","))), meaning) for code, statuses, meaning in rows
    }
    assert documented == {each.code: (each.statuses, each.meaning) for each in PROBLEMS.values()}
