"""The accounts that the first start makes."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from quantumsvc.accounts.authentication import identify
from quantumsvc.accounts.demo import create_demo_accounts
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from tests.accounts.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def test_it_makes_two_tenants_of_one_account_and_one_of_another() -> None:
    demo = create_demo_accounts(NOON)
    assert {(lab.account, lab.name, lab.plan, lab.region) for lab in Instance.objects.all()} == {
        ("demo", "open-lab", "open", "us-east"),
        ("demo", "internal-lab", "internal", "us-east"),
        ("guest-org", "guest-lab", "premium", "us-east"),
    }
    assert demo.open_lab.tags == ["demo", "teaching"]


def test_it_tells_logins_and_keys_that_work() -> None:
    demo = create_demo_accounts(NOON)
    assert set(demo.logins) == {"reader", "writer", "manager", "guest", "operator"}
    for name, login in demo.logins.items():
        assert login.password is not None
        assert User.objects.get(username=name).check_password(login.password)
        instance = demo.guest_lab if name == "guest" else demo.internal_lab
        caller = identify(f"apikey {login.token}", instance.crn, NOON)
        assert caller.role == {"guest": "manager", "operator": None}.get(name, name)
    assert demo.client.user.username == "manager"


def test_only_the_operator_is_one() -> None:
    create_demo_accounts(NOON)
    for flag in ("is_operator", "is_staff", "is_superuser"):
        assert [user.username for user in User.objects.filter(**{flag: True})] == ["operator"]


def test_it_changes_nothing_when_run_again() -> None:
    first = create_demo_accounts(NOON)
    passwords = set(User.objects.values_list("password"))
    second = create_demo_accounts(LATER)
    assert (second.open_lab, second.guest_lab) == (first.open_lab, first.guest_lab)
    assert {(login.password, login.token) for login in second.logins.values()} == {(None, None)}
    assert set(User.objects.values_list("password")) == passwords
    assert (Instance.objects.count(), Membership.objects.count(), ApiKey.objects.count()) == (3, 7, 5)


def test_it_renews_what_was_lost() -> None:
    first = create_demo_accounts(NOON)
    second = create_demo_accounts(LATER, renew=True)
    for name, login in second.logins.items():
        assert login.token not in {None, first.logins[name].token}
        assert login.password not in {None, first.logins[name].password}
    assert ApiKey.objects.filter(revoked_at__isnull=True).count() == 5


def test_no_two_secrets_are_the_same() -> None:
    logins = create_demo_accounts(NOON).logins.values()
    assert len({secret for login in logins for secret in (login.password, login.token)}) == 2 * len(logins)
