"""The documents tell what the code does: no variable, code, command or page is missing or made up."""

import ast
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import pytest
from django.core.management import get_commands

from quantumsvc import errors
from quantumsvc.backends.programs.errors import Code
from reservations_app.services.rules import Rule

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))
SOURCES = [
    path
    for folder in ("quantumsvc", "sessions_app", "reservations_app", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]


def first_cells(text: str) -> Iterator[str]:
    """What stands in the first column of every table."""
    return (row.split("|")[1].strip() for row in text.splitlines() if row.startswith("|"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- Variables -------------------------------------------------------------------------------------


def variables_in_code() -> set[str]:
    """Every variable of ours that is named in the code; a name that ends with ``_`` is only a prefix."""
    return {
        name
        for path in SOURCES
        for name in re.findall(r"\b(?:QUANTUMSVC_[A-Z0-9_]+|DATABASE_URL)\b", path.read_text())
        if not name.endswith("_")
    }


def variables_in_readme() -> set[str]:
    return {name for cell in first_cells(README) for name in re.findall(r"`([A-Z0-9_]+)`", cell)}


def test_it_documents_every_variable_that_the_code_reads() -> None:
    assert variables_in_code() - variables_in_readme() == set()


def test_it_documents_no_variable_that_nothing_reads() -> None:
    ours = {name for name in variables_in_readme() if name.startswith("QUANTUMSVC_")}
    assert ours - variables_in_code() == set()


# --- Codes -----------------------------------------------------------------------------------------


def numbers_in(node: ast.AST) -> set[int]:
    """The error codes that one piece of code gives: by keyword, by name, or beside their sentence."""
    if isinstance(node, ast.keyword) and node.arg in {"code", "reason_code"}:
        return whole_numbers(node.value)
    if isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id.endswith("_CODE") for target in node.targets
    ):
        return whole_numbers(node.value)
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        sentence, number = node.elts
        return whole_numbers(number) if is_text(sentence) else set()
    return set()


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def whole_numbers(node: ast.AST) -> set[int]:
    return {node.value} if isinstance(node, ast.Constant) and type(node.value) is int else set()


def codes_in_code() -> set[int]:
    found = {
        number
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        for number in numbers_in(node)
    }
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    found |= {kind.code for kind in kinds if issubclass(kind, errors.ServiceError)}
    return {number for number in found if number >= 1000} | members(Code) | {rule.code for rule in Rule}


def members(codes: type[IntEnum]) -> set[int]:
    return {member.value for member in codes}


def codes_in_document() -> set[int]:
    return {int(cell) for cell in first_cells(ERRORS) if cell.isdigit()}


@pytest.mark.parametrize("code", [1305, 4002, 4003, 4004, 5202, 5205, 5206, 1204, 8010])
def test_it_finds_codes_however_they_are_written(code: int) -> None:
    assert code in codes_in_code()


def test_it_documents_every_error_code() -> None:
    assert codes_in_code() - codes_in_document() == set()


def test_it_documents_no_error_code_that_nothing_gives() -> None:
    assert codes_in_document() - codes_in_code() == set()


# --- Pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_it_links_only_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_it_names_only_commands_and_files_that_exist(page: Path) -> None:
    text = page.read_text()
    commands = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert commands - set(get_commands()) == set()
    files = set(re.findall(r"\b(?:quantumsvc|sessions_app|tests|examples|docs)/[\w/.]*\w\.(?:py|md)\b", text))
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def test_it_begins_with_the_two_commands_that_matter() -> None:
    first_screen = README.splitlines()[:25]
    commands = [line for line in first_screen if line.startswith("python3 -m venv")]
    ends = ("manage.py up", "-m pytest -n auto")
    assert [line.endswith(end) for line, end in zip(commands, ends, strict=True)] == [True, True]
    assert all("--require-hashes -r requirements.lock" in line for line in commands)
    assert len(README.splitlines()) < 250


def test_it_warns_of_the_public_host_wherever_it_shows_how_to_connect() -> None:
    for name in ("README.md", "docs/clients.md"):
        text = " ".join((ROOT / name).read_text().split())
        assert re.search(r"[Ww]ithout `IAM_URL`.{0,60}key to (a|the) public host", text), name


def test_it_shows_the_first_example_as_it_is() -> None:
    example = {line.strip() for line in (ROOT / "examples" / "first_job.py").read_text().splitlines()}
    block = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    shown = [line.partition("  #")[0] for line in block.splitlines() if line]
    # Only the example asks the environment for the backend's name.
    assert [line for line in shown if line not in example] == ['backend = service.backend("demo_nairobi")']
    assert len(shown) > 10


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_it_keeps_decisions_on_one_page_in_one_form(record: Path) -> None:
    text = record.read_text()
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert headings == ["Context", "Decision", "Non-goals", "Alternatives", "Consequences"]
    assert len(text.splitlines()) <= 60


def test_it_numbers_decisions_without_gaps() -> None:
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, record in zip(numbers, RECORDS, strict=True):
        assert record.read_text().startswith(f"# {number}. ")


def test_it_states_every_rule_about_sessions_and_jobs() -> None:
    rules = set(re.findall(r"^\| ([SLJ]\d+) \|", (ROOT / "docs" / "rules.md").read_text(), re.M))
    assert {f"L{number}" for number in range(1, 17)} | {f"J{number}" for number in range(1, 7)} <= rules
    assert {"S1", "S4", "S5", "S6", "S7", "S8", "S10"} <= rules
