"""Hand-written statements share a journey, and fail as others do."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import DataError, ProgrammingError, connection, transaction
from psycopg.pq import TransactionStatus

from quantumsvc import pipeline
from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from quantumsvc.doorbell import connection_parameters
from quantumsvc.statements import Statement, finish, run
from sessions_app.services import dispatch
from sessions_app.services.submission import Author
from tests.factories import make_user, open_, submit
from tests.services.worker import Worker

pytestmark = pytest.mark.django_db

Link = psycopg.Connection[tuple[object, ...]]
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"


@pytest.fixture
def link() -> Iterator[Link]:
    """A connection of its own, that may be broken."""
    with psycopg.connect(**connection_parameters()) as made:
        yield made


def status_after(link: Link, sql: str) -> TransactionStatus:
    pipeline.run(link, [Statement(sql)])
    return link.info.transaction_status


def test_it_gives_the_rows_of_each_statement_in_order() -> None:
    found = run(
        Statement("SELECT %s::int, 100 %% 7", [7]),
        Statement("CREATE TEMP TABLE noted (word text) ON COMMIT DROP"),
        Statement("INSERT INTO noted VALUES (%s), (%s) RETURNING word", ["a", None]),
        Statement("SELECT n FROM generate_series(1, %s::bigint) n", [3], binary=True),
    )
    assert found == [[(7, 2)], [], [("a",), (None,)], [(1,), (2,), (3,)]]


def test_it_prepares_a_statement_once_for_each_kind_of_parameters() -> None:
    for number in (1, 2, 70_000):
        assert run(Statement("SELECT %s + 0 AS prepared_once", [number])) == [[(number,)]]
    assert run(Statement(PREPARED, ["%prepared_once"])) == [[(2,)]]


def test_it_runs_what_it_does_not_prepare_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MOST", 0)
    assert run(Statement("SELECT %s + 0 AS never_prepared", [1])) == [[(1,)]]
    assert run(Statement(PREPARED, ["%never_prepared"])) == [[(0,)]]


def test_after_an_error_nothing_more_is_done_and_the_connection_goes_on() -> None:
    missing = Statement("SELECT * FROM not_there_yet")
    with pytest.raises(ProgrammingError, match="not_there_yet"), transaction.atomic():
        run(Statement("SELECT 1"), missing, Statement("SELECT 2 AS after_it"))
    # What was to be prepared in the journey that failed is prepared again.
    made = Statement("CREATE TEMP TABLE not_there_yet ON COMMIT DROP AS SELECT 5")
    assert run(made, missing, Statement("SELECT 2 AS after_it")) == [[], [(5,)], [(2,)]]


def test_a_parameter_that_cannot_be_sent_harms_nothing() -> None:
    with pytest.raises(DataError), transaction.atomic():
        run(Statement("SELECT 1"), Statement("SELECT %s", ["nul \0"]))
    assert run(Statement("SELECT 1")) == [[(1,)]]


def test_large_parameters_and_answers_pass_each_other() -> None:
    large = b"x" * 3_000_000
    found = run(*[Statement("SELECT %s::bytea", [large], binary=True)] * 4)
    assert found == [[(large,)]] * 4


def test_a_transaction_begins_where_a_cursor_would_begin_one(link: Link) -> None:
    assert status_after(link, "SELECT 1") == TransactionStatus.INTRANS
    assert status_after(link, "COMMIT") == TransactionStatus.IDLE
    link.autocommit = True
    assert status_after(link, "SELECT 1") == TransactionStatus.IDLE


def test_a_connection_that_was_cut_says_so_and_is_closed(link: Link) -> None:
    with pytest.raises(psycopg.OperationalError):
        pipeline.run(
            link, [Statement("SELECT pg_terminate_backend(pg_backend_pid())"), Statement("SELECT 1")]
        )
    with pytest.raises(psycopg.OperationalError):
        pipeline.run(link, [Statement("SELECT 1")])
    assert link.closed


def test_an_interrupted_journey_leaves_no_answer_for_the_next(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(server: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "_answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(link, [Statement("SELECT 1")])
    assert link.closed


def test_the_last_journey_of_a_transaction_commits_it_but_never_that_of_another_block() -> None:
    with transaction.atomic():
        assert finish(Statement("SELECT 1")) == [[(1,)]]
        assert connection.connection.info.transaction_status == TransactionStatus.INTRANS


def test_the_next_job_of_a_session_comes_with_what_every_turn_reads(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    barred = Author(user=make_user(), instance=alice.instance)
    session = open_(alice, backend)
    submit(alice, backend, session_id=session.pk)
    worker = Worker(backend)
    worker.start(1)
    submit(barred, backend, 2, session_id=session.pk)
    following = submit(alice, backend, 3, session_id=session.pk)
    User.objects.filter(pk=barred.user.pk).update(is_active=False)
    monkeypatch.delattr(dispatch, "find_candidate")
    assert worker.start(4, end="completed") == following.pk, "S10 keeps the older one from starting"
