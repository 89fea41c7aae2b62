"""The administration in a real browser: its theme, its widgets, and nothing that the content policy stops."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from quantumsvc.backends.models import Backend
from tests.admin.conftest import Work, make_work
from tests.browser.conftest import NARROW, WIDE, Visits, faults, overflow
from tests.pages.conftest import Reader

GROUND = {"light": "rgb(251, 252, 253)", "dark": "rgb(14, 17, 22)"}


@pytest.fixture
def work(author: object, backend: Backend) -> Work:
    return make_work(author, backend)  # type: ignore[arg-type]


def keep(page: Page, name: str) -> None:
    """A picture for whoever asked for pictures."""
    if folder := os.environ.get("QUANTUMSVC_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def addresses(work: Work, backend: Backend) -> dict[str, str]:
    return {
        "index": "/admin/",
        "instances": "/admin/accounts/instance/",
        "new-instance": "/admin/accounts/instance/act/make/",
        "users": "/admin/accounts/user/",
        "backends": "/admin/backends/backend/",
        "backend": f"/admin/backends/backend/{backend.pk}/change/",
        "backend-settings": f"/admin/backends/backend/{backend.pk}/act/settings/",
        "backend-offline": f"/admin/backends/backend/{backend.pk}/act/offline/",
        "jobs": "/admin/sessions_app/job/",
        "job": f"/admin/sessions_app/job/{work.running.pk}/change/",
        "calibration": "/admin/sessions_app/calibrationrun/act/request/",
        "windows": "/admin/reservations_app/window/",
        "book-window": "/admin/reservations_app/window/act/book/",
        "book-series": "/admin/reservations_app/series/act/book/",
        "policy": "/admin/reservations_app/reservationpolicy/act/make/",
        "audit": "/admin/accounts/auditentry/",
        "password": "/admin/password_change/",
    }


@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_its_pages_are_usable_by_everybody(
    visit: Visits, olga: Reader, work: Work, backend: Backend, theme: str, width: int
) -> None:
    found: dict[str, list[str]] = {}
    page = visit.open(olga.user, theme=theme, width=width)
    for name, path in addresses(work, backend).items():
        page.goto(visit.address + path)
        keep(page, f"{name}-{theme}-{width}")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[theme], name
        found[name] = faults(page) + (["too wide"] if overflow(page) > 0 else [])
    assert not {name: each for name, each in found.items() if each}


@pytest.mark.parametrize("theme", GROUND)
def test_its_sign_in_is_usable_by_everybody(visit: Visits, olga: Reader, theme: str) -> None:
    page = visit(None, "/admin/", theme=theme, width=NARROW)
    keep(page, f"sign-in-{theme}")
    assert faults(page) == []
    assert overflow(page) <= 0


def test_it_finds_a_user_while_the_name_is_typed(visit: Visits, olga: Reader, wanda: Reader) -> None:
    page = visit(olga.user, "/admin/accounts/membership/act/make/")
    page.locator(".field-user .select2-selection, .select2-selection").nth(1).click()
    page.locator(".select2-search__field").fill("wan")
    expect(page.get_by_role("option", name="wanda")).to_be_visible()
    keep(page, "autocomplete")
    page.get_by_role("option", name="wanda").click()
    expect(page.locator(".select2-selection__rendered").nth(1)).to_have_text("wanda")


def test_it_marks_jobs_asks_and_cancels_them(visit: Visits, olga: Reader, work: Work) -> None:
    page = visit(olga.user, "/admin/sessions_app/job/")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("cancel")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="chosen")).to_be_visible()
    keep(page, "cancel-many")
    page.get_by_label("Reason").fill("flood")
    page.get_by_role("button", name="Cancel the job (").click()
    expect(page.locator(".messagelist")).to_contain_text("Cancel the job: done")


def test_it_keeps_the_theme_that_is_chosen_there(visit: Visits, olga: Reader) -> None:
    page = visit(olga.user, "/admin/", theme="light")
    page.get_by_role("button", name="Theme: light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(page.url.replace("/admin/", "/"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
