"""Usage and settings in a real browser: usable by everybody, and their flows from end to end."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.services import issue_key
from quantumsvc.backends.models import Backend
from quantumsvc.notices.models import Subscription
from quantumsvc.statements import run
from sessions_app.models import ChargeKind
from sessions_app.services.ledger import Charge, charge
from sessions_app.services.submission import Author
from tests.browser.conftest import Visits, hindrances
from tests.factories import make_user
from tests.pages.conftest import Reader

PAGES = (
    "/usage",
    "/settings",
    "/settings/password",
    "/settings/keys",
    "/settings/members",
    "/settings/notifications",
    "/settings/notifications/hook",
)


@pytest.fixture
def furnished(
    max_: Reader, author: Author, lab: Instance, backend: Backend, now: Callable[[], datetime]
) -> Reader:
    """Max, with a key, a subscription, and an instance that has a limit and has used some time."""
    at = now()
    Instance.objects.filter(pk=lab.pk).update(usage_limit_seconds=600, usage_allocation_seconds=900)
    User.objects.filter(pk=max_.user.pk).update(email="max@example.org", time_zone="Europe/Berlin")
    issue_key(user=max_.user, name="laptop", now=at)
    issue_key(user=max_.user, name="cluster", now=at, expires_at=at + timedelta(days=90))
    Subscription.objects.create(
        id="hook", user=max_.user, channel="webhook", address="https://hooks.example.org/quantum",
        kinds=["job.ended", "limit.near"], salt="salt", created_at=at, created_by=max_.user,
    )  # fmt: skip
    for number in range(12):
        spent = Charge(
            kind=ChargeKind.SESSION if number % 3 == 0 else ChargeKind.JOB,
            subject=f"dc0ocvmdp9kt3vuots{number}",
            backend=backend.pk,
            instance=lab.pk,
            user=(author.user if number % 2 else max_.user).pk,
            since=at - timedelta(days=2 * number, seconds=60),
            at=at - timedelta(days=2 * number),
            seconds=4.25 * (number + 1),
        )
        run(*charge(spent))
    return max_


def test_its_pages_are_usable_by_everybody(visit: Visits, furnished: Reader) -> None:
    page = visit.open(furnished.user)
    for path in PAGES:
        page.goto(visit.address + path)
        assert hindrances(page) == [], path


def test_it_makes_a_key_copies_and_revokes_it(visit: Visits, wanda: Reader) -> None:
    page = visit(wanda.user, "/settings/keys")
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_label("Valid for").select_option("a year")
    page.get_by_role("button", name="Make a key").click()
    text = page.locator("#fresh-key").inner_text().strip()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("button.copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.goto(page.url)
    expect(page.get_by_text(text)).to_have_count(0)
    page.get_by_role("link", name="Revoke… laptop").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status")).to_contain_text("The key laptop was revoked.")
    assert ApiKey.objects.get().revoked_at is not None


def test_a_manager_adds_a_member_and_gives_another_role(visit: Visits, max_: Reader, lab: Instance) -> None:
    nina = make_user(username="nina")
    page = visit(max_.user, "/settings/members")
    page.get_by_label("User name of a new member").fill("nina")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Role of nina").select_option("writer")
    page.get_by_role("button", name="Set the role of nina").click()
    expect(page.get_by_role("status")).to_contain_text("The role of nina was changed.")
    assert Membership.objects.get(user=nina, instance=lab).role == "writer"


def test_it_subscribes_to_mail(visit: Visits, furnished: Reader) -> None:
    page = visit(furnished.user, "/settings/notifications")
    page.get_by_label("A session closed").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("status")).to_contain_text("The subscription was made.")
    made = Subscription.objects.get(channel="mail")
    assert (made.user, made.kinds) == (furnished.user, ["session.closed"])


def test_its_ledger_adds_up_on_the_screen(visit: Visits, furnished: Reader) -> None:
    page = visit(furnished.user, "/usage")
    rows = page.locator("[aria-label=Ledger] tbody tr")
    shown = [[float(cell) for cell in row.locator("td.number").all_inner_texts()] for row in rows.all()]
    assert len(shown) == 12
    total = 0.0
    for seconds, balance in reversed(shown):
        total += seconds
        assert balance == total
    expect(page.locator("dl.figures dd").first).to_have_text(f"{total:.3f} s")


def test_it_finds_its_way_by_the_menus(visit: Visits, wanda: Reader) -> None:
    page = visit(wanda.user)
    page.get_by_role("link", name="Usage").click()
    expect(page).to_have_title("Usage · quantumsvc")
    page.get_by_text("Account of wanda").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="API keys").click()
    expect(page).to_have_title("API keys · quantumsvc")
