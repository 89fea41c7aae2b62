"""The description of the API, to read: for everybody, whole, and from this service alone."""

import re

import pytest
from django.test import Client

from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.reference import document


@pytest.fixture(scope="module")
def page() -> str:
    answer = Client().get("/docs/api")
    assert answer.status_code == 200
    assert "style-src 'self'" in answer["Content-Security-Policy"]
    return str(answer.content.decode())


def test_it_shows_every_call_and_every_code(page: str) -> None:
    names = [each["operationId"] for path in document()["paths"].values() for each in path.values()]
    assert [name for name in names if f'id="{name}"' not in page] == []
    assert [code for code in PROBLEMS if f'id="error-{code}"' not in page] == []


def test_it_links_only_to_what_it_has(page: str) -> None:
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) - anchors == set()


def test_it_loads_nothing_from_elsewhere_and_has_nothing_inline(page: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


@pytest.mark.parametrize("name", ["openapi.json", "openapi.yaml"])
def test_it_serves_the_document_with_a_mark(name: str) -> None:
    first = Client().get(f"/api/v1/{name}")
    assert first.status_code == 200
    assert b"/api/v1/jobs" in first.content
    again = Client().get(f"/api/v1/{name}", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
