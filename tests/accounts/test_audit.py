"""Every administrative act is written down once, without secrets, for good."""

import pytest
from django.db import DatabaseError, connection, transaction

from quantumsvc.accounts import audit, origin
from quantumsvc.accounts.models import AuditEntry
from quantumsvc.accounts.origin import Via, acting
from quantumsvc.accounts.plans import Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import (
    add_member,
    archive_instance,
    change_role,
    issue_key,
    move_instance,
    remove_member,
    restore_instance,
    revoke_key,
)
from tests.accounts.conftest import NOON, People


def last() -> AuditEntry:
    entry = AuditEntry.objects.first()
    assert entry is not None
    return entry


def test_it_tells_who_did_what_to_what_when_why_and_from_where(people: People) -> None:
    with acting(Via.ADMIN, "192.0.2.7"):
        archive_instance(instance=people.lab, now=NOON, actor=people.olga, reason="term is over")
    entry = last()
    assert (entry.actor, entry.actor_name, entry.action) == (people.olga, "olga", "instance.archived")
    assert (entry.object_kind, entry.object_id, entry.object_name) == ("instance", str(people.lab.pk), "lab")
    assert (entry.at, entry.reason, entry.via, entry.address) == (NOON, "term is over", "admin", "192.0.2.7")


def test_it_is_the_service_that_acts_when_nobody_asked(people: People) -> None:
    origin.enter(origin.NOBODY)
    archive_instance(instance=people.lab, now=NOON)
    assert (last().actor, last().actor_name, last().via, last().address) == (None, "", "service", "")


def test_it_notes_every_change_of_accounts(people: People) -> None:
    start = AuditEntry.objects.count()
    olga, lab = people.olga, people.lab
    add_member(instance=lab, user=people.charlie, role=Role.READER, now=NOON, actor=olga)
    change_role(instance=lab, user=people.charlie, role=Role.WRITER, now=NOON, actor=olga)
    remove_member(instance=lab, user=people.charlie, now=NOON, actor=olga)
    move_instance(instance=lab, parent=people.elsewhere, now=NOON, actor=olga)
    archive_instance(instance=lab, now=NOON, actor=olga)
    restore_instance(instance=lab, now=NOON, actor=olga)
    key = issue_key(user=people.bob, name="laptop", now=NOON, actor=people.bob).key
    revoke_key(key=key, now=NOON, actor=olga)
    revoke_key(key=key, now=NOON, actor=olga)
    noted = list(AuditEntry.objects.order_by("pk")[start:].values_list("action", "before", "after"))
    assert noted == [
        ("member.added", None, {"user": "charlie", "role": "reader"}),
        ("member.role_changed", {"role": "reader"}, {"role": "writer"}),
        ("member.removed", {"user": "charlie", "role": "writer"}, None),
        ("instance.moved", {"parent": None}, {"parent": "elsewhere"}),
        ("instance.archived", None, None),
        ("instance.restored", None, None),
        ("key.made", None, {"user": "bob", "name": "laptop", "expires_at": None}),
        ("key.revoked", {"user": "bob"}, None),
    ]


def test_it_holds_no_key_whoever_pasted_it_where(people: People) -> None:
    text = people.key_of(people.bob, name="first")
    archive_instance(instance=people.lab, now=NOON, reason=f"leaked {text} to a list")
    audit.note("x.done", people.lab, actor=None, now=NOON, after={"note": text, "list": [{"deep": text}]})
    for entry in AuditEntry.objects.values():
        assert text not in str(entry)
    assert last().after == {"note": "(a key)", "list": [{"deep": "(a key)"}]}


@pytest.mark.parametrize("field", ["password", "digest", "token"])
def test_it_refuses_fields_that_hold_secrets(people: People, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        audit.note("x.done", people.lab, actor=None, now=NOON, after={"nested": {field: "x"}})


def test_it_keeps_what_json_can_hold(people: People) -> None:
    audit.note(
        "x.done", people.lab, actor=None, now=NOON,
        before={"at": NOON, "plan": Plan.OPEN, "who": people.bob, "none": None},
        after={"tags": ["a"], "shares": 3, "on": True},
    )  # fmt: skip
    assert last().before == {"at": NOON.isoformat(), "plan": "open", "who": "bob", "none": None}
    assert last().after == {"tags": ["a"], "shares": 3, "on": True}


def test_it_tells_only_what_changed() -> None:
    assert audit.changes({"a": 1, "b": 2}, {"a": 1, "b": 3}) == ({"b": 2}, {"b": 3})


def test_it_is_gone_with_the_act_that_was_undone(people: People) -> None:
    start = AuditEntry.objects.count()
    savepoint = transaction.savepoint()
    archive_instance(instance=people.lab, now=NOON)
    transaction.savepoint_rollback(savepoint)
    assert AuditEntry.objects.count() == start


@pytest.mark.parametrize(
    "deed",
    ["UPDATE accounts_auditentry SET reason = 'another'", "DELETE FROM accounts_auditentry"],
)
def test_it_is_never_changed_or_deleted(people: People, deed: str) -> None:
    refused = pytest.raises(DatabaseError, match="neither changed nor deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(deed)


def test_it_is_read_by_operators_and_for_an_instance_by_its_managers(people: People) -> None:
    lab = AuditEntry.objects.filter(instance=people.lab)
    assert set(AuditEntry.objects.visible_to(people.alice)) == set(lab)
    assert lab.exists()
    for user in (people.bob, people.rita):
        assert not AuditEntry.objects.visible_to(user).exists()
    assert AuditEntry.objects.visible_to(people.olga).count() == AuditEntry.objects.count() > lab.count()
