"""Subscriptions over the API: one's own, and for managers the instance's."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.notices.models import Delivery, Subscription
from quantumsvc.notices.outbox import deliver, hand_out
from tests.api.callers import Caller, make_caller, refusal
from tests.api.work import post_job
from tests.factories import at
from tests.notices.receiving import receiver
from tests.services.worker import Worker

HOOK = {"channel": "webhook", "kinds": ["job.ended"], "address": "http://127.0.0.1:9/"}


@pytest.fixture(autouse=True)
def local(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW = ["127.0.0.1"]


@pytest.fixture
def manager(alice: Caller) -> Caller:
    return make_caller(alice.instance, Role.MANAGER)


def made(caller: Caller, **over: Any) -> dict[str, Any]:
    answer = caller.post("/notifications", HOOK | over)
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_it_shows_the_secret_once(alice: Caller) -> None:
    body = made(alice, kinds=["session.closed", "job.ended", "job.ended"])
    assert body["secret"].startswith("whsec_")
    assert body["kinds"] == ["job.ended", "session.closed"]
    again = alice.get(f"/notifications/{body['id']}").json()
    assert again == {name: value for name, value in body.items() if name != "secret"}
    assert alice.get("/notifications").json()["subscriptions"] == [again]


def test_it_delivers_and_tells_how_it_went(alice: Caller, backend: Backend) -> None:
    with receiver() as inbox:
        ident = made(alice, address=inbox.url)["id"]
        post_job(alice, backend)
        worker = Worker(backend)
        worker.start(1)
        worker.turn(2, end="completed")
        assert alice.post(f"/notifications/{ident}/test").status_code == 202
        hand_out(at(3))
        for each in Delivery.objects.all():
            deliver(each.pk, at(3))
        assert {json.loads(body)["type"] for _, body in inbox.heard} == {"job.ended", "test"}
    log = alice.get(f"/notifications/{ident}/deliveries").json()
    assert (log["count"], {each["state"] for each in log["deliveries"]}) == (2, {"sent"})
    assert log["deliveries"][0]["status"] == 200


def test_it_is_changed_and_ended_by_its_owner(alice: Caller) -> None:
    ident = made(alice)["id"]
    changed = alice.patch(f"/notifications/{ident}", {"kinds": ["limit.near"], "active": False})
    assert (changed.json()["kinds"], changed.json()["active"]) == (["limit.near"], False)
    assert refusal(alice.patch(f"/notifications/{ident}", {"kinds": []})) == (400, 1210)
    assert alice.delete(f"/notifications/{ident}").status_code == 204
    assert refusal(alice.get(f"/notifications/{ident}"))[0] == 404


def test_only_managers_make_and_see_those_of_the_instance(alice: Caller, manager: Caller) -> None:
    assert refusal(alice.post("/notifications", HOOK | {"of": "instance"}))[0] == 403
    ident = made(manager, of="instance")["id"]
    assert refusal(alice.get(f"/notifications/{ident}"))[0] == 404
    assert alice.get("/notifications").json()["subscriptions"] == []
    second = make_caller(alice.instance, Role.MANAGER)
    assert second.get(f"/notifications/{ident}").json()["of"] == "instance"
    own = made(alice)["id"]
    assert refusal(second.get(f"/notifications/{own}"))[0] == 404


@pytest.mark.parametrize(
    "over",
    [
        {"address": "http://10.0.0.1/"},
        {"address": "http://127.0.0.1\u0000/"},
        {"address": "x" * 600},
        {"channel": "pigeon"},
        {"kinds": ["nothing"]},
        {"of": "everybody"},
        {"secret": "mine"},
    ],
)
def test_it_refuses_bad_subscriptions(alice: Caller, over: dict[str, Any]) -> None:
    assert refusal(alice.post("/notifications", HOOK | over)) == (400, 1210)
    assert not Subscription.objects.exists()


def test_it_lists_subscriptions_in_parts(alice: Caller) -> None:
    idents = [made(alice, address=f"http://127.0.0.1:{port}/")["id"] for port in (9, 10, 11)]
    alice.patch(f"/notifications/{idents[0]}", {"active": False})
    first = alice.get("/notifications", limit=2).json()
    rest = alice.get("/notifications", limit=2, cursor=first["next"]).json()
    found = [each["id"] for each in first["subscriptions"] + rest["subscriptions"]]
    assert (found, first["count"], rest["next"]) == (sorted(idents), 3, None)
    backwards = alice.get("/notifications", sort="-created_at").json()["subscriptions"]
    assert [each["id"] for each in backwards] == found[::-1]
    assert alice.get("/notifications", active="false").json()["count"] == 1
    assert alice.get("/notifications", channel="mail").json()["subscriptions"] == []
