"""The reservations calendar in a real browser: drawing, the keyboard, narrow windows, live changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from quantumsvc import clock
from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from reservations_app.models import Window
from reservations_app.services import changing
from tests.browser.conftest import NARROW, WIDE, Visits, faults, hindrances
from tests.factories import START
from tests.pages.conftest import Reader
from tests.reservations.making import make_window

MIDNIGHT = datetime.combine(clock.now().date() + timedelta(days=1), datetime.min.time(), UTC)
TOMORROW = f"/reservations?view=day&date={MIDNIGHT:%Y-%m-%d}"


def window(hour: float, hours: float, **over: Any) -> Window:
    """Tomorrow at that hour."""
    start = (MIDNIGHT - START).total_seconds() + hour * 3_600
    return make_window(start, start + hours * 3_600, **over)


@pytest.fixture
def booked(lab: Instance, backend: Backend, max_: Reader) -> Window:
    """The lab's, from 10:00 to 12:00."""
    return window(10, 2, backend=backend, instance=lab, created_by=max_.user)


def drag(page: Page, hour: float, to: float) -> None:
    """From one hour of the only row to another, near its lower edge."""
    box = page.locator(".track").bounding_box()
    assert box
    y = box["y"] + 30
    page.mouse.move(box["x"] + box["width"] * hour / 24, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (hour + to) / 48, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * to / 24, y, steps=4)
    page.mouse.up()


def hours_in(page: Page) -> list[str]:
    asked = parse_qs(urlsplit(page.url).query)
    return [asked[name][0][11:16] for name in ("start", "end")]


def test_its_pages_are_usable_by_everybody(
    visit: Visits, max_: Reader, booked: Window, backend: Backend
) -> None:
    window(14, 2, backend=backend)
    window(18, 2, backend=backend, kind="maintenance")
    paths = [f"{TOMORROW.replace('day&', view + '&', 1)}" for view in ("day", "week", "month", "timeline")]
    paths += ["/reservations/new", *(f"/reservations/{booked.pk}{deed}" for deed in ("", "/move", "/cancel"))]
    page = visit.open(max_.user)
    for path in paths:
        page.goto(visit.address + path)
        assert hindrances(page) == [], path


def test_its_list_comes_first_where_it_is_narrow(visit: Visits, max_: Reader, booked: Window) -> None:
    def tops(width: int) -> list[float]:
        page = visit(max_.user, TOMORROW, width=width)
        boxes = [page.locator(part).bounding_box() for part in (".drawn", ".listed")]
        return [box["y"] for box in boxes if box]

    wide, narrow = tops(WIDE), tops(NARROW)
    assert wide[0] < wide[1]
    assert narrow[1] < narrow[0]


def test_it_books_what_was_drawn_after_it_was_shown(
    visit: Visits, max_: Reader, lab: Instance, backend: Backend
) -> None:
    page = visit(max_.user, TOMORROW)
    drag(page, 13, 15.5)
    page.wait_for_url("**/reservations/new?**")
    assert hours_in(page) == ["13:00", "15:30"]
    expect(page.get_by_label("Backend")).to_have_value(backend.name)
    expect(page.get_by_label("Start")).to_have_value(f"{MIDNIGHT:%Y-%m-%d}T13:00")
    expect(page.get_by_role("button", name="Book")).to_have_count(0)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="It can be booked")).to_be_visible()
    assert faults(page) == []
    assert not Window.objects.exists()
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_role("status").filter(has_text="It is booked.")).to_be_visible()
    made = Window.objects.get()
    assert (made.starts_at - MIDNIGHT, made.length) == (timedelta(hours=13), timedelta(hours=2.5))


@pytest.mark.parametrize(
    ("hour", "to", "then"),
    [(11, 14, ["13:00", "15:00"]), (11.97, 13.97, ["10:00", "14:00"]), (10.03, 8.03, ["08:00", "12:00"])],
)
def test_it_moves_or_resizes_a_window_by_dragging_it(
    visit: Visits, max_: Reader, booked: Window, hour: float, to: float, then: list[str]
) -> None:
    page = visit(max_.user, TOMORROW)
    drag(page, hour, to)
    page.wait_for_url(f"**/reservations/{booked.pk}/move?**")
    assert hours_in(page) == then
    expect(page.get_by_label("Start")).to_have_value(f"{MIDNIGHT:%Y-%m-%d}T{then[0]}")
    booked.refresh_from_db()
    assert booked.state == "scheduled"


def test_its_bars_are_links_when_they_are_not_dragged(visit: Visits, max_: Reader, booked: Window) -> None:
    page = visit(max_.user, TOMORROW)
    page.locator(f'[data-window="{booked.pk}"]').click()
    page.wait_for_url(f"**/reservations/{booked.pk}")


def test_it_is_drawn_in_with_the_keyboard_alone(visit: Visits, max_: Reader, backend: Backend) -> None:
    page = visit(max_.user, TOMORROW)
    chart = page.locator("#calendar-chart")
    chart.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#calendar-told")).to_contain_text("02:00 to")
    expect(page.locator("#calendar-told")).to_contain_text("03:30")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reservations/new?**")
    assert hours_in(page) == ["02:00", "03:30"]
    page.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="It can be booked")).to_be_visible()


def test_it_lets_a_reader_draw_nothing(visit: Visits, rita: Reader, booked: Window) -> None:
    page = visit(rita.user, TOMORROW)
    drag(page, 11, 14)
    drag(page, 16, 18)
    expect(page.locator(".drawn-anew")).to_have_count(0)
    assert page.url.endswith(TOMORROW)


def test_it_follows_what_others_book(visit: Visits, rita: Reader, booked: Window, max_: Reader) -> None:
    page = visit(rita.user, TOMORROW)
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.get_by_role("cell", name="Scheduled")).to_be_visible()
    changing.cancel(booked.pk, by=max_.user, now=clock.now())
    expect(page.get_by_role("cell", name="Scheduled")).to_have_count(0)
