"""The tests' own database can be emptied while others are still at work on it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected

from quantumsvc.accounts.models import Instance
from tests.emptying import patient
from tests.factories import make_instance

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_else() -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Another connection to the tests' database."""
    link = connection.settings_dict
    with psycopg.connect(
        host=link["HOST"], user=link["USER"], dbname=link["NAME"], password=link["PASSWORD"] or None
    ) as other:
        yield other


def test_it_waits_for_those_who_are_in_the_middle_of_something() -> None:
    make_instance(name="the lab")
    began = threading.Event()

    def read_twice() -> None:
        with somebody_else() as other:
            other.execute("SELECT 1 FROM accounts_instance")
            began.set()
            # Once the truncation waits for this transaction, this would wait for the truncation.
            other.execute("SELECT pg_sleep(0.3)")
            other.execute("SELECT 1 FROM accounts_apikey")

    reader = threading.Thread(target=read_twice)
    reader.start()
    assert began.wait(20)
    call_command("flush", interactive=False, verbosity=0)
    reader.join()
    assert not Instance.objects.filter(name="the lab").exists()


def _failing(*causes: Exception) -> tuple[list[Exception], Callable[[], None]]:
    left = list(causes)

    def flush() -> None:
        if left:
            raise OperationalError from left.pop(0)

    return left, flush


def test_it_begins_again_when_the_database_ended_it_for_a_deadlock() -> None:
    left, flush = _failing(DeadlockDetected(), DeadlockDetected())
    patient(flush, connection)()
    assert left == []


def test_another_fault_is_told_at_once() -> None:
    left, flush = _failing(psycopg.errors.DiskFull(), DeadlockDetected())
    with pytest.raises(OperationalError):
        patient(flush, connection)()
    assert len(left) == 1
