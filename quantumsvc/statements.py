"""Hand-written statements for the few paths where time counts.

They are prepared once per connection, and several can share one journey to the database. Everything
else goes through the models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with ``%s`` for each parameter. The database infers the parameters' types from their places.

    With ``binary`` the rows come in the database's own form, which is read faster; for many rows only.
    """

    sql: str
    parameters: Sequence[object] = ()
    binary: bool = False


COMMIT = Statement("COMMIT")


def run(*statements: Statement) -> list[Rows]:
    """Run the statements in their order, in the present transaction and one round trip; the rows of each.

    Raises Django's database errors. After an error, nothing of the transaction can be kept.
    """
    if not statements:
        return []
    connection.ensure_connection()
    link: psycopg.Connection[Any] = connection.connection
    cursors = [psycopg.Cursor(link) for _ in statements]
    with connection.wrap_database_errors:
        if len(statements) == 1:
            _send(cursors[0], statements[0])
        else:
            with link.pipeline():
                for cursor, statement in zip(cursors, statements, strict=True):
                    _send(cursor, statement)
        return [_rows(cursor) for cursor in cursors]


def finish(*statements: Statement) -> list[Rows]:
    """Run the last statements of the present transaction, and commit it on the same journey.

    Only for a caller who need not see the rows to know that they may be kept. Inside another
    transaction's block nothing is committed yet.
    """
    assert connection.in_atomic_block
    return run(*statements) if connection.savepoint_ids else run(*statements, COMMIT)[:-1]


def _send(cursor: "psycopg.Cursor[Any]", statement: Statement) -> None:
    cursor.execute(statement.sql.encode(), statement.parameters, prepare=True, binary=statement.binary)


def _rows(cursor: "psycopg.Cursor[Any]") -> Rows:
    """All rows; asks the bare result whether there can be any, since a description is dear to make."""
    bare = cursor.pgresult
    return cursor.fetchall() if bare is not None and bare.nfields else []
