"""The frame of every page: theme, clock, menus, and what holds for all pages in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits, hindrances
from tests.pages.conftest import Reader

GROUND = {"light": "rgb(251, 252, 253)", "dark": "rgb(14, 17, 22)"}


@pytest.mark.parametrize("theme", GROUND)
def test_its_ground_is_that_of_the_theme_from_the_first_byte(
    visit: Visits, wanda: Reader, theme: str
) -> None:
    page = visit(wanda.user, "/connect", theme=theme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[theme]


def test_its_pages_are_usable_by_everybody(visit: Visits, wanda: Reader) -> None:
    page = visit.open(wanda.user)
    for path in ("/", "/backends", "/connect", "/nothing"):
        page.goto(visit.address + path)
        assert hindrances(page) == [], path


def test_it_keeps_the_theme_that_is_chosen(visit: Visits, wanda: Reader) -> None:
    page = visit(wanda.user)
    page.get_by_text("Account of wanda").click()
    page.get_by_label("Dark").check()
    for _ in range(2):
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND["dark"]
        page.reload()
    page.emulate_media(color_scheme="light")
    page.get_by_text("Account of wanda").click()
    page.get_by_label("System").check()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND["light"]


def test_its_menu_closes_on_escape_and_gives_the_focus_back(visit: Visits, wanda: Reader) -> None:
    page = visit(wanda.user)
    page.get_by_text("Account of wanda").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
