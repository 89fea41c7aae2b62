"""What is written once stays as it was inserted, whoever writes and by whichever way."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, models, transaction

from sessions_app.models import Decision
from tests.architecture.test_constraints import a_backend, a_job, a_line, a_session, an_entry
from tests.factories import START

pytestmark = pytest.mark.django_db


def a_decision() -> Decision:
    return Decision.objects.create(backend=a_backend(), at=START, rule="S7", job_id="chosen")


# The trigger that sees to it: a row, and a change of it.
APPEND_ONLY: dict[str, tuple[Callable[[], models.Model], dict[str, Any]]] = {
    "audit_is_append_only": (an_entry, {"reason": "another"}),
    "decision_log_is_append_only": (a_decision, {"rule": "S4"}),
    "job_history_is_append_only": (lambda: a_job().events.get(), {"target": "running"}),
    "session_history_is_append_only": (lambda: a_session().events.get(), {"target": "active"}),
    "ledger_is_append_only": (a_line, {"microseconds": 2}),
}


def test_it_has_a_case_for_every_such_trigger() -> None:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT tgname FROM pg_trigger WHERE tgname LIKE '%is\_append\_only'")
        assert {name for (name,) in cursor.fetchall()} == {*APPEND_ONLY}


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_it_neither_changes_nor_deletes(name: str) -> None:
    make, change = APPEND_ONLY[name]
    row = make()
    rows = type(row)._default_manager.filter(pk=row.pk)
    before = rows.values().get()
    for write in (lambda: rows.update(**change), rows.delete):
        refusal = pytest.raises(IntegrityError, match="neither changed nor deleted")
        with refusal as refused, transaction.atomic():
            write()
        cause = refused.value.__cause__
        assert isinstance(cause, psycopg.Error)
        assert cause.diag.constraint_name == name
    assert rows.values().get() == before
