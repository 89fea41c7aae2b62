"""Instances, users, memberships and keys, as an operator manages them."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from quantumsvc.accounts.models import ApiKey, AuditEntry, Instance, Membership, User
from quantumsvc.accounts.selectors import find_valid_key
from quantumsvc.accounts.services import issue_key
from tests.admin.conftest import act, asked, done, last_act, refused
from tests.factories import START, make_instance, make_user
from tests.pages.conftest import Reader

SETTINGS: dict[str, Any] = {
    "name": "physics", "plan": "open", "shares": "3", "tags": "Teaching, lab", "over_limit": "wait",
}  # fmt: skip
PASSWORD = "a long pass phrase"


@pytest.fixture
def key(rita: Reader) -> ApiKey:
    return issue_key(user=rita.user, name="laptop", now=START).key


# --- Instances ---


def test_it_makes_an_instance(olga: Reader) -> None:
    parent = make_instance()
    form = {**SETTINGS, "account": "acme", "region": "eu-de", "parent": parent.pk, "may_calibrate": "on"}
    told = done(act(olga, "accounts/instance", None, "make", **form))
    made = Instance.objects.get(name="physics")
    assert made.crn in told
    assert (made.account, made.region, made.shares, made.tags) == ("acme", "eu-de", 3, ["teaching", "lab"])
    assert (made.parent, made.may_calibrate) == (parent, True)
    assert AuditEntry.objects.filter(instance=made, actor=olga.user, via="admin").count() == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": ""}, "This field is required."),
        ({"account": "two words"}, "letters, digits, dots and hyphens"),
        ({"shares": "-1"}, "greater than or equal to 0"),
        ({"plan": "gold"}, "not one of the available choices"),
        ({"usage_limit_seconds": str(2**31)}, "less than or equal to"),
        ({"name": "tab\there"}, "printable"),
    ],
)
def test_it_makes_no_instance_that_is_wrong(olga: Reader, wrong: dict[str, str], told: str) -> None:
    form = {**SETTINGS, "account": "acme", "region": "eu-de", **wrong}
    assert told in refused(act(olga, "accounts/instance", None, "make", **form))
    assert not Instance.objects.exclude(name="the lab").exists()


def test_it_tells_of_a_name_that_is_taken_and_keeps_the_form(olga: Reader, lab: Instance) -> None:
    form = {**SETTINGS, "name": lab.name, "account": lab.account, "region": "us-east", "tags": "kept"}
    answer = act(olga, "accounts/instance", None, "make", **form)
    assert "has an instance named" in refused(answer)
    assert 'value="kept"' in answer.content.decode()


def test_it_changes_the_settings_and_notes_what_changed(olga: Reader, lab: Instance) -> None:
    page = olga.client.get(f"/admin/accounts/instance/{lab.pk}/act/settings/").content.decode()
    assert 'value="the lab"' in page
    crn = lab.crn
    done(act(olga, "accounts/instance", lab, "settings", **SETTINGS, crn="crn:forged", reason="new term"))
    lab.refresh_from_db()
    assert (lab.name, lab.shares, lab.tags, lab.crn) == ("physics", 3, ["teaching", "lab"], crn)
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.action, entry.reason) == ("instance.changed", "new term")
    assert entry.before == {"name": "the lab", "shares": 1, "tags": []}
    assert entry.after == {"name": "physics", "shares": 3, "tags": ["teaching", "lab"]}


def test_it_archives_and_restores(olga: Reader, lab: Instance) -> None:
    assert "required" in refused(act(olga, "accounts/instance", lab, "archive"))
    done(act(olga, "accounts/instance", lab, "archive", reason="term is over"))
    assert last_act() == ("olga", "instance.archived", "term is over")
    assert "It is archived." in asked(olga, "accounts/instance", lab, "archive")
    assert "archived" in olga.sees(f"/admin/accounts/instance/{lab.pk}/change/")
    done(act(olga, "accounts/instance", lab, "restore"))
    lab.refresh_from_db()
    assert lab.is_active


def test_it_closes_no_circle_of_parents(olga: Reader, lab: Instance) -> None:
    child = make_instance(parent=lab)
    assert "below itself" in refused(act(olga, "accounts/instance", lab, "move", parent=child.pk))
    done(act(olga, "accounts/instance", child, "move", parent=""))
    child.refresh_from_db()
    assert child.parent is None


# --- Users ---


def test_it_makes_a_user_who_can_sign_in(olga: Reader) -> None:
    form = {"username": "anna", "password": PASSWORD, "again": PASSWORD, "time_zone": "Europe/Berlin"}
    done(act(olga, "accounts/user", None, "make", **form))
    anna = User.objects.get(username="anna")
    assert anna.check_password(PASSWORD)
    assert (anna.is_operator, anna.is_staff, anna.time_zone) == (False, False, "Europe/Berlin")
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"username": "rita"}, "already exists"),
        ({"username": "no spaces"}, "valid username"),
        ({"again": "something else"}, "not the same"),
        ({"password": "12345", "again": "12345"}, "too short"),
        ({"time_zone": "Mars/Olympus"}, "not one of the available choices"),
        ({"email": "nowhere"}, "valid email"),
    ],
)
def test_it_makes_no_user_that_is_wrong(olga: Reader, rita: Reader, wrong: dict[str, str], told: str) -> None:
    form = {"username": "anna", "password": PASSWORD, "again": PASSWORD, "time_zone": "UTC", **wrong}
    before = User.objects.count()
    assert told in refused(act(olga, "accounts/user", None, "make", **form))
    assert User.objects.count() == before


def test_it_sets_a_password_which_ends_their_sign_ins(olga: Reader, rita: Reader) -> None:
    assert rita.get("/").status_code == 200
    form = {"password": PASSWORD, "again": PASSWORD, "reason": "lost"}
    done(act(olga, "accounts/user", rita.user, "password", **form))
    rita.user.refresh_from_db()
    assert check_password(PASSWORD, rita.user.password)
    assert rita.get("/").status_code == 302
    assert last_act() == ("olga", "user.password_changed", "lost")
    assert not {rita.user.password, PASSWORD} & set(str(list(AuditEntry.objects.values())).split("'"))


def test_it_notes_an_operators_own_new_password(olga: Reader) -> None:
    olga.user.set_password("the old pass phrase")
    olga.user.save()
    olga.client.force_login(olga.user)
    form = {"old_password": "the old pass phrase", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert olga.client.post("/admin/password_change/", form).status_code == 302
    assert last_act()[:2] == ("olga", "user.password_changed")
    assert olga.client.get("/admin/").status_code == 200, "still signed in"


def test_it_deactivates_and_activates(olga: Reader, rita: Reader, key: ApiKey) -> None:
    done(act(olga, "accounts/user", rita.user, "deactivate", reason="left"))
    assert rita.get("/").status_code == 302
    assert last_act() == ("olga", "user.deactivated", "left")
    done(act(olga, "accounts/user", rita.user, "activate"))
    assert User.objects.get(pk=rita.user.pk).is_active


def test_it_makes_and_dismisses_operators_but_never_the_last(olga: Reader, rita: Reader) -> None:
    done(act(olga, "accounts/user", rita.user, "make_operator", reason="help"))
    assert rita.get("/admin/").status_code == 200
    assert "to themselves" in refused(act(olga, "accounts/user", olga.user, "dismiss_operator", reason="x"))
    done(act(rita, "accounts/user", olga.user, "dismiss_operator", reason="swap"))
    assert olga.get("/admin/").status_code == 302
    assert "to themselves" in refused(act(rita, "accounts/user", rita.user, "deactivate", reason="x"))
    flags = User.objects.values_list("is_operator", "is_staff", "is_superuser")
    assert flags.get(pk=olga.user.pk) == (False, False, False)


def test_it_leaves_the_systems_own_user_alone(olga: Reader) -> None:
    system = make_user(username="quantumsvc-system", is_active=False)
    for name in ("profile", "password", "activate", "make_operator"):
        assert "nothing to be done" in asked(olga, "accounts/user", system, name)
        act(olga, "accounts/user", system, name, reason="x", password=PASSWORD, again=PASSWORD)
    fresh = User.objects.get(pk=system.pk)
    assert (fresh.is_active, fresh.is_operator, fresh.password) == (False, False, system.password)


# --- Memberships ---


def test_it_adds_members_changes_roles_and_removes(olga: Reader, lab: Instance, max_: Reader) -> None:
    anna = make_user(username="anna")
    form = {"instance": lab.pk, "user": anna.pk, "role": "reader"}
    done(act(olga, "accounts/membership", None, "make", **form))
    assert "member of" in refused(act(olga, "accounts/membership", None, "make", **form))
    membership = Membership.objects.get(user=anna)
    done(act(olga, "accounts/membership", membership, "role", role="writer"))
    assert Membership.objects.get(user=anna).role == "writer"
    done(act(olga, "accounts/membership", membership, "remove", reason="left"))
    assert not Membership.objects.filter(user=anna).exists()
    assert last_act() == ("olga", "member.removed", "left")


def test_it_keeps_a_manager(olga: Reader, lab: Instance, max_: Reader) -> None:
    membership = Membership.objects.get(user=max_.user)
    assert "must keep a manager" in refused(act(olga, "accounts/membership", membership, "remove"))
    assert "keep a manager" in refused(act(olga, "accounts/membership", membership, "role", role="reader"))
    assert Membership.objects.get(user=max_.user).role == "manager"


def test_it_searches_for_users_and_instances_while_typing(olga: Reader, rita: Reader, lab: Instance) -> None:
    asked_for = {"app_label": "accounts", "model_name": "membership", "field_name": "user", "term": "rit"}
    found = olga.get("/admin/autocomplete/", **asked_for).json()["results"]
    assert [each["text"] for each in found] == ["rita"]
    assert rita.get("/admin/autocomplete/", **asked_for).status_code == 302


# --- Keys ---


def test_it_revokes_several_keys_after_asking(olga: Reader, rita: Reader, key: ApiKey) -> None:
    second = issue_key(user=rita.user, name="cluster", now=START)
    marked = {"action": "revoke", "_selected_action": [key.pk, second.key.pk]}
    asks = olga.client.post("/admin/accounts/apikey/", marked)
    assert asks.status_code == 200
    assert "2 of 2 chosen" in asks.content.decode()
    assert find_valid_key(second.text, START) is not None, "not yet"
    answer = olga.client.post("/admin/accounts/apikey/", {**marked, "confirmed": "yes", "reason": "leaked"})
    assert "(2)" in done(answer)
    assert find_valid_key(second.text, START) is None
    assert AuditEntry.objects.filter(action="key.revoked", reason="leaked", actor=olga.user).count() == 2


def test_it_wants_the_reason_for_several_too(olga: Reader, key: ApiKey) -> None:
    marked = {"action": "revoke", "_selected_action": [key.pk], "confirmed": "yes", "reason": " "}
    assert "required" in refused(olga.client.post("/admin/accounts/apikey/", marked))
    assert ApiKey.objects.get().revoked_at is None


def test_it_never_shows_what_is_stored_of_a_key(olga: Reader, key: ApiKey) -> None:
    for page in ("", f"{key.pk}/change/", f"{key.pk}/act/revoke/"):
        shown = olga.client.get(f"/admin/accounts/apikey/{page}").content.decode()
        assert key.prefix in shown
        assert key.digest not in shown


@pytest.mark.parametrize(("state", "found"), [("valid", 1), ("revoked", 0), ("expired", 0)])
def test_it_finds_keys_by_state(olga: Reader, key: ApiKey, state: str, found: int) -> None:
    answer = olga.get("/admin/accounts/apikey/", state=state)
    assert answer.context["cl"].result_count == found


# --- The audit ---


def test_it_shows_what_was_done_to_a_thing(olga: Reader, lab: Instance, rita: Reader) -> None:
    act(olga, "accounts/instance", lab, "archive", reason="term is over")
    act(olga, "accounts/user", rita.user, "deactivate", reason="left")
    answer = olga.client.get(f"/admin/accounts/instance/{lab.pk}/history/", follow=True)
    assert [entry.action for entry in answer.context["cl"].result_list] == ["instance.archived"]
    shown = olga.sees(
        f"/admin/accounts/auditentry/{AuditEntry.objects.get(action='instance.archived').pk}/change/"
    )
    assert "term is over" in shown
    assert "admin 127.0.0.1" in shown
    assert "instance.archived" in olga.sees("/admin/")


def test_it_has_no_such_act_or_row(olga: Reader, lab: Instance) -> None:
    for path in (f"instance/{lab.pk}/act/explode/", "instance/0/act/archive/", "instance/act/archive/"):
        assert olga.client.post(f"/admin/accounts/{path}", {"confirmed": "yes"}).status_code == 404
