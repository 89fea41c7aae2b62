"""Olga operates the platform; the people and the work are those of the pages' tests."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from quantumsvc.accounts.models import AuditEntry, User
from quantumsvc.backends.models import Backend
from quantumsvc.notices.models import Delivery, Notice, Subscription
from quantumsvc.wire.ids import new_id
from reservations_app.services.booking import Wish, book
from reservations_app.services.feeds import rotate
from reservations_app.services.limits import create_policy
from reservations_app.services.patterns import pattern_of
from reservations_app.services.rules import Span
from reservations_app.services.series import book_series
from sessions_app.models import BackendAlert, CalibrationPolicy, Job, LedgerLine, Session
from sessions_app.services.calibrations.planning import create_schedule
from sessions_app.services.calibrations.requesting import Wish as Measurement
from sessions_app.services.calibrations.requesting import request_calibration
from sessions_app.services.submission import Author
from tests.factories import at, open_, submit
from tests.pages.conftest import Reader, text_of
from tests.pages.conftest import author as author
from tests.pages.conftest import backend as backend
from tests.pages.conftest import lab as lab
from tests.pages.conftest import max_ as max_
from tests.pages.conftest import olga as olga
from tests.pages.conftest import rita as rita
from tests.pages.conftest import stranger as stranger
from tests.pages.conftest import time as time
from tests.pages.conftest import wanda as wanda
from tests.services.worker import Worker


def act(operator: Reader, model: str, row: Any, name: str, /, **data: Any) -> Any:
    """Confirm an act on one row, or what makes a new one when ``row`` is None."""
    where = f"act/{name}/" if row is None else f"{row.pk}/act/{name}/"
    return operator.client.post(f"/admin/{model}/{where}", {"confirmed": "yes", **data})


def asked(operator: Reader, model: str, row: Any, name: str) -> str:
    """The text of the page that asks before the act."""
    where = f"act/{name}/" if row is None else f"{row.pk}/act/{name}/"
    return operator.sees(f"/admin/{model}/{where}")


def refused(answer: Any) -> str:
    """The errors of a form that was not accepted."""
    assert answer.status_code == 200, answer
    found = re.findall(r'<ul class="errorlist[^"]*"[^>]*>(.*?)</ul>', answer.content.decode(), re.DOTALL)
    assert found, "nothing was refused"
    return text_of(" ".join(found))


def done(answer: Any) -> str:
    """What is said after an act, on the page that it leads to."""
    assert answer.status_code == 302, refused(answer)
    answer = answer.client.get(answer["Location"])
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def last_act() -> tuple[str, str, str]:
    """The newest entry of the audit: who, what, why."""
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    return entry.actor_name, entry.action, entry.reason


@dataclass
class Work:
    """A running job, a waiting one, an open session, and a calibration that is due tomorrow."""

    running: Job
    waiting: Job
    session: Session
    worker: Worker


@pytest.fixture
def work(author: Author, backend: Backend) -> Work:
    return make_work(author, backend)


def book_something(author: Author, backend: Backend) -> None:
    """A window, a series and a policy."""
    operator, _ = User.objects.get_or_create(username="booker", defaults={"is_operator": True})
    wish = Wish(backend=backend, instance=author.instance, span=Span(at(3_600), at(7_200)))
    book(wish, by=operator, now=at(7))
    first = at(10 * 86_400).replace(tzinfo=None)
    pattern = pattern_of(wish, rule="FREQ=DAILY;COUNT=3", first=first, zone="UTC", length=timedelta(hours=1))
    book_series(pattern, by=operator, now=at(7))
    limits = {"longest_minutes": 60}
    create_policy(backend=backend, instance=author.instance, limits=limits, now=at(7), actor=operator)


def tell_somebody(author: Author) -> None:
    """A subscription, something to tell, and its delivery."""
    listener = Subscription.objects.create(
        user=author.user, channel="mail", kinds=["job.ended"], salt="s", created_at=at(7),
        created_by=author.user,
    )  # fmt: skip
    notice = Notice.objects.create(
        kind="job.ended", subject=new_id(), at=at(7), instance=author.instance, user=author.user
    )
    Delivery.objects.create(notice=notice, subscription=listener, next_at=at(8))


def make_work(author: Author, backend: Backend) -> Work:
    running, waiting = submit(author, backend, 1), submit(author, backend, 2)
    session = open_(author, backend, 3)
    worker = Worker(backend)
    worker.start(4)
    request_calibration(backend=backend, wish=Measurement(due_at=at(86_400)), now=at(5), by=None)
    CalibrationPolicy.objects.get_or_create(backend=backend)
    BackendAlert.objects.create(backend=backend, kind="drift", at=at(6), text="T1 of 0 is short")
    tell_somebody(author)
    rotate(user=author.user, backend=backend, now=at(7))
    LedgerLine.objects.create(
        backend=backend, instance=author.instance, user=author.user, kind="job", subject=waiting.pk,
        since=at(1), at=at(2), microseconds=1_000_000,
    )  # fmt: skip
    fields = {"name": "nightly", "rrule": "FREQ=DAILY", "time_zone": "UTC", "starts_at": at(7)}
    book_something(author, backend)
    create_schedule(backend=backend, fields=fields, by=None, now=at(7))
    return Work(running, waiting, session, worker)
