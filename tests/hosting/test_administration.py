"""From an empty service to somebody who can run jobs, with the commands that ``up --no-demo`` names."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError
from django.test import Client

from quantumsvc import clock
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.models import Backend
from quantumsvc.hosting.service_client import banner

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSWORD = "a long and winding road"
LAB = ("newinstance", "our-lab", "--account", "our-org", "--plan", "premium")

pytestmark = pytest.mark.django_db
TypeIn = Callable[[str], None]


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.use(lambda: NOW)


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> TypeIn:
    """Puts text on the standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def said(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def refusal(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        said(*words)
    return str(caught.value)


def test_it_makes_an_operator_who_can_sign_in(type_in: TypeIn) -> None:
    type_in(PASSWORD + "\n")
    said("newoperator", "olga", "--password-stdin")
    olga = User.objects.get(username="olga")
    assert (olga.is_operator, olga.is_staff, olga.is_superuser) == (True, True, True)
    browser = Client()
    assert browser.login(username="olga", password=PASSWORD)
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("username", "password", "told"),
    [("olga", "short", "too short"), ("olga", "", "too short"), ("a b", PASSWORD, "valid username")],
)
def test_it_makes_no_operator_that_could_not_be_safe(
    type_in: TypeIn, username: str, password: str, told: str
) -> None:
    type_in(password)
    assert told in refusal("newoperator", username, "--password-stdin")
    assert not User.objects.exists()


def test_it_asks_nobody_for_a_password_where_nobody_is(type_in: TypeIn) -> None:
    type_in("")
    assert "--password-stdin" in refusal("newoperator", "olga")


def test_it_makes_no_operator_of_a_user_that_exists(type_in: TypeIn) -> None:
    User.objects.create_user(username="anna", password="old")
    type_in(PASSWORD)
    assert "exists" in refusal("newoperator", "anna", "--password-stdin")
    assert not User.objects.get(username="anna").is_operator


def test_it_makes_an_instance_with_its_members() -> None:
    User.objects.create_user(username="anna", password="hers")
    crn = said(*LAB, "--shares", "3", "--member", "anna:manager", "--member", "ben:writer")
    lab = Instance.objects.get()
    assert (lab.crn, lab.name, lab.account, lab.plan, lab.shares) == (crn, "our-lab", "our-org", "premium", 3)
    found = Membership.objects.filter(instance=lab).values_list("user__username", "role")
    assert set(found) == {("anna", "manager"), ("ben", "writer")}
    assert User.objects.get(username="anna").check_password("hers")
    assert not User.objects.get(username="ben").has_usable_password()


@pytest.mark.parametrize(
    "more",
    [
        ("--member", "anna"),
        ("--member", "anna:king"),
        ("--member", ":reader"),
        ("--member", "anna:reader", "--member", "anna:writer"),
        ("--member", "no name:reader"),
        ("--plan", "golden"),
        ("--account", "two words"),
    ],
)
def test_it_makes_nothing_when_it_cannot_make_all(more: tuple[str, ...]) -> None:
    assert refusal(*LAB, *more)
    assert not Instance.objects.exists()
    assert not User.objects.exists()


def test_it_makes_a_key_that_opens_the_service() -> None:
    said(*LAB, "--member", "anna:writer")
    key = said("newkey", "anna", "--name", "laptop", "--days", "7")
    assert ApiKey.objects.get().expires_at == NOW + timedelta(days=7)
    grant = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key})
    asked = Client().post("/identity/token", grant, content_type="application/x-www-form-urlencoded")
    assert asked.json()["access_token"]


def test_it_makes_keys_without_an_end_and_never_two_of_a_name() -> None:
    said(*LAB, "--member", "anna:writer")
    said("newkey", "anna", "--name", "laptop")
    assert ApiKey.objects.get().expires_at is None
    assert "valid key named laptop" in refusal("newkey", "anna", "--name", "laptop")
    assert "no user named 'ben'" in refusal("newkey", "ben", "--name", "laptop")
    assert "before it is made" in refusal("newkey", "anna", "--name", "other", "--days", "0")


def test_it_installs_the_devices_that_are_named() -> None:
    assert said("installdevices", "demo_manila") == "demo_manila"
    assert list(Backend.objects.values_list("name", flat=True)) == ["demo_manila"]
    assert "demo_nairobi" in refusal("installdevices", "demo_manila", "demo_nowhere")


def test_it_installs_all_devices_and_leaves_alone_what_is_there() -> None:
    said("installdevices", "demo_manila")
    Backend.objects.update(max_shots=7)
    names = said("installdevices").split()
    assert sorted(names) == sorted(device.name for device in demo_devices())
    assert set(Backend.objects.values_list("name", flat=True)) == set(names)
    assert Backend.objects.get(name="demo_manila").max_shots == 7


def test_it_names_only_commands_that_exist_where_there_is_no_demo() -> None:
    text = banner("http://127.0.0.1:8000", Path("/some where"), None, is_default=False)
    lines = [line.partition("manage.py ")[2] for line in text.splitlines() if "manage.py " in line]
    named = [line.split()[0] for line in lines]
    assert named == ["newoperator", "installdevices", "newinstance", "newkey"]
    assert set(named) <= set(get_commands())
    assert all("--data '/some where'" in line for line in lines)
