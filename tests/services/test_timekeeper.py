"""The timekeeper carries out deadlines and finds backends without care."""

import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django_q.models import OrmQ

from quantumsvc import clock
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from sessions_app.management.commands.timekeeper import stop
from sessions_app.models import BackendLease, Job, Session
from sessions_app.services import timekeeper
from sessions_app.services.leases import LEASE
from sessions_app.services.opening import open_session
from sessions_app.services.submission import Author
from sessions_app.services.timekeeper import IDLE_SECONDS, SWEEP_SECONDS, next_sweep, sweep
from tests.factories import at, make_author, make_backend, open_, submit
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


def test_a_look_at_holders_leaves_what_changes_by_the_hour_alone(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[str] = []
    for name in ("expire", "plan_all", "watch_overdue"):
        monkeypatch.setattr(timekeeper, name, lambda now, name=name: rounds.append(name))
    submit(alice, backend)
    OrmQ.objects.all().delete()
    sweep(at(11), whole=False)
    assert OrmQ.objects.count() == 1, "a backend that nobody looks after is seen to in every round"
    assert not rounds
    sweep(at(12))
    assert rounds == ["expire", "plan_all", "watch_overdue"]


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


@pytest.mark.django_db(transaction=True)
def test_l2_it_acts_at_a_deadline_and_sleeps_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[float] = []

    class Enough(Exception):
        """The session is closed."""

    def counted(now: datetime, *, whole: bool) -> None:
        sweep(now, whole=whole)
        rounds.append(time.monotonic())
        if Session.objects.filter(state="closed").exists():
            raise Enough

    def keep() -> None:
        with suppress(Enough):
            timekeeper.keep_time()
        connection.close()

    monkeypatch.setattr(timekeeper, "sweep", counted)
    backend, author = make_backend(unused_session_ttl=1), make_author()
    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    while not rounds:
        assert thread.is_alive()
        time.sleep(0.01)
    opened = clock.now()
    session = open_session(
        instance=author.instance, user=author.user, backend=backend, mode=SessionMode.DEDICATED,
        max_ttl=None, now=opened,
    )  # fmt: skip
    thread.join(60)
    late = (clock.now() - opened).total_seconds() - 1
    session.refresh_from_db()
    assert (session.state, session.closed_at) == ("closed", opened + timedelta(seconds=1))
    # Milliseconds where nothing else runs.
    assert late < 10
    assert len(rounds) <= 4, "it sleeps, and does not ask again and again"


def test_it_wakes_when_a_system_job_lets_others_go_first_no_longer(alice: Author, backend: Backend) -> None:
    job = submit(alice, backend)
    Job.objects.filter(pk=job.pk).update(is_system=True, due_at=at(3), deferral_seconds=9)
    assert next_sweep(at(1)) == 2
    assert next_sweep(at(4)) == 8
