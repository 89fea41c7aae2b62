"""Hand-written statements for the few paths where time counts.

They are prepared once per connection, and several can share one journey to the database. Everything
else goes through the models.
"""

from django.db import connection

from quantumsvc import pipeline
from quantumsvc.pipeline import Rows, Statement

__all__ = ["COMMIT", "Rows", "Statement", "finish", "run"]

COMMIT = Statement("COMMIT")


def run(*statements: Statement) -> list[Rows]:
    """Run the statements in their order, in the present transaction and one round trip; the rows of each.

    Raises Django's database errors. After an error, nothing of the transaction can be kept.
    """
    if not statements:
        return []
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return pipeline.run(connection.connection, statements)


def finish(*statements: Statement) -> list[Rows]:
    """Run the last statements of the present transaction, and commit it on the same journey.

    Only for a caller who need not see the rows to know that they may be kept. Inside another
    transaction's block nothing is committed yet.
    """
    assert connection.in_atomic_block
    return run(*statements) if connection.savepoint_ids else run(*statements, COMMIT)[:-1]
