"""Settings: the reader's own data, keys and notices, and the members of their instances."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from quantumsvc.accounts.models import ApiKey, AuditEntry, Instance, Membership, User
from quantumsvc.accounts.pages import signing_in, urls
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.selectors import find_valid_key
from quantumsvc.accounts.services import issue_key
from quantumsvc.notices import pages as notice_pages
from quantumsvc.notices.models import Delivery, Subscription
from tests.api.conftest import Time
from tests.factories import START, at, make_instance, make_user
from tests.pages.conftest import Reader, join, sign_in, text_of
from tests.pages.test_every_page import check_page

PAGES = ("settings", "settings/password", "settings/keys", "settings/members", "settings/notifications")
OF_ONE = {
    "settings/keys/<int:ident>/revoke": "get",
    "settings/members/<int:ident>/role": "post",
    "settings/members/<int:ident>/remove": "get",
    "settings/notifications/<str:ident>": "get",
    "settings/notifications/<str:ident>/test": "post",
    "settings/notifications/<str:ident>/end": "get",
}


@pytest.fixture(autouse=True)
def no_attempts() -> Iterator[None]:
    yield
    signing_in.failed_for_name.clear()
    signing_in.failed_from_address.clear()


def post(reader: Reader, path: str, **fields: Any) -> Any:
    return reader.client.post(path, fields)


def test_it_knows_every_page() -> None:
    found = {str(each.pattern) for each in (*urls.urlpatterns, *notice_pages.urlpatterns)}
    assert found == {"login", "logout", *PAGES, *OF_ONE}


@pytest.mark.parametrize("page", PAGES)
def test_it_is_sound_and_only_for_who_is_signed_in(page: str, max_: Reader) -> None:
    assert Client().get(f"/{page}")["Location"] == f"/login?next=/{page}"
    answer = max_.get(f"/{page}")
    assert answer.status_code == 200
    check_page(answer.content.decode())


@pytest.fixture
def owned(max_: Reader) -> dict[str, str]:
    """One of each, of Max and his instance."""
    max_.user.email = "max@example.org"
    max_.user.save()
    key = issue_key(user=max_.user, name="secret key", now=START).key
    post(max_, "/settings/notifications", of="user", channel="mail", kinds=["job.ended"])
    membership = Membership.objects.get(user=max_.user)
    return {
        "keys": str(key.pk),
        "members": str(membership.pk),
        "notifications": Subscription.objects.get().pk,
    }


@pytest.mark.parametrize("page", OF_ONE)
def test_it_does_not_exist_for_strangers(
    page: str, owned: dict[str, str], max_: Reader, stranger: Reader
) -> None:
    ident = owned[page.split("/")[1]]
    path = "/" + re.sub("<[^>]*>", ident, page)
    for call in (stranger.get, stranger.post):
        assert call(path).status_code in (404, 405)
    answer = getattr(max_, OF_ONE[page])(path)
    assert answer.status_code in (200, 302)
    if answer.status_code == 200:
        check_page(answer.content.decode())


# --- Keys ---


def test_it_shows_a_new_key_once(rita: Reader, time: Time) -> None:
    page = post(rita, "/settings/keys", name="laptop", lifetime="30").content.decode()
    text = re.search(r"qs_[\w-]+", text_of(page))
    assert text is not None
    found = find_valid_key(text[0], START)
    assert found is not None
    assert (found.user, found.name, found.expires_at) == (rita.user, "laptop", at(30 * 86_400))
    again = rita.get("/settings/keys").content.decode()
    assert text[0] not in again
    assert f"{text[0][:8]}…" in again


def test_it_makes_a_key_without_an_end_if_asked_to(rita: Reader) -> None:
    post(rita, "/settings/keys", name="robot", lifetime="")
    assert ApiKey.objects.get().expires_at is None


def test_it_says_why_a_key_was_not_made(rita: Reader) -> None:
    post(rita, "/settings/keys", name="laptop")
    answer = post(rita, "/settings/keys", name="laptop")
    assert answer.status_code == 409
    assert "You have a valid key named laptop." in text_of(answer.content.decode())
    assert post(rita, "/settings/keys", name="").status_code == 400
    assert ApiKey.objects.count() == 1


def test_it_asks_before_it_revokes_a_key(rita: Reader) -> None:
    made = issue_key(user=rita.user, name="old laptop", now=START)
    path = f"/settings/keys/{made.key.pk}/revoke"
    assert "Revoke the key old laptop" in rita.sees(path)
    assert find_valid_key(made.text, START) is not None
    post(rita, path)
    assert find_valid_key(made.text, START) is None
    assert AuditEntry.objects.filter(action="key.revoked", actor=rita.user).exists()
    assert "revoked" in rita.sees("/settings/keys")


# --- Members ---


def test_a_manager_adds_changes_and_removes_members(max_: Reader, rita: Reader, lab: Instance) -> None:
    newcomer = make_user(username="nina")
    post(max_, "/settings/members", username="nina", role="writer")
    made = Membership.objects.get(user=newcomer)
    assert (made.instance, made.role) == (lab, "writer")
    post(max_, f"/settings/members/{made.pk}/role", role="manager")
    made.refresh_from_db()
    assert made.role == "manager"
    assert "Remove nina from the lab" in max_.sees(f"/settings/members/{made.pk}/remove")
    post(max_, f"/settings/members/{made.pk}/remove")
    assert not Membership.objects.filter(user=newcomer).exists()
    assert set(AuditEntry.objects.filter(actor=max_.user).values_list("action", flat=True)) == {
        "member.added", "member.role_changed", "member.removed",
    }  # fmt: skip


def test_an_instance_keeps_a_manager(max_: Reader) -> None:
    own = Membership.objects.get(user=max_.user)
    answer = max_.client.post(f"/settings/members/{own.pk}/role", {"role": "reader"}, follow=True)
    assert "must keep a manager" in text_of(answer.content.decode())
    own.refresh_from_db()
    assert own.role == "manager"


def test_others_look_at_members_and_change_nothing(wanda: Reader, rita: Reader, lab: Instance) -> None:
    text = wanda.sees("/settings/members")
    assert "wanda (you)" in text
    assert "rita" in text
    assert "Add" not in text
    theirs = Membership.objects.get(user=rita.user)
    make_user(username="nina")
    for path, fields in (
        ("/settings/members", {"username": "nina", "role": "reader"}),
        (f"/settings/members/{theirs.pk}/role", {"role": "manager"}),
        (f"/settings/members/{theirs.pk}/remove", {}),
    ):
        assert post(wanda, path, **fields).status_code == 403
    assert set(lab.memberships.values_list("role", flat=True)) == {"writer", "reader"}


def test_it_says_why_a_member_was_not_added(max_: Reader, rita: Reader) -> None:
    for name, status, why in (
        ("nobody", 404, "There is no user named 'nobody'."),
        ("rita", 409, "rita is a member of the lab already."),
    ):
        answer = post(max_, "/settings/members", username=name, role="reader")
        assert answer.status_code == status
        assert why in text_of(answer.content.decode())
    make_user(username="nina")
    assert post(max_, "/settings/members", username="nina", role="king").status_code == 400


def test_it_shows_the_members_of_the_instance_that_was_chosen(max_: Reader, stranger: Reader) -> None:
    second = make_instance(name="second")
    second.memberships.create(user=max_.user, role="reader")
    join(second, Role.MANAGER, username="sam")
    assert "sam" in max_.sees("/settings/members", instance=second.pk)
    assert stranger.get("/settings/members", instance=second.pk).status_code == 404


# --- Profile and password ---


def test_it_changes_the_profile(rita: Reader) -> None:
    fields = {
        "first_name": "Rita",
        "last_name": "R",
        "email": "rita@example.org",
        "time_zone": "Europe/Berlin",
    }
    assert post(rita, "/settings", **fields).status_code == 302
    found = User.objects.get(pk=rita.user.pk)
    assert (found.email, found.time_zone) == ("rita@example.org", "Europe/Berlin")


def test_it_tells_all_that_is_wrong_with_a_profile_and_stores_nothing(rita: Reader) -> None:
    answer = post(rita, "/settings", first_name="R", email="no mail", time_zone="Mars/Base")
    text = text_of(answer.content.decode())
    assert answer.status_code == 400
    assert "Enter a valid email address." in text
    assert "Mars/Base is not the name of a time zone." in text
    assert User.objects.get(pk=rita.user.pk).first_name == ""


def test_it_changes_the_password_and_signs_others_out(lab: Instance) -> None:
    ada = join(lab, Role.READER, username="ada").user
    ada.set_password("correct horse")
    ada.save()
    here, elsewhere = Client(), Client()
    for browser in (here, elsewhere):
        assert browser.login(username="ada", password="correct horse")
    wrong = here.post("/settings/password", {"old_password": "x", "new_password1": "a", "new_password2": "b"})
    assert wrong.status_code == 400
    fields = {
        "old_password": "correct horse",
        "new_password1": "battery staple",
        "new_password2": "battery staple",
    }
    assert here.post("/settings/password", fields).status_code == 302
    assert here.get("/settings").status_code == 200
    assert elsewhere.get("/settings").status_code == 302
    assert Client().login(username="ada", password="battery staple")


# --- Signing in ---


def test_it_lets_nobody_guess_for_long(lab: Instance, time: Time) -> None:
    ada = join(lab, Role.READER, username="ada").user
    ada.set_password("correct horse")
    ada.save()
    for _ in range(signing_in.failed_for_name.limit):
        assert Client().post("/login", {"username": "Ada", "password": "x"}).status_code == 200
    right = {"username": "ada", "password": "correct horse"}
    refused = Client().post("/login", right)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "300"
    assert "too many failed tries" in text_of(refused.content.decode())
    assert Client().post("/login", {"username": "bob", "password": "x"}).status_code == 200
    time.seconds = 301
    assert Client().post("/login", right).status_code == 302


# --- Notices ---


@pytest.fixture
def hooks(settings: Any) -> None:
    settings.WEBHOOK_ALLOW = ["127.0.0.1"]


def test_it_shows_a_webhooks_secret_once(rita: Reader, hooks: None) -> None:
    fields = {"of": "user", "channel": "webhook", "address": "http://127.0.0.1:9/", "kinds": ["job.ended"]}
    text = text_of(post(rita, "/settings/notifications", **fields).content.decode())
    secret = re.search(r"whsec_\w+", text)
    assert secret is not None
    assert secret[0] not in rita.sees("/settings/notifications")
    made = Subscription.objects.get()
    assert (made.user, made.kinds) == (rita.user, ["job.ended"])


def test_it_subscribes_an_instance_for_its_managers_only(
    max_: Reader, rita: Reader, lab: Instance, hooks: None
) -> None:
    fields = {"of": str(lab.pk), "channel": "mail", "address": "lab@example.org", "kinds": ["limit.near"]}
    assert post(rita, "/settings/notifications", **fields).status_code == 400
    assert post(max_, "/settings/notifications", **fields).status_code == 302
    made = Subscription.objects.get()
    assert made.instance == lab
    assert "lab@example.org" in max_.sees("/settings/notifications")
    assert "lab@example.org" not in rita.sees("/settings/notifications")


def test_it_says_why_it_did_not_subscribe_and_keeps_what_was_chosen(rita: Reader) -> None:
    fields = {"of": "user", "channel": "webhook", "address": "http://10.0.0.1/", "kinds": ["session.closed"]}
    answer = post(rita, "/settings/notifications", **fields)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "10.0.0.1 is an address of the inside" in text_of(page)
    assert 'value="session.closed" checked' in page
    assert 'value="http://10.0.0.1/"' in page


def test_it_changes_tries_and_ends_a_subscription(rita: Reader, hooks: None) -> None:
    fields = {"of": "user", "channel": "webhook", "address": "http://127.0.0.1:9/", "kinds": ["job.ended"]}
    post(rita, "/settings/notifications", **fields)
    ident = Subscription.objects.get().pk
    post(rita, f"/settings/notifications/{ident}", kinds=["limit.near", "job.ended"])
    changed = Subscription.objects.get()
    assert (changed.kinds, changed.is_active) == (["job.ended", "limit.near"], False)
    post(rita, f"/settings/notifications/{ident}/test")
    assert Delivery.objects.get().notice.kind == "test"
    assert "This is a test." in rita.sees(f"/settings/notifications/{ident}")
    post(rita, f"/settings/notifications/{ident}/end")
    assert not Subscription.objects.exists()


def test_it_offers_operators_alone_what_concerns_them_alone(rita: Reader) -> None:
    """The bar at the top names the Calibrations page to everybody."""

    def named(reader: Reader) -> int:
        return reader.sees("/settings/notifications").lower().count("calibration")

    assert named(rita) == 1
    assert named(sign_in(is_operator=True)) > 1
