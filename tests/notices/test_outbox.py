"""From an event to whoever asked to be told of it: in its transaction, once, signed, and until it arrives."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django_q.models import OrmQ

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest, Conflict
from quantumsvc.notices import subscribing
from quantumsvc.notices.kinds import NoticeKind, sentence
from quantumsvc.notices.models import Channel, Delivery, Notice, Subscription
from quantumsvc.notices.outbox import (
    AT_A_TIME,
    BACKOFF,
    TRUSTED,
    deliver,
    forget,
    hand_out,
    next_attempt,
    try_out,
)
from reservations_app.models import Window, WindowEvent
from sessions_app.models import BackendAlert
from sessions_app.services.ahead import look_ahead
from sessions_app.services.endings import cancel_job
from sessions_app.services.opening import cancel_session
from sessions_app.services.submission import Author
from tests.factories import at, make_author, make_user, open_, submit
from tests.notices.conftest import leave
from tests.notices.receiving import Receiver
from tests.services.worker import Worker


def subscribe(owner: Author | User | Instance, *kinds: NoticeKind, **over: Any) -> subscribing.Subscribed:
    """Mail to a user, unless told otherwise."""
    actor = owner.user if isinstance(owner, Author) else over.pop("actor", None) or owner
    assert isinstance(actor, User)
    fields: dict[str, Any] = {"channel": Channel.MAIL, "address": "", **over}
    whose = owner.user if isinstance(owner, Author) else owner
    wanted = [kind.value for kind in kinds or (NoticeKind.JOB_ENDED,)]
    return subscribing.subscribe(owner=whose, kinds=wanted, actor=actor, now=at(0), **fields)


def end_a_job(author: Author, backend: Backend, when: float = 0) -> str:
    job = submit(author, backend, when)
    cancel_job(job=job, now=at(when + 1))
    return job.pk


def run_tasks() -> int:
    """Hand out what is due and deliver it, as the workers do."""
    return work_off(10)


def work_off(when: float) -> int:
    count = 0
    while handed := hand_out(at(when)):
        count += handed
        for ident in list(Delivery.objects.filter(handed_at__isnull=False).values_list("pk", flat=True)):
            deliver(ident, at(when))
    return count


# --- What fills the outbox ---


def test_it_says_nothing_that_nobody_wants_to_hear(alice: Author, backend: Backend) -> None:
    end_a_job(alice, backend)
    open_(alice, backend)
    assert not Notice.objects.exists()


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_it_tells_of_a_job_that_ended(alice: Author, backend: Backend, end: str) -> None:
    subscribe(alice)
    job = submit(alice, backend, tags=["vqe"])
    worker = Worker(backend)
    worker.start(1)
    worker.turn(3, end=end, quantum_seconds=2.0, reason_code=None)
    notice = Notice.objects.get()
    assert (notice.kind, notice.subject, notice.at) == ("job.ended", job.pk, at(3))
    assert (notice.instance, notice.user) == (alice.instance, alice.user)
    told = {"state": end, "backend": backend.name, "tags": ["vqe"], "seconds": 2.0, "session": None}
    assert told.items() <= notice.data.items()


def test_it_tells_of_nothing_that_was_rolled_back(alice: Author, backend: Backend) -> None:
    subscribe(alice)
    job = submit(alice, backend)
    with transaction.atomic():
        cancel_job(job=job, now=at(1))
        assert Notice.objects.exists()
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_it_tells_of_a_session_that_closed_and_of_its_jobs(alice: Author, backend: Backend) -> None:
    subscribe(alice, NoticeKind.SESSION_CLOSED, NoticeKind.JOB_ENDED)
    session = open_(alice, backend)
    job = submit(alice, backend, 1, session_id=session.pk)
    cancel_session(session=session, now=at(2))
    assert {(each.kind, each.subject) for each in Notice.objects.all()} == {
        ("session.closed", session.pk),
        ("job.ended", job.pk),
    }
    assert Notice.objects.get(kind="session.closed").data["cause"] == "session_cancelled"


def test_it_tells_of_a_session_before_it_closes_and_once(alice: Author, backend: Backend) -> None:
    subscribe(alice, NoticeKind.SESSION_CLOSING)
    session = open_(alice, backend, max_ttl=1000)
    submit(alice, backend, 0, session_id=session.pk)
    Worker(backend).start(0)
    look_ahead(at(600))
    assert not Notice.objects.exists()
    look_ahead(at(701))
    look_ahead(at(760))
    notice = Notice.objects.get()
    assert (notice.subject, notice.data["closes_at"]) == (session.pk, "2026-11-21T12:16:40.000000Z")


def test_it_tells_when_a_limit_is_near_and_when_it_is_reached(alice: Author, backend: Backend) -> None:
    subscribe(alice, NoticeKind.LIMIT_NEAR)
    Instance.objects.filter(pk=alice.instance.pk).update(usage_limit_seconds=100)
    submit(alice, backend)
    Worker(backend).start(0)
    for when in (79, 80, 81, 100, 101):
        look_ahead(at(when))
    told = list(Notice.objects.order_by("pk").values_list("data__percent", "data__used_seconds"))
    assert told == [(80, 80.0), (100, 100.0)]


def a_window(author: Author, backend: Backend, **over: Any) -> Window:
    fields = {
        "backend": backend, "instance": author.instance, "mode": "dedicated", "kind": "reservation",
        "starts_at": at(600), "ends_at": at(1200), "created_by": author.user, "created_at": at(0), **over,
    }  # fmt: skip
    return Window.objects.create(**fields)


def test_it_tells_of_reservations(alice: Author, backend: Backend) -> None:
    subscribe(
        alice, NoticeKind.RESERVATION_SOON, NoticeKind.RESERVATION_STARTED, NoticeKind.RESERVATION_MISSED
    )
    window = a_window(alice, backend)
    look_ahead(at(0))
    look_ahead(at(60))
    for source, target, when in (("scheduled", "active", 600), ("active", "missed", 1200)):
        WindowEvent.objects.create(window=window, at=at(when), source=source, target=target, cause="began")
    kinds = ["reservation.soon", "reservation.started", "reservation.missed"]
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True)) == kinds
    assert Notice.objects.get(kind="reservation.started").data["ends_at"] == "2026-11-21T12:20:00Z"


def test_it_tells_operators_of_overdue_calibrations(alice: Author, backend: Backend) -> None:
    olga = make_user(email="olga@example.org", is_operator=True)
    subscribe(olga, NoticeKind.CALIBRATION_OVERDUE)
    subscribe(alice, NoticeKind.CALIBRATION_OVERDUE)
    BackendAlert.objects.create(backend=backend, kind="overdue", at=at(1), text="three hours")
    BackendAlert.objects.create(backend=backend, kind="drift", at=at(2), text="T1")
    run_tasks()
    assert [(each.to, each.subject) for each in mail.outbox] == [
        (["olga@example.org"], f"[quantumsvc] A calibration of {backend.name} is overdue.")
    ]


# --- Who is told ---


def test_it_tells_a_user_of_their_own_jobs_only(
    alice: Author, bob: Author, stranger: Author, backend: Backend
) -> None:
    for each in (alice, bob, stranger):
        subscribe(each)
    job = end_a_job(alice, backend)
    run_tasks()
    assert [(each.to, each.subject) for each in mail.outbox] == [
        (["alice@example.org"], f"[quantumsvc] Job {job} on {backend.name} is cancelled.")
    ]


def test_it_tells_all_members_of_what_concerns_all(
    alice: Author, bob: Author, stranger: Author, backend: Backend
) -> None:
    for each in (alice, bob, stranger):
        subscribe(each, NoticeKind.RESERVATION_SOON)
    a_window(alice, backend)
    look_ahead(at(0))
    run_tasks()
    assert sorted(each.to[0] for each in mail.outbox) == ["alice@example.org", "bob@example.org"]


def test_it_tells_an_instance_of_everything_in_it(
    alice: Author, bob: Author, stranger: Author, backend: Backend
) -> None:
    subscribe(alice.instance, actor=alice.user, address="lab@example.org")
    for each in (alice, bob, stranger):
        end_a_job(each, backend)
    run_tasks()
    assert [each.to for each in mail.outbox] == [["lab@example.org"]] * 2


def test_it_tells_nothing_to_those_who_have_left(alice: Author, bob: Author, backend: Backend) -> None:
    subscribe(alice)
    subscribe(bob)
    jobs = [submit(each, backend) for each in (alice, bob)]
    leave(alice, alice.instance)
    User.objects.filter(pk=bob.user.pk).update(is_active=False)
    for job in jobs:
        cancel_job(job=job, now=at(1))
    run_tasks()
    assert mail.outbox == []


# --- How it is sent ---


def hook(author: Author, inbox: Receiver, *kinds: NoticeKind) -> subscribing.Subscribed:
    return subscribe(author, *kinds, channel=Channel.WEBHOOK, address=inbox.url)


def test_it_signs_what_it_sends(alice: Author, backend: Backend, inbox: Receiver) -> None:
    made = hook(alice, inbox)
    job = end_a_job(alice, backend)
    assert run_tasks() == 1
    ((headers, body),) = inbox.heard
    stamp, _, given = headers["Quantumsvc-Signature"].partition(",v1=")
    seconds = stamp.removeprefix("t=")
    assert int(seconds) == int(at(10).timestamp())
    wanted = hmac.new(made.secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert given == wanted
    told = json.loads(body)
    assert (told["type"], told["subject"], told["instance"]) == ("job.ended", job, alice.instance.crn)
    assert told["message"] == f"Job {job} on {backend.name} is cancelled."
    assert headers["Quantumsvc-Delivery"] == told["id"] == Delivery.objects.get().pk
    assert made.secret not in str(Subscription.objects.values().get()), "it is stored nowhere"


def test_it_sends_each_notice_once(alice: Author, backend: Backend, inbox: Receiver) -> None:
    hook(alice, inbox)
    end_a_job(alice, backend)
    run_tasks()
    run_tasks()
    deliver(Delivery.objects.get().pk, at(20))
    assert len(inbox.heard) == 1
    sent = Delivery.objects.get()
    assert (sent.state, sent.attempts, sent.status) == ("sent", 1, 200)


def test_it_tries_again_with_growing_pauses_and_gives_up(
    alice: Author, backend: Backend, inbox: Receiver
) -> None:
    hook(alice, inbox)
    inbox.status = 500
    end_a_job(alice, backend)
    now = at(10)
    for pause in BACKOFF:
        assert hand_out(now) == 1
        deliver(Delivery.objects.get().pk, now)
        left = Delivery.objects.get()
        assert (left.state, left.error, left.next_at) == (
            "pending", "The receiver answered 500.", now + pause,
        )  # fmt: skip
        assert hand_out(now + pause / 2) == 0
        now += pause
    hand_out(now)
    deliver(left.pk, now)
    left.refresh_from_db()
    assert (left.state, left.attempts, left.next_at) == ("failed", len(BACKOFF) + 1, None)
    assert len({headers["Quantumsvc-Delivery"] for headers, _ in inbox.heard}) == 1, "one id in all attempts"


def test_it_follows_no_redirect(alice: Author, backend: Backend, inbox: Receiver) -> None:
    hook(alice, inbox)
    inbox.status, inbox.headers = 302, {"Location": inbox.url}
    end_a_job(alice, backend)
    run_tasks()
    assert len(inbox.heard) == 1
    assert Delivery.objects.get().error == "The receiver answered 302."


def test_it_checks_the_address_at_every_attempt(
    alice: Author, backend: Backend, inbox: Receiver, settings: Any
) -> None:
    hook(alice, inbox)
    settings.WEBHOOK_ALLOW = []
    end_a_job(alice, backend)
    run_tasks()
    assert inbox.heard == []
    assert "inside" in Delivery.objects.get().error


def test_it_survives_a_receiver_that_is_not_there(alice: Author, backend: Backend, settings: Any) -> None:
    settings.WEBHOOK_ALLOW = ["127.0.0.1"]
    subscribe(alice, channel=Channel.WEBHOOK, address="http://127.0.0.1:9/")
    end_a_job(alice, backend)
    run_tasks()
    assert Delivery.objects.get().error.startswith("ConnectionRefusedError")


def test_it_writes_no_mail_to_a_user_without_an_address(alice: Author, backend: Backend) -> None:
    subscribe(alice)
    User.objects.update(email="")
    end_a_job(alice, backend)
    run_tasks()
    assert Delivery.objects.get().error == "The user has no mail address."
    assert mail.outbox == []


def test_it_survives_a_mail_server_that_is_not_there(alice: Author, backend: Backend, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    subscribe(alice)
    end_a_job(alice, backend)
    run_tasks()
    assert "ConnectionRefusedError" in Delivery.objects.get().error


def test_it_gives_few_to_the_workers_at_one_time(alice: Author, backend: Backend) -> None:
    subscribe(alice)
    for n in range(AT_A_TIME + 1):
        end_a_job(alice, backend, n)
    assert hand_out(at(10)) == AT_A_TIME
    assert hand_out(at(11)) == 0
    assert next_attempt() is None
    assert OrmQ.objects.count() >= AT_A_TIME
    deliver(Delivery.objects.filter(handed_at__isnull=False)[0].pk, at(12))
    assert hand_out(at(12)) == 1


def test_it_hands_out_again_what_a_worker_has_lost(alice: Author, backend: Backend) -> None:
    subscribe(alice)
    end_a_job(alice, backend)
    assert hand_out(at(10)) == 1
    assert hand_out(at(11)) == 0
    assert hand_out(at(10) + TRUSTED) == 1


def test_it_tries_no_more_for_a_subscription_that_was_switched_off(alice: Author, backend: Backend) -> None:
    made = subscribe(alice).subscription
    end_a_job(alice, backend)
    hand_out(at(10))
    subscribing.change(subscription=made, is_active=False, actor=alice.user, now=at(11))
    deliver(Delivery.objects.get().pk, at(12))
    assert (Delivery.objects.get().state, mail.outbox) == ("failed", [])


def test_it_sends_a_test_to_one_subscription_alone(alice: Author, inbox: Receiver) -> None:
    made, _ = hook(alice, inbox), subscribe(alice)
    try_out(made.subscription, at(1))
    try_out(made.subscription, at(2))
    run_tasks()
    assert [json.loads(body)["type"] for _, body in inbox.heard] == ["test", "test"]
    assert mail.outbox == []


def test_it_forgets_after_a_month(alice: Author, backend: Backend) -> None:
    subscribe(alice)
    end_a_job(alice, backend)
    run_tasks()
    forget(at(29 * 86_400))
    assert Delivery.objects.count() == 1
    forget(at(31 * 86_400))
    assert not Delivery.objects.exists()


def test_it_has_a_sentence_for_every_kind() -> None:
    for kind in NoticeKind:
        assert sentence(kind.value, "the-subject", {"backend": "b\r\nBcc: x"}).isprintable()


# --- Subscribing ---


@pytest.mark.parametrize(
    "over",
    [
        {"kinds": []},
        {"kinds": ["job.began"]},
        {"channel": Channel.WEBHOOK, "address": "http://10.0.0.1/"},
        {"channel": Channel.WEBHOOK, "address": "gopher://example.org/"},
        {"channel": Channel.WEBHOOK, "address": ""},
        {"address": "somebody-else@example.org"},
    ],
)
def test_it_refuses_subscriptions_that_make_no_sense(alice: Author, over: dict[str, Any]) -> None:
    fields = {"channel": Channel.MAIL, "address": "", "kinds": ["job.ended"], **over}
    with pytest.raises(BadRequest):
        subscribing.subscribe(owner=alice.user, actor=alice.user, now=at(0), **fields)
    assert not Subscription.objects.exists()


def test_it_needs_an_address_to_write_to(alice: Author) -> None:
    nobody = make_author()
    with pytest.raises(BadRequest, match="no mail address"):
        subscribe(nobody)
    with pytest.raises(BadRequest, match="not a mail address"):
        subscribe(alice.instance, actor=alice.user, address="lab")


def test_it_keeps_so_many_subscriptions_and_no_more(alice: Author) -> None:
    for _ in range(subscribing.MAX_SUBSCRIPTIONS):
        subscribe(alice)
    with pytest.raises(Conflict):
        subscribe(alice)
    subscribe(alice.instance, actor=alice.user, address="lab@example.org")
