"""The timekeeper carries out deadlines and finds backends without care."""

import pytest
from django_q.models import OrmQ

from quantumsvc.backends.models import Backend
from sessions_app.management.commands.timekeeper import stop
from sessions_app.models import BackendLease
from sessions_app.services.leases import LEASE
from sessions_app.services.submission import Author
from sessions_app.services.timekeeper import IDLE_SECONDS, SWEEP_SECONDS, next_sweep, sweep
from tests.factories import at, open_, submit
from tests.services.worker import Worker


def test_it_closes_what_is_overdue(alice: Author, backend: Backend) -> None:
    session = open_(alice, backend)
    sweep(at(1800))
    session.refresh_from_db()
    assert session.state == "closed"


def test_it_sleeps_until_the_next_deadline_or_looks_at_holders(alice: Author, backend: Backend) -> None:
    assert next_sweep(at(0)) == IDLE_SECONDS
    open_(alice, backend)
    assert next_sweep(at(1795)) == 5
    assert next_sweep(at(1900)) == 0
    Worker(backend)
    assert next_sweep(at(0)) == SWEEP_SECONDS


def test_it_asks_for_a_drain_when_the_holder_is_gone_and_only_once(alice: Author, backend: Backend) -> None:
    submit(alice, backend)
    OrmQ.objects.all().delete()
    Worker(backend).start(1)
    after = 1 + LEASE.total_seconds() + 1
    sweep(at(after))
    sweep(at(after + 1))
    assert OrmQ.objects.count() == 1


def test_it_asks_again_when_the_message_was_lost(alice: Author, backend: Backend) -> None:
    submit(alice, backend)
    OrmQ.objects.all().delete()
    sweep(at(5))
    assert not OrmQ.objects.exists(), "the request may still be on its way"
    sweep(at(11))
    assert OrmQ.objects.count() == 1


def test_it_leaves_backends_without_work_alone(backend: Backend) -> None:
    BackendLease.objects.create(backend=backend)
    sweep(at(100))
    assert not OrmQ.objects.exists()


def test_it_ends_at_once_when_told_to() -> None:
    with pytest.raises(SystemExit) as ended:
        stop(15, None)
    assert ended.value.code == 0
